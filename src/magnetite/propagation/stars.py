"""Commensurate wave vectors of a crystal, those that symmetry makes one taken together.

A magnetic order with wave vector k is described as well by k plus a reciprocal lattice vector, by -k (moments are
real) and, in another domain, by every image of k under the point group: these are the arms of one star. Candidates
are the vectors of which some small multiple is a reciprocal lattice vector; which these are does not depend on the
choice of the primitive cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from magnetite.cells import compact
from magnetite.sublattice.symmetry import MAX_ATOMS_ALONE, analyzed
from magnetite.vacuum import empty_axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.datasets.wave_vectors import WaveVector
    from magnetite.structures import Crystal

PERIODS = (4, 6)
"""Candidates are the vectors of which one of these multiples is a reciprocal lattice vector."""
GRID = 12
"""All candidates have whole components in units of 1/GRID of the reciprocal basis: the least common multiple."""
SAME_LENGTH = 1e-3
"""Vectors whose lengths differ by a smaller share are equally short: measured cells are not exact."""
_NEAR = 2
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Star:
    """Wave vectors that are one and the same but for symmetry, reciprocal lattice vectors and sign.

    Attributes:
        k: the arm that stands for all, in the first Brillouin zone, in the reciprocal basis of the primitive cell.
        arms: all arms but for reciprocal lattice vectors, in units of 1/`GRID`, components 0 to GRID - 1; -k counts
            as another arm where it differs from k.
    """

    k: WaveVector
    arms: tuple[tuple[int, int, int], ...]

    @property
    def is_zero(self) -> bool:
        """Whether it is k = 0."""
        return not any(self.k)

    @property
    def size(self) -> int:
        """Number of arms, k and -k counted once."""
        return len({min(arm, opposite(arm)) for arm in self.arms})

    @property
    def period(self) -> int:
        """The smallest multiple of k that is a reciprocal lattice vector; so many cells, or fewer, repeat the order."""
        return period_of(self.k)


def period_of(k: WaveVector) -> int:
    """The smallest multiple of k that is a reciprocal lattice vector."""
    return int(np.lcm.reduce([component.denominator for component in k]))


def in_other_cell(k: WaveVector, change: NDArray[np.int64]) -> WaveVector:
    """A wave vector in the reciprocal basis of another cell, whose vectors are the rows ``change`` of the first's."""
    first, second, third = (sum((int(n) * c for n, c in zip(row, k, strict=True)), Fraction(0)) for row in change)
    return first, second, third


def as_text(k: WaveVector) -> tuple[str, str, str]:
    """Its components as fractions such as ``1/2``."""
    first, second, third = map(str, k)
    return first, second, third


def opposite(arm: tuple[int, int, int]) -> tuple[int, int, int]:
    """The arm -k of an arm k, in units of 1/GRID."""
    first, second, third = arm
    return -first % GRID, -second % GRID, -third % GRID


def point_group(crystal: Crystal) -> NDArray[np.int64]:
    """How the point group of a primitive cell turns wave vectors.

    Args:
        crystal: a primitive cell.

    Returns:
        Matrices W, shape (n, 3, 3), such that k @ W are the images of k in the reciprocal basis; the identity alone
        where moyo finds no symmetry within `SYMPREC`, and in cells of more than `MAX_ATOMS_ALONE` atoms.
    """
    found = analyzed(crystal, MAX_ATOMS_ALONE)
    if found is None:
        return np.eye(3, dtype=np.int64)[None]
    # Rotations of positions, x -> R x, turn k into k R⁻¹; over the whole group these are the same as all k R.
    unique: NDArray[np.int64] = np.unique(np.array(found.operations.rotations, dtype=np.int64), axis=0)
    return unique


def stars(crystal: Crystal) -> tuple[Star, ...]:
    """The candidates of a primitive cell: one star for each orbit under the point group, k = 0 first.

    Across vacuum, where no moment feels another, a wave has no phase: there all candidates have a component of zero.

    Args:
        crystal: a primitive cell, as `Crystal.primitive` gives it.

    Returns:
        Stars by length of their vectors, then by components.
    """
    points = _grid_points()
    points = points[(points[:, empty_axes(crystal.lattice, crystal.frac_coords)] == 0).all(axis=1)]
    images = np.concatenate([points @ rotation for rotation in point_group(crystal)])
    images = np.concatenate([images, -images]) % GRID
    codes = (images @ _CODE).reshape(-1, len(points))
    arms: dict[int, list[int]] = {}
    for index, orbit in enumerate(codes.min(axis=0)):
        arms.setdefault(int(orbit), []).append(index)
    folded = fold(crystal.lattice, points / GRID)
    reciprocal = np.linalg.inv(crystal.lattice).T
    found = []
    for orbit in arms.values():
        star = _star(points[orbit], np.concatenate([folded[index] for index in orbit]))
        length = np.linalg.norm(np.array(star.k, dtype=float) @ reciprocal)
        found.append((round(float(length), 4), star.k, star))
    return tuple(star for *_, star in sorted(found, key=lambda item: item[:2]))


def star_of(k: NDArray[np.float64], candidates: tuple[Star, ...]) -> int | None:
    """Which of the candidates a wave vector belongs to, or None.

    Args:
        k: in the reciprocal basis of the primitive cell, shape (3,).
        candidates: what `stars` gave.
    """
    scaled = np.asarray(k, dtype=float) * GRID
    whole = np.rint(scaled)
    if abs(scaled - whole).max() > GRID * _ROUNDING:
        return None
    first, second, third = (int(component) % GRID for component in whole)
    return next((i for i, star in enumerate(candidates) if (first, second, third) in star.arms), None)


def fold(lattice: NDArray[np.float64], waves: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The equivalent wave vectors in the first Brillouin zone: of all k + G, those that are shortest.

    Args:
        lattice: of the primitive cell, rows in Å, shape (3, 3).
        waves: in its reciprocal basis, shape (n, 3).

    Returns:
        For each wave vector, in the same basis, one row for each that is shortest: several on the zone's boundary.
    """
    short = compact(lattice, np.zeros((1, 3)))[0]
    change = np.rint(short @ np.linalg.inv(lattice))
    own = waves @ change.T
    near = (own - np.rint(own))[:, None] + _NEIGHBOURS
    lengths = np.linalg.norm(near @ np.linalg.inv(short).T, axis=2)
    shortest = lengths < lengths.min(axis=1, keepdims=True) * (1 + SAME_LENGTH) + _ROUNDING
    back = np.linalg.inv(change).T
    return [vectors[chosen] @ back for vectors, chosen in zip(near, shortest, strict=True)]


_CODE = np.array([GRID**2, GRID, 1])
_NEIGHBOURS = np.array(list(product(range(-_NEAR, _NEAR + 1), repeat=3)))


def _grid_points() -> NDArray[np.int64]:
    """All candidates in units of 1/GRID, shape (n, 3)."""
    axes = [range(0, GRID, GRID // period) for period in PERIODS]
    return np.array(sorted({point for axis in axes for point in product(axis, repeat=3)}), dtype=np.int64)


def _star(arms: NDArray[np.int64], folded: NDArray[np.float64]) -> Star:
    """The star of these arms, in units of 1/GRID, and of what they are in the first zone."""
    whole = np.rint(folded * GRID).astype(int).tolist()
    # The tidiest arm stands for all: few minus signs, small components, the large ones first.
    best = min(whole, key=lambda arm: (sum(c < 0 for c in arm), sum(map(abs, arm)), [-c for c in arm]))
    first, second, third = (Fraction(component, GRID) for component in best)
    return Star((first, second, third), tuple((a, b, c) for a, b, c in sorted(arms.tolist())))
