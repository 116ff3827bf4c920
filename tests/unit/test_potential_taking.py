"""The door in for potentials: moments of every kind that structures carry."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from pymatgen.core import Lattice, Molecule, Structure
from pymatgen.electronic_structure.core import Magmom

from magnetite.errors import ExchangeError, StructureError
from magnetite.exchange.fitting_pairs import spins_of
from magnetite.potential.taking import as_spin_crystal


def iron(*moments: object) -> Structure:
    coords = [[0, 0, 0], [0.5, 0.5, 0.5]]
    return Structure(Lattice.cubic(2.83), ["Fe", "Fe"], coords, site_properties={"magmom": list(moments)})


def test_moments_relative_to_a_spin_axis_are_turned_into_the_crystal_frame() -> None:
    structure = iron(Magmom(2.0, saxis=[1, 0, 0]), Magmom([0, 2.0, 0]))
    assert as_spin_crystal(structure).moments == pytest.approx(np.array([[2, 0, 0], [0, 2, 0]]))
    assert spins_of(structure, "iron") == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]))


@pytest.mark.parametrize("moments", [("up", "down"), (1.0, [0, 0, [1.0]]), (Magmom(2.0).as_dict(), 1.0)])
def test_moments_that_are_no_numbers_are_refused(moments: tuple[object, object]) -> None:
    with pytest.raises(StructureError, match="moments"):
        as_spin_crystal(iron(*moments))
    with pytest.raises(ExchangeError, match="iron: moments"):
        spins_of(iron(*moments), "iron")


def test_clusters_have_vacuum_on_all_sides() -> None:
    positions = [[0.0, 0, 0], [2, 0, 0], [0, 2, 1]]
    molecule = Molecule(["Fe"] * 3, positions, site_properties={"magmom": [2.0, -2.0, 1.0]})
    for cluster in (molecule, Atoms("Fe3", positions, magmoms=[2.0, -2.0, 1.0])):
        taken = as_spin_crystal(cluster)
        assert taken.crystal.lattice.diagonal() == pytest.approx([17, 17, 16])
        assert taken.crystal.frac_coords @ taken.crystal.lattice == pytest.approx(np.array(positions))
        assert taken.moments[:, 2] == pytest.approx([2, -2, 1])
