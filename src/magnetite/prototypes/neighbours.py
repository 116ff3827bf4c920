"""Which atoms of one species are near those of another, in crystals and finite samples alike.

A periodic sample becomes a finite one: its cell and all copies of its atoms within reach of it. Small samples
are compared all with all, large ones by a k-d tree, in pieces, so that memory holds no more than the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from magnetite.cells import compact
from magnetite.clusters import Cluster
from magnetite.structures import Crystal

ALL_WITH_ALL = 300_000
"""Up to this many distances, listing them all is quicker than a tree."""
CENTRES_PER_PIECE = 20_000
Ends = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Atoms of a sample and their periodic copies.

    Attributes:
        centres: positions of the sample's own atoms in Å, (n, 3).
        numbers: their atomic numbers, (n,).
        lattice: rows are the vectors of a compact cell in Å, (3, 3); None if the sample is finite.
    """

    centres: NDArray[np.float64]
    numbers: NDArray[np.int64]
    lattice: NDArray[np.float64] | None

    @classmethod
    def of(cls, sample: Crystal | Cluster) -> Surroundings:
        """Of a crystal, with its atoms moved into a compact cell, or of a finite sample."""
        if isinstance(sample, Cluster):
            return cls(np.asarray(sample.positions, float), sample.numbers, None)
        lattice, coords = compact(sample.lattice, sample.frac_coords)
        return cls((coords - np.floor(coords)) @ lattice, sample.numbers, lattice)

    def copies(self, chosen: NDArray[np.intp], reach: float) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """The chosen atoms, then all their periodic copies that can be within reach of the cell.

        Args:
            chosen: indices of atoms.
            reach: in Å.

        Returns:
            Positions in Å, shape (m, 3), and a rank of each, shape (m,): the atom's place among the chosen,
            less a large number if the copy stands before the cell, more if behind. An atom and a copy of
            another see each other twice, once from each end: from one of them the rank is the larger.
        """
        own = self.centres[chosen]
        ranks = np.arange(len(chosen))
        if self.lattice is None:
            return own, ranks
        inverse = np.linalg.inv(self.lattice)
        margin = reach * np.linalg.norm(inverse, axis=0)  # in fractions of the cell, along each vector
        shifts = _shifts(*(np.floor(margin).astype(int) + 1).tolist())
        places = (own @ inverse)[None] + shifts[:, None]
        near = ((places >= -margin) & (places <= 1 + margin)).all(axis=2)
        near[0] = False
        far, atom = np.nonzero(near)
        # Shifts are in lexicographic order around the middle, which says which of two opposite ones is ahead.
        side = np.where(_ahead(shifts)[far], len(chosen), -len(chosen))
        positions = own[atom] + shifts[far] @ self.lattice
        return np.concatenate([own, positions]), np.concatenate([ranks, atom + side])

    def indices(self, number: int) -> NDArray[np.intp]:
        """The atoms of one species."""
        return np.flatnonzero(self.numbers == number)

    def nearest(self, centre: int, neighbour: int, reach: float) -> NDArray[np.float64]:
        """Distance in Å of each atom of one species to its nearest neighbour of another, or of the same.

        Args:
            centre: atomic number of the atoms that look.
            neighbour: atomic number of those looked for.
            reach: how far they look, in Å.

        Returns:
            Shape (n_centres,), infinite where there is none within reach.
        """
        own = self.centres[self.indices(centre)]
        others, _ = self.copies(self.indices(neighbour), reach)
        same = centre == neighbour
        if len(own) * len(others) <= ALL_WITH_ALL:
            distances = _distances(own, others)
            if same:
                np.fill_diagonal(distances, np.inf)  # an atom comes before the copies and in its own place
            found = distances.min(axis=1, initial=np.inf)
        else:
            found = _tree(others).query(own, k=[2 if same else 1], distance_upper_bound=reach * (1 + 1e-9))[0][:, 0]
        return np.where(found <= reach, found, np.inf)

    def vectors(self, centre: int, neighbour: int, reach: float) -> Iterator[NDArray[np.float64]]:
        """Vectors from atoms of one species to those of another, or of the same, within reach, in pieces.

        Between atoms of the same species only one of each two opposite vectors is listed.

        Yields:
            Vectors in Å, shape (any, 3).
        """
        own = self.centres[self.indices(centre)]
        others, ranks = self.copies(self.indices(neighbour), reach)
        same = centre == neighbour
        if len(own) * len(others) <= ALL_WITH_ALL:
            if same and self.lattice is None:
                first, second = _halves(len(own))
                found = others[second] - own[first]
            else:
                every = others[None] - own[:, None]
                found = every[ranks[None] > np.arange(len(own))[:, None]] if same else every.reshape(-1, 3)
            yield found[np.einsum("ij,ij->i", found, found) <= reach**2]
            return
        tree = _tree(others)
        for start in range(0, len(own), CENTRES_PER_PIECE):
            piece = own[start : start + CENTRES_PER_PIECE]
            pairs = _tree(piece).sparse_distance_matrix(tree, reach, output_type="ndarray")
            first, second = pairs["i"], pairs["j"]
            if same:
                once = ranks[second] > first + start
                first, second = first[once], second[once]
            yield others[second] - piece[first]


@lru_cache(maxsize=256)
def _shifts(a: int, b: int, c: int) -> NDArray[np.int64]:
    """All whole-number shifts up to a, b and c in either direction, none first, (n, 3)."""
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in (a, b, c)), indexing="ij"), axis=-1).reshape(-1, 3)
    middle = len(grid) // 2
    return np.concatenate([grid[middle : middle + 1], grid[:middle], grid[middle + 1 :]])


def _ahead(shifts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of all shifts are the later of two opposite ones."""
    return np.arange(len(shifts)) > len(shifts) // 2


@lru_cache(maxsize=512)
def _halves(n: int) -> Ends:
    """Places of all unordered pairs of n things."""
    return np.triu_indices(n, 1)


def _distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial.distance import cdist

    distances: NDArray[np.float64] = cdist(a, b)
    return distances


def _tree(points: NDArray[np.float64]):  # type: ignore[no-untyped-def]  # noqa: ANN202 (scipy has no types)
    from scipy.spatial import cKDTree

    return cKDTree(points)
