"""Patterns whose wave vector is neither zero nor half a reciprocal lattice vector: two up, two down, and spirals."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF, QUARTER = 2, 4
"""Periods (the smallest multiple of k that is a reciprocal lattice vector) of collinear patterns of equal moments."""
COLLINEAR_PERIODS = (1, HALF, QUARTER)
EXHAUSTIVE = 4
"""Up to so many sites all phases are looked at for `QUARTER`; with more, only those of the softest mode."""
_EIGHTH = np.exp(0.25j * np.pi)


def phases(matrix: NDArray[np.complex128], period: int) -> NDArray[np.complex128]:
    """Phases of the sites at a wave vector.

    Args:
        matrix: couplings at k, shape (n_sites, n_sites).
        period: of k, more than 2.

    Returns:
        Complex numbers of length 1, the first of them 1, shape (n_patterns, n_sites): the softest mode
        (Luttinger and Tisza, Phys. Rev. 70, 954 (1946)) with moments of equal size; for `QUARTER` in steps of a
        quarter turn, since other phases would not leave equal moments along one axis.
    """
    n_sites = len(matrix)
    if period == QUARTER and n_sites <= EXHAUSTIVE:
        return np.array([(1, *rest) for rest in product((1, 1j, -1, -1j), repeat=n_sites - 1)], dtype=complex)
    angles = np.angle(np.linalg.eigh(matrix)[1][:, 0])
    angles -= angles[0]
    if period == QUARTER:
        angles = np.rint(angles / (np.pi / 2)) * np.pi / 2
    found: NDArray[np.complex128] = np.exp(1j * angles)[None]
    return found


def directions(phase: NDArray[np.complex128], turns: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Which way moments point.

    Args:
        phase: of each moment's site, shape (n,).
        turns: k·R of its cell, shape (n,).
        period: of k.

    Returns:
        Signs, shape (n,), for collinear patterns, else unit vectors turning in the xy plane, shape (n, 3).
    """
    waves = phase * np.exp(2j * np.pi * turns)
    if period <= HALF:
        return np.where(waves.real < 0, -1.0, 1.0)
    if period == QUARTER:
        return np.where((waves * _EIGHTH).real < 0, -1.0, 1.0)
    return np.stack([waves.real, waves.imag, np.zeros(len(waves))], axis=1).round(12)
