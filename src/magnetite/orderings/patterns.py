"""Patterns of up and down on a magnetic sublattice at one wave vector, those that symmetry makes one only once."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from magnetite.orderings.couplings import energies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.orderings.sublattice import MagneticSublattice

EXHAUSTIVE = 10
"""Up to so many sites every pattern is looked at; with more, those that a search finds low."""
STARTS = 48
"""Random patterns that the search starts from, beside the softest modes."""
MODES = 8
SWEEPS = 50
BALANCE = 4.0
"""How much more than the couplings a net moment costs in the search."""
NET = 0.05
"""Net moment as a share of Σ|m| below which a pattern counts as antiferromagnetic, as for measured ones."""
MAX_BLOCKS = 6
"""Up to so many orbits (or elements) are turned round one by one for ferrimagnets."""


def antiferromagnetic(
    sublattice: MagneticSublattice, k: NDArray[np.float64], matrix: NDArray[np.complex128]
) -> NDArray[np.int64]:
    """Compensated patterns at zero or half a reciprocal lattice vector, symmetry-distinct.

    Args:
        sublattice: the sites.
        k: in the reciprocal basis, shape (3,); the sign of a site changes by exp(2πi k·R) from cell to cell.
        matrix: couplings at k, shape (n_sites, n_sites).

    Returns:
        Signs of the sites in the cell R = 0, shape (n_patterns, n_sites); empty where none is compensated.
    """
    zero = not k.any()
    found = (
        _all(len(sublattice)) if len(sublattice) <= EXHAUSTIVE else _searched(sublattice, matrix.real, balanced=zero)
    )
    if zero:
        found = found[net_share(found, sublattice.moments) < NET]
    return distinct(sublattice, k, found)


def uncompensated(sublattice: MagneticSublattice) -> NDArray[np.int64]:
    """The ferromagnetic pattern first, then the ferrimagnetic ones: whole orbits or elements turned round.

    Returns:
        Signs of the sites, shape (n_patterns, n_sites).
    """
    numbers = sublattice.crystal.numbers[sublattice.sites]
    blocks = [np.unique(kinds, return_inverse=True)[1] for kinds in (sublattice.orbits, numbers)]
    found = [np.ones((1, len(sublattice)), dtype=np.int64)]
    found += [_all(int(block.max()) + 1)[:, block] for block in blocks if block.max() < MAX_BLOCKS]
    patterns = np.unique(np.concatenate(found), axis=0)[::-1]  # all up is the last of the sorted rows
    share = net_share(patterns, sublattice.moments)
    return distinct(sublattice, np.zeros(3), patterns[share >= NET])


def net_share(patterns: NDArray[np.int64], moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """|Σm| / Σ|m| of patterns at k = 0, shape (n_patterns,)."""
    share: NDArray[np.float64] = abs(patterns @ moments) / moments.sum()
    return share


def distinct(sublattice: MagneticSublattice, k: NDArray[np.float64], patterns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first of all patterns that symmetry makes one, in their order."""
    if not len(patterns):
        return patterns
    return patterns[np.sort(np.unique(sublattice.classes(k, patterns), return_index=True)[1])]


def _all(n_sites: int) -> NDArray[np.int64]:
    """All signs with the first site up, all up first, shape (2^(n_sites - 1), n_sites)."""
    return np.array([(1, *rest) for rest in product((1, -1), repeat=n_sites - 1)], dtype=np.int64)


def _searched(sublattice: MagneticSublattice, couplings: NDArray[np.float64], *, balanced: bool) -> NDArray[np.int64]:
    """Patterns that no single turn lowers, from the signs of the softest modes, whole orbits and chance."""
    moments = sublattice.moments
    size = len(moments)
    if balanced:
        cost = BALANCE * abs(couplings).sum(axis=1).max() / max((moments**2).sum(), 1e-9)
        couplings = couplings + cost * np.outer(moments, moments)
    modes = np.linalg.eigh(couplings)[1][:, :MODES].T
    chance = np.random.default_rng(0).choice([1, -1], (STARTS, size))
    starts = np.concatenate([np.where(modes < 0, -1, 1), chance])
    if (n_orbits := int(sublattice.orbits.max()) + 1) <= EXHAUSTIVE:
        starts = np.concatenate([starts, _all(n_orbits)[:, sublattice.orbits]])
    ends = np.array([_descend(couplings, start) for start in starts])
    both = np.unique(np.concatenate([starts, ends]), axis=0)
    low = np.argsort(energies(couplings.astype(complex), both.astype(complex)), kind="stable")[: 2 * STARTS]
    return both[low]


def _descend(couplings: NDArray[np.float64], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn round the site that gains most, or the two that together do, until none does."""
    signs = start.copy()
    off = couplings - np.diag(np.diag(couplings))
    bound = 4 * abs(off).max(axis=1)  # what turning a second site changes of the gain of the first, at most
    slack = 1e-9 * float(bound.max())
    for _ in range(SWEEPS * len(signs)):
        single = 2 * signs * (off @ signs)  # what turning each site round gains
        reachable = single + bound + max(float(single.max()), 0.0) + slack
        best = _gains(off, signs, single, reachable.argmax()[None])
        rows = np.flatnonzero(reachable >= best.max())  # most pairs cannot be the best, and need not be looked at
        pairs = _gains(off, signs, single, rows)
        row, second = np.unravel_index(int(pairs.argmax()), pairs.shape)
        if pairs[row, second] < 1e-9:  # noqa: PLR2004 (rounding)
            break
        first = rows[row]
        signs[first] *= -1
        if first != second:
            signs[second] *= -1
    return signs


def _gains(
    off: NDArray[np.float64], signs: NDArray[np.int64], single: NDArray[np.float64], rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    """What turning round some sites with every other gains, themselves alone in their own place, (n_rows, n_sites)."""
    pairs: NDArray[np.float64] = single[rows, None] + single - 4 * off[rows] * np.outer(signs[rows], signs)
    pairs[np.arange(len(rows)), rows] = single[rows]
    return pairs
