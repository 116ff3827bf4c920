"""The one neighbour graph: which atoms see which, and how far each atom looks.

Each atom looks as far as its own surroundings ask for: `REACH_FACTOR` times the distance of its
`NEIGHBOURS`-th neighbour, at most `MAX_REACH`. Unlike a list of the k nearest atoms, this needs no
choice among neighbours at equal distance, so the graph does not depend on the order of the atoms,
on the choice of cell or on rounding, and an edge's weight can fade to zero before it is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import StructureError

NEIGHBOURS = 12
REACH_FACTOR = 1.25
MAX_REACH = 6.0
"""Å; no atom looks further."""
MIN_DISTANCE = 0.5
"""Å; two atoms closer than this are taken as coincident (H–H in H2 is 0.74 Å)."""
_SEARCH_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Periodic neighbour graph of one crystal.

    Attributes:
        numbers: atomic numbers, shape (n_atoms,).
        senders: index of the neighbour of each edge, shape (n_edges,).
        receivers: index of the atom that sees it, shape (n_edges,), ascending.
        vectors: from receiver to sender in Å, periodic image included, shape (n_edges, 3).
        reach: how far each atom looks, in Å, shape (n_atoms,).
    """

    numbers: NDArray[np.int64]
    senders: NDArray[np.int64]
    receivers: NDArray[np.int64]
    vectors: NDArray[np.float32]
    reach: NDArray[np.float32]

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.numbers)

    @property
    def n_edges(self) -> int:
        """Number of directed edges."""
        return len(self.senders)


def build_graph(lattice: NDArray[np.float64], frac_coords: NDArray[np.float64], numbers: NDArray[np.int64]) -> Graph:
    """Build the neighbour graph of a validated crystal.

    Args:
        lattice: rows are the cell vectors in Å, shape (3, 3).
        frac_coords: fractional coordinates, shape (n_atoms, 3).
        numbers: atomic numbers, shape (n_atoms,).

    Raises:
        StructureError: two atoms (or an atom and its image) are closer than `MIN_DISTANCE`.
    """
    volume_per_atom = abs(np.linalg.det(lattice)) / len(numbers)
    # A sphere of this radius holds about four times the neighbours asked for at mean density.
    radius = min(MAX_REACH, (3 * 4 * NEIGHBOURS * volume_per_atom / (4 * np.pi)) ** (1 / 3))
    found = _pairs(lattice, frac_coords, radius)
    reach = _reach(found[2], found[0], len(numbers))
    if radius < MAX_REACH and reach.max() > radius:
        found = _pairs(lattice, frac_coords, MAX_REACH)
        reach = _reach(found[2], found[0], len(numbers))
    receivers, senders, distances, images = found
    if distances.size and distances.min() < MIN_DISTANCE:
        worst = int(distances.argmin())
        raise StructureError(
            f"atoms {receivers[worst]} and {senders[worst]} are only {distances[worst]:.3f} Å apart "
            f"(periodic images included); the minimum is {MIN_DISTANCE} Å"
        )
    seen = distances < reach[receivers]
    receivers, senders, images = receivers[seen], senders[seen], images[seen]
    vectors = (frac_coords[senders] + images - frac_coords[receivers]) @ lattice
    return Graph(numbers, senders, receivers, vectors.astype(np.float32), reach.astype(np.float32))


def _pairs(
    lattice: NDArray[np.float64], frac_coords: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """All ordered pairs within `radius`: receivers, senders, distances, image offsets."""
    from pymatgen.optimization.neighbors import find_points_in_spheres

    coords = np.ascontiguousarray(frac_coords @ lattice)
    receivers, senders, images, distances = find_points_in_spheres(
        coords, coords, r=float(radius), pbc=np.ones(3, dtype=np.int64), lattice=lattice, tol=_SEARCH_TOLERANCE
    )
    other = (receivers != senders) | np.any(images != 0, axis=1)
    order = np.lexsort((distances[other], receivers[other]))
    return receivers[other][order], senders[other][order], distances[other][order], images[other][order]


def _reach(distances: NDArray[np.float64], receivers: NDArray[np.int64], n_atoms: int) -> NDArray[np.float64]:
    """How far each atom looks, from distances sorted by receiver, then length."""
    counts = np.bincount(receivers, minlength=n_atoms)
    reach = np.full(n_atoms, MAX_REACH)
    enough = counts >= NEIGHBOURS
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    reach[enough] = REACH_FACTOR * distances[starts[enough] + NEIGHBOURS - 1]
    limited: NDArray[np.float64] = np.minimum(reach, MAX_REACH)
    return limited
