"""Distances as smooth functions that vanish, with two derivatives, at the cutoff."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class RadialBasis(nn.Module):
    """Spherical Bessel functions of order zero under a polynomial envelope (Gasteiger 2020, DimeNet, Eqs. 7 and 8)."""

    frequencies: Tensor

    def __init__(self, size: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.register_buffer("frequencies", torch.arange(1, size + 1) * math.pi / cutoff)

    def forward(self, lengths: Tensor) -> Tensor:
        """The basis at distances in Å, any shape; one more axis of `size` at the end."""
        waves = torch.sin(lengths[..., None] * self.frequencies) / lengths[..., None]
        return waves * (math.sqrt(2 / self.cutoff) * envelope(lengths / self.cutoff))[..., None]


class Densities(nn.Module):
    """What neighbours bring to an atom, as exponentials that vanish smoothly at the cutoff."""

    decays: Tensor

    def __init__(self, decays: Sequence[float], cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.register_buffer("decays", torch.tensor(decays, dtype=torch.get_default_dtype()), persistent=False)

    def forward(self, lengths: Tensor, present: Tensor) -> Tensor:
        """Sums over the neighbours of each atom, (n, n_decays), from distances in Å and who is there, (n, k)."""
        # One at half the cutoff, so that the numbers are of order one.
        falls = torch.exp(-self.decays * (lengths - self.cutoff / 2)[..., None])
        return ((envelope(lengths / self.cutoff) * present)[..., None] * falls).sum(1)


def envelope(x: Tensor) -> Tensor:
    """1 at x = 0; 0, with zero slope and curvature, from x = 1 on."""
    x = x.clamp(max=1.0)
    return 1 + x**6 * (-28 + x * (48 - 21 * x))
