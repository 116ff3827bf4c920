"""The primitive cell of a crystal: which translations shorter than the cell repeat it.

A symmetry library finds this too, but searches all operations, which takes minutes for thousands of
atoms. Translations alone form a group that few of them generate: every one that is found at least
halves the cell, and a candidate that fails does so at the first few atoms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

FIRST_LOOK = 8
"""Atoms that a candidate is tried on first, then on so many times as many, until it fails or has been on all."""
_SPECIES_APART = 10.0
"""Distance between species in the fourth dimension of the search, more than any in the other three."""


def primitive_cell(
    lattice: NDArray[np.float64], frac_coords: NDArray[np.float64], numbers: NDArray[np.int64], tolerance: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
    """The lattice of all translations that map a crystal onto itself, and the atoms that they map onto each other.

    Args:
        lattice: rows are the cell vectors in Å, shape (3, 3); a compact cell.
        frac_coords: fractional coordinates, shape (n_atoms, 3).
        numbers: atomic numbers, shape (n_atoms,).
        tolerance: how far an atom may miss its copy, in Å.

    Returns:
        Primitive cell vectors in Å, shape (3, 3), and for each atom the number of the primitive cell's atom
        that it is a copy of, shape (n_atoms,); None if the cell is primitive.
    """
    _, species, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    copies = int(np.gcd.reduce(counts))
    if copies == 1:
        return None
    tree = _tree(frac_coords, species)
    rarest = np.flatnonzero(species == counts.argmin())
    orders = _divisors(copies)
    basis = np.eye(3)  # of the translations found so far, rows in units of the cell vectors
    for candidate in frac_coords[rarest[1:]] - frac_coords[rarest[0]]:
        if copies == 1:
            break
        step = _step(candidate @ np.linalg.inv(basis), basis @ lattice, orders, tolerance)
        if step is None:
            continue
        vector, order = step
        moved = frac_coords + vector @ basis / order
        if all(_lands(tree, moved[:n], species[:n], frac_coords, lattice, tolerance) for n in _looks(len(moved))):
            basis = _finer(vector, order) @ basis
            copies //= order
            orders = _divisors(copies)
    repeats = round(1 / abs(np.linalg.det(basis)))
    if repeats == 1:
        return None
    from pymatgen.core.lattice import Lattice

    primitive = np.array(Lattice(basis @ lattice).get_lll_reduced_lattice().matrix)
    places = _places(frac_coords @ lattice @ np.linalg.inv(primitive), species, primitive, tolerance)
    return (primitive, places) if places.max() + 1 == len(numbers) // repeats else None


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _looks(n_atoms: int) -> Iterator[int]:
    """Numbers of atoms to try a candidate on, one after the other."""
    looked = FIRST_LOOK
    while looked < n_atoms:
        yield looked
        looked *= FIRST_LOOK
    yield n_atoms


def _step(
    candidate: NDArray[np.float64], lattice: NDArray[np.float64], orders: list[int], tolerance: float
) -> tuple[NDArray[np.int64], int] | None:
    """A candidate as whole numbers over its order: how often it has to be done to arrive at a lattice vector.

    None for lattice vectors, and if none of the orders that are possible fits; these ascend from 1.
    """
    for order in orders:
        whole = np.round(candidate * order)
        if np.linalg.norm((candidate - whole / order) @ lattice) < tolerance:
            return None if order == 1 else (whole.astype(np.int64), order)
    return None


def _finer(vector: NDArray[np.int64], order: int) -> NDArray[np.float64]:
    """Basis (rows) of the lattice that the unit vectors and vector / order generate, by integer elimination."""
    rows = [order * row for row in np.eye(3, dtype=np.int64)] + [vector]
    basis = []
    for column in range(3):
        while True:
            rows.sort(key=lambda row: (row[column] == 0, abs(row[column])))
            pivot, rest = rows[0], [row for row in rows[1:] if row[column] != 0]
            if not rest:
                break
            rows = [pivot] + [row - (row[column] // pivot[column]) * pivot for row in rows[1:]]
        basis.append(rows.pop(0))
    return np.array(basis, dtype=float) / order


def _tree(coords: NDArray[np.float64], species: NDArray[np.int64]) -> cKDTree:
    """Search tree of atoms in a unit cell, with the species as a fourth coordinate."""
    from scipy.spatial import cKDTree

    return cKDTree(_points(coords, species), boxsize=[1, 1, 1, 0])


def _points(coords: NDArray[np.float64], species: NDArray[np.int64]) -> NDArray[np.float64]:
    inside = coords - np.floor(coords)
    inside[inside >= 1] = 0.0  # what rounding makes of tiny negative numbers
    return np.column_stack([inside, _SPECIES_APART * species])


def _lands(
    tree: cKDTree,
    moved: NDArray[np.float64],
    species: NDArray[np.int64],
    coords: NDArray[np.float64],
    lattice: NDArray[np.float64],
    tolerance: float,
) -> bool:
    """Whether every moved atom lands on an atom of its species, no two on the same."""
    _, hit = tree.query(_points(moved, species))
    miss = moved - coords[hit]
    miss -= np.round(miss)
    return bool((np.linalg.norm(miss @ lattice, axis=1) < tolerance).all() and len(np.unique(hit)) == len(hit))


def _places(
    coords: NDArray[np.float64], species: NDArray[np.int64], lattice: NDArray[np.float64], tolerance: float
) -> NDArray[np.int64]:
    """Number the groups of atoms that coincide in the primitive cell, in the order of their first atoms."""
    tree, points = _tree(coords, species), _points(coords, species)
    radius = 2 * tolerance * np.linalg.norm(np.linalg.inv(lattice), 2)  # its longest stretch, whatever the direction
    places = np.full(len(coords), -1)
    count = 0
    for atom in range(len(coords)):
        if places[atom] >= 0:
            continue
        near = np.array(tree.query_ball_point(points[atom], radius))
        gaps = coords[near] - coords[atom]
        close = np.linalg.norm((gaps - np.round(gaps)) @ lattice, axis=1) < 2 * tolerance
        places[near[close & (places[near] < 0)]] = count
        count += 1
    return places
