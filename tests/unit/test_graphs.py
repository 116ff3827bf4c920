"""The neighbour graph against pymatgen's, and what must not change it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from magnetite.errors import StructureError
from magnetite.graphs import MAX_REACH, NEIGHBOURS, REACH_FACTOR, build_graph
from magnetite.structures import as_crystal


def graph_of(structure: Structure):
    return as_crystal(structure).graph


def shells(graph) -> list[list[float]]:
    """Sorted distances seen by each atom."""
    lengths = np.linalg.norm(graph.vectors, axis=1)
    return [sorted(lengths[graph.receivers == atom].round(3).tolist()) for atom in range(graph.n_atoms)]


def test_edges_are_those_of_pymatgen_within_each_reach(corundum: Structure) -> None:
    graph = graph_of(corundum)
    receivers, _, _, distances = corundum.get_neighbor_list(MAX_REACH)
    for atom in range(len(corundum)):
        mine = distances[receivers == atom]
        reach = min(MAX_REACH, REACH_FACTOR * np.sort(mine)[NEIGHBOURS - 1])
        assert graph.reach[atom] == pytest.approx(reach, abs=1e-5)
        expected = np.sort(mine[mine < reach])
        assert np.linalg.norm(graph.vectors[graph.receivers == atom], axis=1) == pytest.approx(expected, abs=1e-4)


def test_vectors_point_from_receiver_to_sender(rutile: Structure) -> None:
    graph = graph_of(rutile)
    ends = rutile.cart_coords[graph.receivers] + graph.vectors
    frac = rutile.lattice.get_fractional_coords(ends) - rutile.frac_coords[graph.senders]
    assert np.abs(frac - frac.round()).max() < 1e-5


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), atoms=st.integers(1, 8))
def test_graph_does_not_depend_on_how_the_crystal_is_written(seed: int, atoms: int) -> None:
    rng = np.random.default_rng(seed)
    lattice = np.eye(3) * 5 + rng.uniform(-1, 1, (3, 3))
    coords = rng.random((atoms, 3))
    numbers = np.full(atoms, 26)
    try:
        graph = build_graph(lattice, coords, numbers)
    except StructureError:
        return  # two random atoms coincide
    order = rng.permutation(atoms)
    moved = coords[order] + rng.integers(-2, 3, (atoms, 3)) + rng.random(3)
    cell = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1]])  # another basis of the same lattice
    other = build_graph(cell @ lattice, moved @ np.linalg.inv(cell), numbers)
    expected = shells(graph)
    for mine, theirs in zip([expected[i] for i in order], shells(other), strict=True):
        assert mine == pytest.approx(theirs, abs=2e-3)


def test_coincident_atoms_are_named() -> None:
    structure = Structure(Lattice.cubic(4), ["Fe", "Fe"], [[0, 0, 0], [0.01, 0, 0]])
    with pytest.raises(StructureError, match=r"atoms 0 and 1 are only 0\.040 Å apart"):
        graph_of(structure)


def test_an_isolated_atom_has_no_edges_and_full_reach() -> None:
    graph = graph_of(Structure(Lattice.cubic(12), ["Fe"], [[0, 0, 0]]))
    assert graph.n_edges == 0
    assert graph.reach.tolist() == [MAX_REACH]
