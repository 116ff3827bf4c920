"""The primitive cell, against spglib and against what must not change it."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import spglib
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from magnetite import translations
from magnetite.structures import as_crystal
from magnetite.translations import primitive_cell

TOLERANCE = 0.05


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), noise=st.sampled_from([0.0, 0.005]))
def test_any_supercell_of_any_crystal_comes_back(seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    lattice = Lattice(np.eye(3) * 4 + rng.uniform(-1, 1, (3, 3)))
    species = ["Fe", *rng.choice(["Fe", "O"], rng.integers(0, 3))]
    coords = rng.random((len(species), 3))
    cell = Structure(lattice, species, coords)
    distances = cell.distance_matrix + 10 * np.eye(len(cell))
    if distances.min() < 1.0 or len(cell) != len(cell.get_primitive_structure()):
        return
    scaling = rng.integers(-2, 3, (3, 3))
    size = abs(round(np.linalg.det(scaling)))
    if not 1 <= size <= 30:
        return
    big = cell.make_supercell(scaling, in_place=False)
    big.perturb(noise) if noise else None
    crystal = as_crystal(Structure.from_sites([big[i] for i in rng.permutation(len(big))]))
    primitive, places = crystal.primitive
    assert len(primitive) == len(cell)
    assert primitive.volume == pytest.approx(lattice.volume, rel=1e-6)
    assert size == 1 or np.linalg.norm(primitive.lattice, axis=1).prod() < 3 * primitive.volume, "a compact cell"
    assert (np.bincount(places) == size).all()
    assert (primitive.numbers[places] == crystal.numbers).all()
    ends = crystal.frac_coords @ crystal.lattice @ np.linalg.inv(primitive.lattice) - primitive.frac_coords[places]
    assert np.linalg.norm((ends - ends.round()) @ primitive.lattice, axis=1).max() < 2 * TOLERANCE


@pytest.mark.parametrize("group", ["Fm-3m", "Im-3m", "Ia-3d", "R-3c", "C2/c", "I4/mmm", "P4/mmm"])
def test_centred_cells_as_spglib_reduces_them(group: str) -> None:
    lattices = {
        "R-3c": Lattice.hexagonal(5, 13),
        "C2/c": Lattice.monoclinic(8, 6, 7, 100),
        "I4/mmm": Lattice.tetragonal(4, 9),
    }
    lattice = lattices.get(group, Lattice.tetragonal(5, 6) if group == "P4/mmm" else Lattice.cubic(9))
    structure = Structure.from_spacegroup(group, lattice, ["Mn"], [[0.13, 0.21, 0.34]])
    cell = (lattice.matrix, structure.frac_coords, structure.atomic_numbers)
    expected = len(set(spglib.get_symmetry_dataset(cell, symprec=1e-3).mapping_to_primitive))
    found = primitive_cell(lattice.matrix, structure.frac_coords, np.array(structure.atomic_numbers), TOLERANCE)
    assert (len(structure) if found is None else found[1].max() + 1) == expected


def test_almost_a_supercell_is_none(nio: Structure) -> None:
    big = nio * (2, 1, 1)
    assert as_crystal(big).primitive[0].numbers.size == 2
    big.translate_sites([0], [1.1 * TOLERANCE, 0, 0], frac_coords=False)
    assert as_crystal(big).primitive[0].numbers.size == len(big)
    big = nio * (2, 1, 1)
    big.replace(0, "Co")
    assert as_crystal(big).primitive[0].numbers.size == len(big)


@pytest.mark.parametrize("element", ["Ni", "O"])
def test_one_atom_may_miss_its_copy_by_the_tolerance(nio: Structure, element: str) -> None:
    big = nio * (2, 1, 1)
    big.translate_sites(big.indices_from_symbol(element)[:1], [0.9 * TOLERANCE, 0, 0], frac_coords=False)
    assert as_crystal(big).primitive[0].numbers.size == 2


def test_a_translation_onto_another_element_is_none() -> None:
    coords = np.array([[0, 0, 0], [0.2, 0.1, 0.3], [0.6, 0.5, 0.1]])
    swapping = np.concatenate([coords, coords + np.array([0, 0, 0.5])])
    found = primitive_cell(np.diag([4.0, 5.0, 6.0]), swapping, np.array([8, 25, 26, 8, 26, 25]), TOLERANCE)
    assert found is None


def test_what_one_atom_of_many_contradicts_costs_no_other_translation(nio: Structure) -> None:
    """Candidates are tried on few atoms first; the one that is out of place stands last."""
    cell = nio * (2, 1, 1)
    cell.translate_sites([-1], [3 * TOLERANCE, 0, 0], frac_coords=False)
    assert as_crystal(cell * (1, 1, 2)).primitive[0].numbers.size == len(cell)


def test_copies_that_drift_too_far_apart_leave_the_cell() -> None:
    """Three translations that each miss by just less than allowed put the last copy far from the first."""
    big = Structure(Lattice.orthorhombic(4, 5, 6), ["Fe"], [[0, 0, 0]]) * (2, 2, 2)
    for site, steps in enumerate((0, 1, 1, 2, 1, 2, 2, 3)):
        big.translate_sites([site], [0, 0, 0.98 * TOLERANCE * steps], frac_coords=False)
    primitive, places = as_crystal(big).primitive
    assert places.tolist() == list(range(8))
    assert len(primitive) == 8


@pytest.mark.parametrize("angle", range(0, 180, 15))
def test_copies_may_be_apart_in_any_direction(angle: int) -> None:
    """Two translations that each miss by just less than allowed, one after the other."""
    big = Structure(Lattice.hexagonal(4, 6), ["Fe", "O"], [[0, 0, 0], [1 / 3, 2 / 3, 0.5]]) * (2, 2, 1)
    way = 0.98 * TOLERANCE * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0])
    for site, steps in zip(big.indices_from_symbol("Fe"), (0, 1, 1, 2), strict=True):
        big.translate_sites(site, steps * way, frac_coords=False)
    assert len(as_crystal(big).primitive[0]) == 2


def test_snapshots_of_dynamics_are_not_looked_at_whole_for_every_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Displaced by about half the tolerance, a few atoms often land: 10,000 atoms took half a minute."""
    side = 8
    rng = np.random.default_rng(0)
    coords = (np.array(list(product(range(side), repeat=3))) + rng.normal(0, 0.006, (side**3, 3))) / side
    looked = []
    lands = translations._lands

    def counted(tree: Any, moved: np.ndarray, *rest: Any) -> bool:
        looked.append(len(moved))
        return lands(tree, moved, *rest)

    monkeypatch.setattr(translations, "_lands", counted)
    assert primitive_cell(np.eye(3) * 2.6 * side, coords, np.full(side**3, 26), 0.05) is None
    assert sum(looked) < 100 * side**3
