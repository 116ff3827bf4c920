"""The magnetic sites of a primitive cell, and how the symmetry of the crystal moves them and their patterns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.cells import SYMPREC
from magnetite.orderings.bonds import Bonds, find_bonds
from magnetite.sublattice.symmetry import analyzed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.structures import Crystal

MEETS = 4 * SYMPREC
"""Å; how far a moved site may miss its place: operations and translations are each found within `SYMPREC`."""
_WHOLE = 1e-6


class Operations(NamedTuple):
    """Symmetry operations as they act on magnetic sites.

    Attributes:
        rotations: of fractional coordinates, x → W x + t, shape (n_ops, 3, 3).
        places: site that each site moves to, shape (n_ops, n_sites).
        shifts: cell that it is then in, shape (n_ops, n_sites, 3).
    """

    rotations: NDArray[np.int64]
    places: NDArray[np.int64]
    shifts: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MagneticSublattice:
    """The magnetic sites of a primitive cell.

    Attributes:
        crystal: the primitive cell.
        sites: its magnetic sites, ascending, shape (n_sites,).
        moments: their |m| in μB, shape (n_sites,).
    """

    crystal: Crystal
    sites: NDArray[np.int64]
    moments: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.sites)

    @classmethod
    def of(cls, crystal: Crystal, magnitudes: NDArray[np.float64]) -> MagneticSublattice:
        """That of a crystal in any cell.

        Args:
            crystal: in any cell.
            magnitudes: |m| of its sites in μB, the same for all copies of a site, shape (n_atoms,).
        """
        primitive, places = crystal.primitive
        each = magnitudes[np.unique(places, return_index=True)[1]]
        sites = np.flatnonzero(each)
        return cls(primitive, sites, each[sites])

    @cached_property
    def bonds(self) -> Bonds:
        """Pairs of the sites."""
        return find_bonds(self.crystal, self.sites)

    @cached_property
    def operations(self) -> Operations:
        """The space group, without pure translations; the identity alone in large cells and where none is found."""
        size = len(self)
        nothing = Operations(np.eye(3, dtype=np.int64)[None], np.arange(size)[None], np.zeros((1, size, 3), np.int64))
        crystal = self.crystal
        symmetry = analyzed(crystal)
        if symmetry is None:
            return nothing
        found = symmetry.operations
        coords = crystal.frac_coords[self.sites]
        kinds = crystal.numbers[self.sites]
        rotations, places, shifts = [], [], []
        for rotation, translation in zip(np.array(found.rotations), np.array(found.translations), strict=True):
            gaps = (coords @ rotation.T + translation)[:, None] - coords
            cells = np.rint(gaps)
            miss = np.linalg.norm((gaps - cells) @ crystal.lattice, axis=2) + 1e3 * (kinds[:, None] != kinds)
            place = miss.argmin(axis=1)
            rows = np.arange(size)
            if miss[rows, place].max() < MEETS and len(np.unique(place)) == size:
                rotations.append(rotation)
                places.append(place)
                shifts.append(cells[rows, place].astype(np.int64))
        return Operations(np.array(rotations, np.int64), np.array(places), np.array(shifts)) if rotations else nothing

    @cached_property
    def orbits(self) -> NDArray[np.int64]:
        """Number of the orbit that each site belongs to, from 0, shape (n_sites,)."""
        return np.unique(self.operations.places.min(axis=0), return_inverse=True)[1]

    def signed_permutations(self, k: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What the operations that keep a half vector do to the signs of the sites at it.

        Args:
            k: zero or half a reciprocal lattice vector, in the reciprocal basis, shape (3,).

        Returns:
            ``sources`` and ``signs``, each of shape (n_kept, n_sites): the image of signs σ is
            ``σ[sources] * signs``.
        """
        rotations, places, shifts = self.operations
        moved = k @ np.rint(np.linalg.inv(rotations)) - k
        kept = np.flatnonzero(np.abs(moved - np.rint(moved)).max(axis=1) < _WHOLE)
        turns = np.where(np.rint(2 * shifts[kept] @ k) % 2 == 0, 1, -1)
        sources = np.argsort(places[kept], axis=1)
        return sources, np.take_along_axis(turns, sources, axis=1)

    def classes(self, k: NDArray[np.float64], patterns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers that are equal for patterns that symmetry, or turning all moments round, makes one.

        Args:
            k: zero or half a reciprocal lattice vector, shape (3,).
            patterns: signs of the sites, shape (n_patterns, n_sites).

        Returns:
            A hash for each pattern, shape (n_patterns,).
        """
        sources, signs = self.signed_permutations(k)
        weights = np.random.default_rng(0).integers(1, 2**62, len(self))
        codes = np.full(len(patterns), np.iinfo(np.int64).max)
        for source, sign in zip(sources, signs, strict=True):
            image = patterns[:, source] * sign
            up = image * image[:, :1] > 0  # the first site of every image points up
            codes = np.minimum(codes, up @ weights)  # wraps around, which is as good a hash
        return codes
