"""The nearest-neighbour distance that a pair of species is measured in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 100
EDGE_TOLERANCE = 1e-6
"""In bins: a distance this little below an edge counts as above it, whatever its rounding error."""
SHELL = 0.05
"""Of the shortest distance: distances this near to each other are of one shell of neighbours."""
EQUAL = 1e-7
"""Distances that spread relatively less than this are equal."""


def typical_distance(nearest: NDArray[np.float64]) -> float:
    """The most common nearest-neighbour distance, corrected for the growth of shells with their radius.

    The centre of the bin of the `BINS`-bin histogram with the largest count/r², r its left edge
    (Leitherer 2021, Supplementary Methods, "Isotropic scaling"), among the bins of the largest shell. Where the
    distances of a shell scatter over several bins, the tallest of all may be of another one by chance; to look for
    the shell first changes next to nothing for ideal structures, and keeps the scale of displaced ones.

    Args:
        nearest: distance of each centre to its nearest neighbour in Å, shape (n,), n > 0, finite, positive.

    Returns:
        A distance in Å.
    """
    low, high = float(nearest.min()), float(nearest.max())
    if high - low <= EQUAL * high:
        return float(nearest.mean())
    width = (high - low) / BINS
    bins = np.minimum(((nearest - low) / width + EDGE_TOLERANCE).astype(np.int64), BINS - 1)
    density = np.bincount(bins, minlength=BINS) / (low + np.arange(BINS) * width) ** 2
    reach = min(int(SHELL * low / width), BINS)
    triangle = 1 - abs(np.arange(-reach, reach + 1)) / (reach + 1)
    shell = _highest(np.convolve(density, triangle)[reach : reach + BINS])
    start = max(0, shell - reach)
    best = start + _highest(density[start : shell + reach + 1])
    return low + (best + 0.5) * width


def _highest(density: NDArray[np.float64]) -> int:
    """Place of the largest number, the first of equal ones."""
    return int(np.argmax(density >= density.max() * (1 - EDGE_TOLERANCE)))
