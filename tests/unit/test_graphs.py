"""The neighbour graph against pymatgen's, and what must not change it."""

from __future__ import annotations

import itertools

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
        found = np.sort(np.linalg.norm(graph.vectors[graph.receivers == atom], axis=1))
        assert found == pytest.approx(expected, abs=1e-4)


def plain_graph(
    lattice: np.ndarray, frac_coords: np.ndarray
) -> tuple[list[tuple[int, int, tuple[float, ...]]], list[float]]:
    """Edges (receiver, sender, vector in Å) and reach, image by image without any search."""
    # Within MAX_REACH no image lies farther than this many planes of cells.
    planes = np.ceil(MAX_REACH * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int) + 1
    images = np.array(list(itertools.product(*(range(-n, n + 1) for n in planes))))
    edges, reaches = [], []
    for receiver, place in enumerate(frac_coords):
        vectors = (frac_coords[:, None] - place + images) @ lattice
        distances = np.linalg.norm(vectors, axis=2)
        twelfth = np.sort(distances, axis=None)[NEIGHBOURS]  # the first is the atom itself
        reaches.append(min(MAX_REACH, REACH_FACTOR * twelfth))
        for sender, image in np.argwhere((distances > 0.1) & (distances < reaches[-1])):
            edges.append((receiver, int(sender), tuple(vectors[sender, image])))
    return edges, reaches


@pytest.mark.parametrize("spread", [0.3, 1.0])
@pytest.mark.parametrize("length", [3.0, 5.0, 9.0])
def test_edges_are_those_of_a_plain_construction(length: float, spread: float) -> None:
    """Dense and sparse cells; clusters, whose atoms look less far or farther than the mean density says."""
    rng = np.random.default_rng(int(10 * length))
    lattice = np.eye(3) * length + rng.uniform(-0.6, 0.6, (3, 3))
    grid = np.array(list(itertools.product(range(2), repeat=3)))[: 2 if length < 4 else 7] / 2
    coords = grid * (spread if length > 8 else 1) + rng.uniform(-0.02, 0.02, (len(grid), 3))
    graph = build_graph(lattice, coords + rng.integers(-3, 4, coords.shape), np.full(len(coords), 26))
    edges, reaches = plain_graph(lattice, coords)
    assert graph.reach == pytest.approx(reaches, abs=1e-5)
    assert (np.diff(graph.receivers) >= 0).all()
    mine = list(zip(graph.receivers.tolist(), graph.senders.tolist(), graph.vectors.tolist(), strict=True))
    assert len(mine) == len(edges)
    for edge in mine:
        assert any(edge[:2] == other[:2] and np.allclose(edge[2], other[2], atol=1e-4) for other in edges), edge


def test_a_lone_atom_between_dense_slabs_looks_farther_than_the_mean_density_says() -> None:
    grid = np.array(list(itertools.product(range(3), range(3), range(9))))
    lattice = np.diag([5.4, 5.4, 22.0])
    coords = np.concatenate([1.8 * grid, [[0.0, 0.0, 18.2]]]) @ np.linalg.inv(lattice)
    graph = build_graph(lattice, coords, np.full(len(coords), 26))
    lone = len(grid)
    edges, reaches = plain_graph(lattice, coords)
    assert graph.reach == pytest.approx(reaches, abs=1e-5)
    assert np.count_nonzero(graph.receivers == lone) == sum(receiver == lone for receiver, *_ in edges)


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


def test_an_atom_too_close_to_its_own_image_is_named() -> None:
    coords = np.array([[7.3, -2.1, 0.0], [7.3, -2.1, 0.5]])
    with pytest.raises(StructureError, match=r"atoms 0 and 0 are only 0\.400 Å apart"):
        build_graph(np.diag([0.4, 9.0, 9.0]), coords, np.array([26, 26]))


def test_where_the_atoms_are_written_does_not_matter() -> None:
    """Neighbour searches list every cell up to the atoms: far away, that takes longer than the universe has."""
    coords = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    near = build_graph(np.eye(3) * 3, coords, np.array([26, 26]))
    far = build_graph(np.eye(3) * 3, coords + np.array([[0, 0, 0], [1e5, -1e5, 3e4]]), np.array([26, 26]))
    assert shells(far) == shells(near)


def test_transposed_arrays_are_taken() -> None:
    lattice = np.array([[4.0, 0, 0], [0.5, 4, 0], [0, 0.3, 4]])
    coords = np.random.default_rng(0).permutation(8)[:, None] / 8 * [1, 3, 5]
    plain = build_graph(lattice, coords, np.full(8, 26))
    other = build_graph(lattice.T.copy().T, np.asfortranarray(coords), np.full(8, 26))
    assert np.array_equal(other.vectors, plain.vectors)
    assert np.array_equal(other.senders, plain.senders)
