"""How far moments are turned against their neighbours: what a potential that saw collinear ones alone does not know."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from magnetite.potential.batch import Surroundings

SMALLEST_MOMENT = 0.1
"""μB; the direction of a smaller one means nothing."""
SMALL_CANTING = 2.0
"""Degrees; what calculations with free moments scatter about a collinear state."""


def canting(around: Surroundings) -> float:
    """Angle in degrees, root mean square, between neighbours' moments and a common axis; 0 for collinear ones."""
    lengths = np.linalg.norm(around.moments, axis=1)
    both = (lengths[around.receivers] > SMALLEST_MOMENT) & (lengths[around.senders] > SMALLEST_MOMENT)
    if not both.any():
        return 0.0
    first, second = around.moments[around.receivers[both]], around.moments[around.senders[both]]
    across, along = np.linalg.norm(np.cross(first, second), axis=1), np.abs((first * second).sum(1))
    return float(np.degrees(np.sqrt(np.square(np.arctan2(across, along)).mean())))


def usual_canting(crystals: Iterable[Surroundings], share: float) -> float:
    """What this share of them does not exceed, in degrees."""
    angles: NDArray[np.float64] = np.array([canting(around) for around in crystals])
    return float(np.quantile(angles, share))
