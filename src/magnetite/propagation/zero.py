"""What the candidates say of k = 0 itself: how much the geometric couplings gain by any other wave vector.

`magnetic_geometry` asks this of the half vectors alone and of two kinds of couplings; here it is asked of all
candidates and of nine kinds. ``benchmarks/zero_k.py`` shows what trees make of these numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.propagation.couplings import COUPLING_NAMES, energies
from magnetite.propagation.features import DECIMALS, FILL
from magnetite.propagation.stars import stars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.structures import Crystal

HALF = 2
"""Period of the half vectors."""
SUMMARY_NAMES = tuple(
    f"{what} {name}"
    for what in ("gain", "lowest", "at zero", "gain of half vectors", "period of the lowest", "share not above zero")
    for name in COUPLING_NAMES
)
"""For each kind of couplings: energy of k = 0 above the lowest, both energies, that of k = 0 above the lowest half
vector, the smallest period of the vectors of lowest energy, and the share of candidates no higher than zero."""


def wave_summary(crystal: Crystal) -> NDArray[np.float64]:
    """Describe what the geometric couplings of a primitive cell make of k = 0.

    Args:
        crystal: a primitive cell.

    Returns:
        The numbers that `SUMMARY_NAMES` names, shape (len(SUMMARY_NAMES),).
    """
    candidates = stars(crystal)
    found = energies(crystal, np.array([star.k for star in candidates], dtype=float), FILL).round(DECIMALS)
    period = np.array([star.period for star in candidates])
    zero, lowest = found[:, 0], found.min(axis=1)
    half = found[:, period == HALF].min(axis=1)
    periods = np.where(found <= lowest[:, None], period, period.max()).min(axis=1)
    parts = [zero - lowest, lowest, zero, zero - half, periods, (found <= zero[:, None]).mean(axis=1)]
    rounded: NDArray[np.float64] = np.concatenate(parts).round(DECIMALS)
    return rounded
