"""All orders that are considered for a magnetic sublattice, and how probable each is."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.errors import StructureError
from magnetite.orderings.couplings import energies, fourier, weights
from magnetite.orderings.patterns import antiferromagnetic, uncompensated
from magnetite.orderings.waves import HALF, phases
from magnetite.propagation.stars import period_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from magnetite.datasets.wave_vectors import WaveVector
    from magnetite.orderings.sublattice import MagneticSublattice

MOST_SITES = 2_000
"""Magnetic sites of a primitive cell up to which antiferromagnetic patterns are searched for: minutes for so many."""
SAME_ENERGY = 9
"""Decimals to which energies of patterns that approximate symmetry makes one agree."""


class Candidate(NamedTuple):
    """A magnetic order of a primitive cell's sites.

    Attributes:
        kind: ``FM``, ``AFM`` or ``FiM``.
        k: wave vector in the reciprocal basis of the primitive cell.
        phases: of the sites, complex numbers of length 1, shape (n_sites,).
        probability: that the crystal has this order, if it orders; those of all candidates sum to 1 at most.
    """

    kind: str
    k: WaveVector
    phases: NDArray[np.complex128]
    probability: float

    @property
    def period(self) -> int:
        """The smallest multiple of k that is a reciprocal lattice vector."""
        return period_of(self.k)


def rank_candidates(
    sublattice: MagneticSublattice,
    shares: Mapping[str, float],
    waves: Sequence[tuple[WaveVector, float]],
    coefficients: NDArray[np.float64] | None = None,
) -> list[Candidate]:
    """Candidates, the most probable first.

    The probability of a pattern is that of its class, AFM or FM (and FiM), times that of its wave vector, times
    its share among the patterns there (`magnetite.orderings.couplings`). Wave vectors at which nothing is
    compensated, such as zero with one site, give their probability to the others.

    Args:
        sublattice: at least one site.
        shares: probabilities of ``AFM`` and ``FM``; others are ignored.
        waves: wave vectors for AFM, in the reciprocal basis of the primitive cell, and their probabilities.
        coefficients: learned weights; those shipped if None.

    Raises:
        StructureError: patterns are asked for of more than `MOST_SITES` sites.
    """
    coefficients = weights() if coefficients is None else coefficients
    magnetic = max(shares.get("AFM", 0.0) + shares.get("FM", 0.0), np.finfo(float).tiny)
    found = _uncompensated(sublattice, shares.get("FM", 0.0) / magnetic, coefficients)
    afm = shares.get("AFM", 0.0) / magnetic
    if afm > 0 and len(sublattice) > MOST_SITES:
        raise StructureError(
            f"has {len(sublattice):,} magnetic sites in its primitive cell; antiferromagnetic patterns are searched "
            f"for among {MOST_SITES:,} at most",
            sublattice.crystal.source,
        )
    # In a large cell without symmetry the search for patterns takes minutes, for nothing if none can be the answer.
    groups = [(k, p, _at(sublattice, k, coefficients)) for k, p in waves if p > 0 and afm > 0]
    possible = sum(p for _, p, (patterns, _) in groups if len(patterns))
    for k, p, (patterns, energy) in groups:
        if len(patterns):
            each = afm * p / possible * _boltzmann(energy)
            found += [Candidate("AFM", k, z, float(q)) for z, q in zip(patterns, each, strict=True)]
    return sorted(found, key=lambda candidate: -candidate.probability)


def couplings_at(
    sublattice: MagneticSublattice, k: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Learned couplings at a wave vector, shape (n_sites, n_sites)."""
    bonds = sublattice.bonds
    return fourier(bonds, bonds.features @ coefficients[:-1], k, len(sublattice))


def _at(
    sublattice: MagneticSublattice, k: WaveVector, coefficients: NDArray[np.float64]
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Patterns at a wave vector and their energies, no two that look the same to the couplings."""
    vector = np.array(k, dtype=float)
    matrix = couplings_at(sublattice, vector, coefficients)
    period = period_of(k)
    if period <= HALF:
        patterns = antiferromagnetic(sublattice, vector, matrix).astype(complex)
        return patterns, energies(matrix, patterns)
    patterns = phases(matrix, period)
    energy = energies(matrix, patterns)
    kept = np.unique(energy.round(SAME_ENERGY), return_index=True)[1]
    return patterns[kept], energy[kept]


def _uncompensated(sublattice: MagneticSublattice, share: float, coefficients: NDArray[np.float64]) -> list[Candidate]:
    patterns = uncompensated(sublattice)
    energy = energies(couplings_at(sublattice, np.zeros(3), coefficients), patterns.astype(complex))
    parallel: NDArray[np.bool_] = np.all(patterns > 0, axis=1)
    energy = energy + coefficients[-1] * parallel
    zero = (Fraction(0), Fraction(0), Fraction(0))
    return [
        Candidate("FM" if up else "FiM", zero, pattern.astype(complex), float(share * p))
        for pattern, p, up in zip(patterns, _boltzmann(energy), parallel, strict=True)
    ]


def _boltzmann(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.exp(energy.min() - energy)
    found /= found.sum()
    return found
