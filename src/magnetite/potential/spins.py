"""How a pair of moments enters: invariants of m_i and m_j, polynomial in their components."""

from __future__ import annotations

import torch
from torch import Tensor

SPIN_FACTORS = 5
"""Factors of a pair that has moments: s, s², s |m_j|², |m_j|², |m_j|⁴ with s = m_i·m_j."""
EXCHANGE = 3
"""The first ones, which vanish without m_i."""


def spin_factors(spins: Tensor, sizes: Tensor, neighbours: Tensor) -> Tensor:
    """Factors of all pairs.

    Args:
        spins: scaled moments, (n, 3).
        sizes: their squares, (n,).
        neighbours: table of neighbours, (n, k).

    Returns:
        Shape (n, k, SPIN_FACTORS).
    """
    overlap = (spins[:, None] * spins[neighbours]).sum(-1)
    size = sizes[neighbours]
    return torch.stack([overlap, overlap**2, overlap * size, size, size**2], dim=-1)


_ROOM = 0.2
"""How far beyond the largest |m|² of the data the network may see, in units of it."""
_WALL = 10.0
"""eV; height of the wall where |m|² is twice the largest of the data."""


def bounded(spins: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Moments as the network sees them: as they are in the data's range, of bounded length beyond it.

    Polynomials that no data holds run away to minus infinity, and relaxed moments with them. A wall of its own takes
    their place. Both have three derivatives at the edge of the range.

    Args:
        spins: moments in units of the largest |m| of the data, (n, 3).

    Returns:
        Bounded moments, (n, 3), their squares, (n,), and the wall's energy in eV, (n,).
    """
    excess = (spins.square().sum(-1) - 1).clamp(min=0)
    seen = 1 + excess / (1 + (excess / _ROOM) ** 3) ** (1 / 3)
    spins = spins * (seen / (1 + excess)).sqrt()[:, None]
    return spins, spins.square().sum(-1), _WALL * excess**4
