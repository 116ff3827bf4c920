"""The one neighbour graph: which atoms see which, and how far each atom looks.

Each atom looks as far as its own surroundings ask for: `REACH_FACTOR` times the distance of its
`NEIGHBOURS`-th neighbour, at most `MAX_REACH`. Unlike a list of the k nearest atoms, this needs no
choice among neighbours at equal distance, so the graph does not depend on the order of the atoms,
on the choice of cell or on rounding, and an edge's weight can fade to zero before it is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, TypeAlias

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
    coords = (frac_coords - np.floor(frac_coords)) @ lattice  # far from the cell, searches take long
    volume_per_atom = float(abs(np.linalg.det(lattice))) / len(numbers)
    # A sphere of this radius holds about four times the neighbours asked for at mean density.
    radius = min(MAX_REACH, (3 * 4 * NEIGHBOURS * volume_per_atom / (4 * np.pi)) ** (1 / 3))
    receivers, senders, images, distances = _pairs(lattice, coords, radius)
    reach = _reach(distances, receivers)
    if reach.max() > radius:
        receivers, senders, images, distances = _pairs(lattice, coords, float(reach.max()))
        reach = _reach(distances, receivers)
    apart = distances >= MIN_DISTANCE
    if np.count_nonzero(~apart) > len(numbers):  # every atom also finds itself
        _refuse(receivers, senders, images, distances)
    seen = np.flatnonzero(apart & (distances < reach[receivers]))
    receivers, senders = receivers[seen], senders[seen]
    vectors = images.take(seen, axis=0) @ lattice  # take is twice as fast as indexing here
    vectors += coords.take(senders, axis=0)
    vectors -= coords.take(receivers, axis=0)
    return Graph(numbers, senders, receivers, vectors.astype(np.float32), reach.astype(np.float32))


_Pairs: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


def _pairs(lattice: NDArray[np.float64], coords: NDArray[np.float64], radius: float) -> _Pairs:
    """Receivers (ascending), senders, image offsets and distances of all ordered pairs within `radius`.

    Each atom is also its own neighbour, at distance zero.
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres

    coords, lattice = np.ascontiguousarray(coords), np.ascontiguousarray(lattice)  # which its C code asks for
    pairs: _Pairs = find_points_in_spheres(
        coords, coords, r=radius, pbc=np.ones(3, dtype=np.int64), lattice=lattice, tol=_SEARCH_TOLERANCE
    )
    return pairs


def neighbours_within(lattice: NDArray[np.float64], frac_coords: NDArray[np.float64], radius: float) -> _Pairs:
    """All ordered pairs within a fixed radius, for models of energies, which must not choose how far to look.

    Args:
        lattice: rows are the cell vectors in Å, shape (3, 3).
        frac_coords: fractional coordinates, shape (n_atoms, 3); any cell's.
        radius: in Å.

    Returns:
        Receivers (ascending), senders, image offsets (as floats) such that
        ``(frac[senders] + images - frac[receivers]) @ lattice`` are the bonds, and distances in Å. Each atom is also
        its own neighbour, at distance zero.
    """
    home = np.floor(frac_coords)
    receivers, senders, images, distances = _pairs(lattice, (frac_coords - home) @ lattice, radius)
    return receivers, senders, images - home[senders] + home[receivers], distances


def _reach(distances: NDArray[np.float64], receivers: NDArray[np.int64]) -> NDArray[np.float64]:
    """How far each atom looks; exact where it is within the radius of the search, larger than that elsewhere."""
    counts = np.bincount(receivers)  # of all atoms: each also finds itself
    # One row an atom, itself first: its NEIGHBOURS-th neighbour then stands at that place of the partition.
    table = np.full((len(counts), max(int(counts.max()), NEIGHBOURS + 1)), np.inf)
    table[np.arange(table.shape[1]) < counts[:, None]] = distances
    table.partition(NEIGHBOURS, axis=1)
    reach: NDArray[np.float64] = np.minimum(REACH_FACTOR * table[:, NEIGHBOURS], MAX_REACH)
    return reach


def _refuse(
    receivers: NDArray[np.int64],
    senders: NDArray[np.int64],
    images: NDArray[np.float64],
    distances: NDArray[np.float64],
) -> NoReturn:
    """Name the two atoms that are closest to each other."""
    itself = (receivers == senders) & ~np.rint(images).any(axis=1)
    worst = int(np.where(itself, np.inf, distances).argmin())
    first, second = sorted((int(receivers[worst]), int(senders[worst])))
    raise StructureError(
        f"atoms {first} and {second} are only {distances[worst]:.3f} Å apart "
        f"(periodic images included); the minimum is {MIN_DISTANCE} Å"
    )
