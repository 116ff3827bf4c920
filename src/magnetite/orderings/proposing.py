"""From a crystal and its report to a ranked list of magnetic orders."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import MagnetiteError
from magnetite.orderings.candidates import rank_candidates
from magnetite.orderings.moments import site_magnitudes
from magnetite.orderings.order import MagneticOrder
from magnetite.orderings.sublattice import MagneticSublattice
from magnetite.orderings.supercells import magnetic_order
from magnetite.orderings.waves import COLLINEAR_PERIODS
from magnetite.propagation import rank_wave_vectors
from magnetite.propagation.stars import in_other_cell, period_of, point_group
from magnetite.structures import as_crystal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from magnetite.datasets.wave_vectors import WaveVector
    from magnetite.reports import MagnetismReport
    from magnetite.structures import Crystal, StructureLike

WAVE_VECTORS = 12
"""Wave vectors that are looked at, the most probable ones."""
UNIFORM = {"AFM": 0.5, "FM": 0.5}
EVEN = 0.5
"""Probability of k = 0 where it is unknown."""


def propose_orders(
    structure: StructureLike,
    report: MagnetismReport | None = None,
    *,
    limit: int = 10,
    noncollinear: bool = False,
) -> list[MagneticOrder]:
    """Propose magnetic orders to start calculations from, the most probable first.

    Ferromagnetic; ferrimagnetic by whole elements or orbits of sites; antiferromagnetic patterns on the smallest
    multiple of the given cell that each probable propagation vector asks for, each once but for symmetry. Sizes of
    moments are those of the report (`magnetite.orderings.moments`). The network gives sizes and probabilities;
    the patterns follow from learned couplings of pairs of sites (`magnetite.orderings.couplings`).

    Args:
        structure: what `analyze_magnetism` takes. Moments on it are ignored. The primitive cell gives the
            smallest magnetic cells.
        report: of this structure; predicted by the default model if None.
        limit: at most so many are given.
        noncollinear: also give spirals, at wave vectors that leave no collinear order of equal moments.

    Returns:
        Orders with their scores: probabilities, if the crystal orders; empty if no site can carry a moment.

    Raises:
        StructureError: the structure cannot be used or has more than 2,000 magnetic sites in its primitive cell, or the
            report is of an error, of another one or of its sites in another order.
        ReadError: the file cannot be read.
        MagnetiteError: `limit` is negative.
    """
    _check_limit(limit)
    crystal = as_crystal(structure)
    if report is None:
        from magnetite.api import analyze_magnetism

        report = analyze_magnetism(crystal)
    report.check_structure(crystal)
    magnitudes = site_magnitudes(crystal, report.site_moments)
    return rank_orders(
        crystal,
        magnitudes,
        report.probabilities,
        report.zero_k_probability,
        limit=limit,
        noncollinear=noncollinear,
    )


def rank_orders(
    crystal: Crystal,
    magnitudes: NDArray[np.float64],
    shares: Mapping[str, float] | None = None,
    zero_k_probability: float | None = None,
    *,
    limit: int = 10,
    kinds: Collection[str] | None = None,
    noncollinear: bool = False,
) -> list[MagneticOrder]:
    """The same without a report.

    Args:
        crystal: in any cell.
        magnitudes: |m| of its sites in μB, 0 for non-magnetic ones, shape (n_atoms,).
        shares: probabilities of ``AFM`` and ``FM`` (FM or FiM); equal if None.
        zero_k_probability: of a zero propagation vector, None if unknown (`EVEN`).
        limit: at most so many are given.
        kinds: only orders of these kinds are given.
        noncollinear: also give spirals.

    Raises:
        MagnetiteError: `limit` is negative.
        StructureError: too many magnetic sites to search for patterns (`rank_candidates`).
    """
    _check_limit(limit)
    sublattice = MagneticSublattice.of(crystal, magnitudes)
    if not len(sublattice):
        return []
    waves = wave_vectors(crystal, zero_k_probability, noncollinear=noncollinear)
    found = rank_candidates(sublattice, UNIFORM if shares is None else shares, waves)
    chosen = [candidate for candidate in found if kinds is None or candidate.kind in kinds]
    return [magnetic_order(crystal, sublattice, candidate) for candidate in chosen[:limit]]


def _check_limit(limit: int) -> None:
    """Refuse a number that would leave out the last orders instead of giving the first."""
    if limit < 0:
        raise MagnetiteError(f"limit is a number of orders, not {limit}")


def wave_vectors(
    crystal: Crystal, zero_k_probability: float | None, *, noncollinear: bool = False
) -> list[tuple[WaveVector, float]]:
    """Probable propagation vectors in the reciprocal basis of the primitive cell, and their probabilities.

    Only those of collinear orders with equal moments, unless others are asked for; k = 0 where nothing is known.
    """
    zero = EVEN if zero_k_probability is None else zero_k_probability
    ranked = rank_wave_vectors(crystal, zero, limit=WAVE_VECTORS)
    change = np.rint(crystal.lattice @ np.linalg.inv(crystal.primitive[0].lattice)).astype(int)
    turns = point_group(crystal.primitive[0])
    found: list[tuple[WaveVector, float]] = []
    for vector in ranked:
        first, second, third = map(Fraction, vector.k)
        k = (first, second, third)
        if noncollinear or period_of(k) in COLLINEAR_PERIODS:
            found.append((_best_arm(k, turns, change), vector.probability))
    return found or [((Fraction(0), Fraction(0), Fraction(0)), 1.0)]


def _best_arm(k: WaveVector, turns: NDArray[np.int64], change: NDArray[np.int64]) -> WaveVector:
    """Of the wave vectors that symmetry makes one, that which asks for the smallest multiple of the given cell."""
    arms = [k]
    for turn in turns:
        first, second, third = (c - ceil(c - Fraction(1, 2)) for c in in_other_cell(k, turn.T))
        arms.append((first, second, third))
    return min(arms, key=lambda arm: period_of(in_other_cell(arm, change)))  # the first of several
