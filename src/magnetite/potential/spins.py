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
