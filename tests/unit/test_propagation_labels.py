"""Which candidate the moments of a measured structure have."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from magnetite.datasets.records import Record
from magnetite.propagation.examples import example_of
from magnetite.propagation.points import ZoneNames
from magnetite.propagation.stars import stars
from magnetite.structures import as_crystal


def ordered(structure: Structure, magnet: str, wave: tuple[float, float, float], size: tuple[int, int, int]) -> Record:
    """A record of moments cos(2π k · r) along z on one element, k in the reciprocal basis of the structure's cell."""
    cell = structure * size
    phases = 2 * np.pi * cell.cart_coords @ np.linalg.inv(structure.lattice.matrix) @ np.array(wave)
    sizes = [np.cos(phase) if site.specie.symbol == magnet else 0.0 for site, phase in zip(cell, phases, strict=True)]
    # As MAGNDATA's rows: the parent stands in another primitive cell and in another frame than the magnetic cell.
    parent = structure.get_primitive_structure()
    turned = Structure(
        Lattice.from_parameters(*parent.lattice.parameters), [site.specie for site in parent], parent.frac_coords
    )
    return {
        "id": "x", "usable": True, "zero_k": not any(wave), "group_compound": "x|1",
        "parent_cell": as_cell(turned),
        "magnetic_cell": as_cell(cell) | {"moments_cart": [[0.0, 0.0, m] for m in sizes]},
    }  # fmt: skip


def as_cell(structure: Structure) -> Record:
    return {
        "lattice": structure.lattice.matrix.tolist(),
        "species": [site.specie.symbol for site in structure],
        "frac_coords": structure.frac_coords.tolist(),
    }


def name_of(row: Record) -> str:
    example = example_of(row)
    assert example is not None
    assert example.label is not None
    return ZoneNames(as_crystal(row["parent_cell"]).primitive[0].lattice)(example.candidates[example.label])


def test_textbook_orders(nio: Structure, rutile: Structure) -> None:
    assert name_of(ordered(nio, "Ni", (0.5, 0.5, 0.5), (2, 2, 2))) == "L"
    assert name_of(ordered(nio, "Ni", (0, 0, 1), (1, 1, 1))) == "X"
    assert name_of(ordered(nio, "Ni", (1, 0.5, 0), (1, 2, 1))) == "W"
    assert name_of(ordered(rutile, "Mn", (0, 0, 0), (1, 1, 1))) == "Γ"
    assert name_of(ordered(rutile, "Mn", (0.5, 0, 0.5), (2, 1, 2))) == "R"


def test_of_several_waves_the_strongest_that_is_not_zero_counts(nio: Structure) -> None:
    row, weaker = ordered(nio, "Ni", (0, 0, 1), (2, 2, 2)), ordered(nio, "Ni", (0.5, 0.5, 0.5), (2, 2, 2))
    waves = [np.array(each["magnetic_cell"]["moments_cart"]) for each in (row, weaker)]
    parallel = abs(waves[0])
    for share, name in ((0.6, "X"), (1.5, "L")):
        row["magnetic_cell"]["moments_cart"] = (3 * parallel + waves[0] + share * waves[1]).tolist()
        assert name_of(row) == name
    row["magnetic_cell"]["moments_cart"] = (3 * parallel + 0.01 * waves[0]).tolist()
    example = example_of(row)
    assert example is not None
    assert example.label is None, "noise of the refinement is no wave"


def test_what_is_off_the_grid_is_no_candidate(rutile: Structure) -> None:
    example = example_of(ordered(rutile, "Mn", (0, 0, 0.2), (1, 1, 5)))
    assert example is not None
    assert example.label is None
    assert not example.is_zero


def test_unusable_rows_are_left_out(nio: Structure) -> None:
    row = ordered(nio, "Ni", (0.5, 0.5, 0.5), (2, 2, 2))
    assert example_of(row | {"usable": False}) is None


def test_the_magnetic_cell_is_no_feature(nio: Structure) -> None:
    one, other = (
        example_of(ordered(nio, "Ni", wave, size))
        for wave, size in (((0, 0, 1), (1, 1, 1)), ((0.5, 0.5, 0.5), (2, 2, 2)))
    )
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.features, other.features)
    assert one.label != other.label


@pytest.mark.parametrize(("identity", "name"), [("1.6", "L"), ("1.31", "L"), ("0.15", "Γ")])
def test_measured_structures(data_folder: Path, identity: str, name: str) -> None:
    """NiO, MnO and MnF2 as refined, among the rows of the neutron set."""
    with gzip.open(data_folder / "magndata" / "magndata.jsonl.gz", "rt", encoding="utf-8") as lines:
        row = next(row for row in map(json.loads, lines) if row["id"] == identity)
    assert name_of(row) == name


def test_candidates_of_the_parent_are_those_of_its_primitive_cell(nio: Structure) -> None:
    example = example_of(ordered(nio, "Ni", (0, 0, 1), (1, 1, 1)))
    assert example is not None
    assert len(example.candidates) == len(stars(as_crystal(nio).primitive[0]))
