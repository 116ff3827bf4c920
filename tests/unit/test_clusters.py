"""What is not periodic in all directions comes in by the same door."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc111, graphene, molecule, nanotube
from pymatgen.core import IMolecule, Molecule, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from magnetite.clusters import Cluster, as_sample
from magnetite.errors import ReadError, StructureError
from magnetite.prototypes.boxes import as_specimen
from magnetite.sources import read_rows, read_structures
from magnetite.structures import Crystal, as_crystal
from magnetite.vacuum import FELT, VACUUM

WATER = molecule("H2O")


def guises(folder: Path) -> list[Any]:
    path = folder / "water.xyz"
    ase.io.write(path, WATER)
    pymatgen = Molecule(WATER.get_chemical_symbols(), WATER.positions)
    plain = {"species": WATER.get_chemical_symbols(), "positions": WATER.positions.tolist()}
    text = folder / "water.json"
    text.write_text(json.dumps(pymatgen.as_dict()))
    return [WATER, path, str(path), text, pymatgen, IMolecule.from_sites(pymatgen), pymatgen.as_dict(), plain]


def test_all_guises_are_the_same_cluster(tmp_path: Path) -> None:
    for guise in guises(tmp_path):
        cluster = as_sample(guise)
        assert isinstance(cluster, Cluster)
        assert cluster.numbers.tolist() == [8, 1, 1]
        assert np.allclose(cluster.positions, WATER.positions, atol=1e-6)
        assert as_sample(cluster) is cluster


def test_crystals_stay_crystals(nio: Structure, tmp_path: Path) -> None:
    path = tmp_path / "nio.cif"
    nio.to(str(path))
    for guise in (nio, nio.as_dict(), path, nio.to_ase_atoms()):
        crystal = as_sample(guise)
        assert isinstance(crystal, Crystal)
        assert len(crystal) == len(nio)


def test_the_door_for_crystals_stays_shut(tmp_path: Path) -> None:
    path, tubes = tmp_path / "tubes.xyz", [nanotube(3, 3), nanotube(4, 4)]
    for tube in tubes:
        tube.pbc = False
    ase.io.write(path, tubes)
    assert all(isinstance(row, StructureError) for _, row in read_rows(path))
    sizes = [len(row) for _, row in read_rows(path, as_sample)]
    assert (
        sizes == [len(nanotube(3, 3)), len(nanotube(4, 4))] == [len(row) for row in read_structures(path, finite=True)]
    )
    with pytest.raises(ReadError, match="finite=True"):
        as_sample(path)


@pytest.mark.parametrize("slab", [graphene(), fcc111("Cu", (1, 1, 3)), fcc111("Cu", (2, 1, 3), vacuum=2)])
def test_slabs_get_vacuum_where_they_are_open(slab: Atoms) -> None:
    crystal = as_sample(slab)
    assert isinstance(crystal, Crystal)
    thickness = np.ptp(slab.positions[:, 2])
    assert np.allclose(crystal.lattice[:2], slab.cell[:2])
    assert crystal.lattice[2] == pytest.approx([0, 0, thickness + VACUUM])
    assert np.allclose(crystal.frac_coords @ crystal.lattice, slab.positions)


def test_enough_vacuum_is_left_as_it_is() -> None:
    slab = fcc111("Cu", (1, 1, 3), vacuum=10)
    assert np.allclose(as_sample(slab).lattice, slab.cell)
    below = slab.copy()
    below.cell[2] *= -1
    assert np.allclose(as_sample(below).lattice, below.cell), "whichever way the vector points"
    flat = slab.copy()
    flat.cell[2] = [10 * slab.cell[0, 0], 0, 3]
    assert as_sample(flat).lattice[2] == pytest.approx([0, 0, np.ptp(slab.positions[:, 2]) + VACUUM]), "long, but flat"
    full = slab.copy()
    full.pbc = True
    full.cell[2] = [0, 0, 12]
    assert np.allclose(as_sample(full).lattice, full.cell), "who says it is periodic is believed"


@pytest.mark.parametrize("pbc", [(True, True, False), (False, True, False), (False, False, False)])
def test_open_directions_are_kept_by_every_guise(pbc: tuple[bool, bool, bool], tmp_path: Path) -> None:
    slab = fcc111("Cu", (2, 1, 3), vacuum=2)
    slab.pbc = pbc
    structure = AseAtomsAdaptor.get_structure(slab)
    path = tmp_path / "slab.json"
    path.write_text(structure.to_json())
    expected = as_sample(slab)
    for guise in (structure, structure.as_dict(), path):
        sample = as_sample(guise)
        assert type(sample) is type(expected)
        assert as_specimen(guise).periodic == pbc
        if isinstance(sample, Crystal) and isinstance(expected, Crystal):
            assert np.allclose(sample.lattice, expected.lattice)
    if any(pbc):
        for guise in (slab, structure):
            assert np.allclose(as_crystal(guise).lattice, expected.lattice)
    else:
        with pytest.raises(StructureError, match="is not periodic"):
            as_crystal(structure)


def test_a_wire_is_open_in_two_directions() -> None:
    wire = Atoms("Pt", cell=[[0, 0, 0], [0, 0, 0], [0, 0, 2.7]], pbc=[False, False, True])
    crystal = as_sample(wire)
    assert crystal.volume == pytest.approx(VACUUM * VACUUM * 2.7)
    assert crystal.condensed.volume == pytest.approx(FELT * FELT * 2.7)


@pytest.mark.parametrize("tilt", [[0, 0, 1], [0.7, -0.4, 1], [-2, 1, 1]])
@pytest.mark.parametrize("shift", [0, 5, 14])
def test_empty_space_is_left_out_and_bonds_are_not(tilt: list[float], shift: float) -> None:
    slab = fcc111("Cu", (2, 2, 3), vacuum=10)
    slab.rattle(0.1, seed=0)
    slab.cell[2] = slab.cell[2, 2] * np.array(tilt)
    slab.pbc = True
    bonds = np.sort(slab.get_all_distances(mic=True), axis=None)
    slab.positions[:, 2] += shift
    slab.wrap()
    near = as_crystal(slab).condensed
    layer = Atoms(near.numbers, cell=near.lattice, scaled_positions=near.frac_coords, pbc=True)
    height = near.volume / np.linalg.norm(np.cross(*near.lattice[:2]))
    assert height == pytest.approx(np.ptp(fcc111("Cu", (2, 2, 3)).positions[:, 2]) + FELT, abs=0.5)
    np.testing.assert_allclose(np.sort(layer.get_all_distances(mic=True), axis=None), bonds, atol=1e-6)
    assert near.condensed is near


def test_full_cells_are_left_alone(nio: Structure) -> None:
    crystal = as_crystal(nio)
    assert crystal.condensed is crystal


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (Atoms(), "no atoms"),
        (Atoms("X"), "atomic numbers outside"),
        (Atoms("H2", [[0, 0, 0], [np.nan, 0, 0]]), "NaN"),
        (Atoms("H2", [[0, 0, 0], [1e9, 0, 0]]), "extends over"),
        (Atoms("H80", np.zeros((80, 3))), "apart"),
        (Atoms("H", pbc=[True, True, False]), "per atom"),
        ({"species": ["H"], "positions": [[0, 0]]}, "shape"),
        ({"species": ["Zz"], "positions": [[0, 0, 0]]}, "unknown element"),
        ({"species": ["H"], "positions": "here"}, "not a dictionary of a molecule"),
        ({"species": ["H"]}, "dictionary lacks"),
        ({"sites": [{"species": [{"element": "H", "occu": 0.5}], "xyz": [0, 0, 0]}]}, "partly occupied"),
        ({"sites": [{"species": []}]}, "partly occupied|not a dictionary"),
        (Molecule([{"H": 0.5}], [[0, 0, 0]]), "partly occupied"),
        (7, "cannot take a int"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(given: Any, reason: str) -> None:
    with pytest.raises(StructureError, match=reason):
        as_sample(given, "here")


def test_clusters_may_be_anywhere() -> None:
    far = WATER.copy()
    far.positions += 1e6
    assert as_sample(far).positions == pytest.approx(far.positions)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "broken.xyz"
    path.write_text("3\n\nH 0 0 0\n")
    with pytest.raises(ReadError):
        as_sample(path)
