"""Which wave vectors a magnetic order may have, and how probable each is."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from magnetite.propagation.couplings import energies
from magnetite.propagation.points import ZoneNames
from magnetite.propagation.reports import RankedVector
from magnetite.propagation.stars import Star, stars
from magnetite.structures import as_crystal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.structures import Crystal, StructureLike

TEMPERATURE = 0.1
"""Of the Boltzmann weights of geometric energies, in units of a site's couplings."""
EVEN = 0.5
"""Probability of k = 0 where nothing is said of it: half of all measured commensurate structures have it."""


def rank_wave_vectors(
    structure: StructureLike, zero_k_probability: float | None = None, *, limit: int = 5
) -> list[RankedVector]:
    """Rank the commensurate propagation vectors of a crystal.

    Args:
        structure: anything that `as_crystal` takes. Moments on it are ignored.
        zero_k_probability: of k = 0 if it is known better; the others share the rest.
        limit: at most so many are given.

    Returns:
        The most probable first; empty if no atom can carry a moment.

    Raises:
        StructureError: the structure cannot be used.
    """
    crystal = as_crystal(structure)
    primitive = crystal.primitive[0]
    candidates = stars(primitive)
    found = energies(primitive, np.array([star.k for star in candidates], dtype=float), np.nan)
    if np.isnan(found).all():
        return []
    probabilities = shared_out(np.nanmean(found, axis=0), candidates, zero_k_probability)
    return describe(crystal, candidates, probabilities, limit)


def shared_out(
    scores: NDArray[np.float64], candidates: Sequence[Star], zero_k_probability: float | None
) -> NDArray[np.float64]:
    """Probabilities of all candidates from energies, shape (n,)."""
    zero = EVEN if zero_k_probability is None else zero_k_probability
    weights = np.array([0.0 if star.is_zero else 1.0 / star.period**2 for star in candidates])
    weights *= np.exp(-(scores - scores.min()) / TEMPERATURE)
    return np.where([star.is_zero for star in candidates], zero, (1 - zero) * weights / weights.sum())


def describe(
    crystal: Crystal, candidates: Sequence[Star], probabilities: NDArray[np.float64], limit: int
) -> list[RankedVector]:
    """The most probable candidates, in words.

    Args:
        crystal: in the cell that was given.
        candidates: of its primitive cell.
        probabilities: of each, shape (n,).
        limit: at most so many.
    """
    primitive = crystal.primitive[0]
    change = np.rint(crystal.lattice @ np.linalg.inv(primitive.lattice)).astype(int).tolist()
    names = ZoneNames(primitive.lattice)
    found = []
    for index in np.argsort(-probabilities, kind="stable")[:limit]:
        star = candidates[index]
        given = [sum((n * c for n, c in zip(row, star.k, strict=True)), Fraction(0)) for row in change]
        found.append(
            RankedVector(_text(star.k), _text(given), names(star), star.size, round(float(probabilities[index]), 6))
        )
    return found


def _text(k: Sequence[Fraction]) -> tuple[str, str, str]:
    first, second, third = map(str, k)
    return first, second, third
