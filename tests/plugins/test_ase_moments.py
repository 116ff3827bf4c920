"""Initial moments on atoms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ase import Atoms
from ase.build import bulk

from magnetite.errors import StructureError
from magnetite.reports import MagnetismReport
from magnetite_ase import set_initial_moments

from .conftest import Oracle

Make = Callable[..., MagnetismReport]


def test_ferromagnet(oracle: Oracle, report: Make) -> None:
    atoms = bulk("Fe", cubic=True)
    atoms.set_initial_magnetic_moments([5, -5])
    oracle.report = report("FM", (2.2, 2.2), formula="Fe")
    assert set_initial_moments(atoms) is oracle.report
    assert atoms.get_initial_magnetic_moments().tolist() == [2.2, 2.2]


def test_vectors_are_replaced_too(report: Make) -> None:
    atoms = bulk("Fe", cubic=True)
    atoms.set_initial_magnetic_moments(None)
    atoms.set_initial_magnetic_moments([[0, 5, 0], [0, -5, 0]])
    set_initial_moments(atoms, report("FM", (2.2, 2.2), formula="Fe"))
    assert atoms.get_initial_magnetic_moments().tolist() == [2.2, 2.2]


def test_antiferromagnet_in_its_own_cell(report: Make) -> None:
    u = 0.305
    anions = [[u, u, 0], [-u, -u, 0], [0.5 + u, 0.5 - u, 0.5], [0.5 - u, 0.5 + u, 0.5]]
    cell = [4.8734, 4.8734, 3.3099]
    atoms = Atoms("Mn2F4", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5], *anions], cell=cell, pbc=True)
    given = report("AFM", (4.5, 4.5, 0, 0, 0, 0), formula="MnF2", zero_k_probability=1.0)
    assert set_initial_moments(atoms, given) is given
    assert atoms.get_initial_magnetic_moments().tolist() == [4.5, -4.5, 0, 0, 0, 0]


def test_larger_cells_are_asked_for_and_nothing_is_set(report: Make) -> None:
    atoms = bulk("NiO", "rocksalt", a=4.177)
    given = report("AFM", (1.6, 0.0), zero_k_probability=0.0)
    with pytest.raises(StructureError, match="needs a larger cell"):
        set_initial_moments(atoms, given)
    assert not atoms.has("initial_magmoms")
    larger = given.initial_order(atoms).to_atoms()
    assert len(larger) > len(atoms)
    assert larger.get_initial_magnetic_moments().sum() == 0
