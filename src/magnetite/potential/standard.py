"""Invariants in units of how much they vary in the data, species by species.

Crystals near one ground state differ by little: without this, the dense layers would have to learn steep functions of
numbers that hardly change, and each of their steps would move the energy by more than it varies.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_LEAST = 1e-3
"""Smallest spread, as a share of an invariant's size; what varies less is rounding."""


class Standard(nn.Module):
    """(x − mean) / spread; mean and spread are set once, from data."""

    def __init__(self, kinds: int, size: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(kinds, size), requires_grad=False)
        self.inverse = nn.Parameter(torch.ones(kinds, size), requires_grad=False)
        self.seen: list[tuple[Tensor, Tensor]] | None = None

    def forward(self, values: Tensor, species: Tensor) -> Tensor:
        """Standardise values of atoms, (n, size)."""
        if self.seen is not None:
            self.seen.append((species.detach(), values.detach()))
        return (values - self.mean[species]) * self.inverse[species]

    def relative_spread(self) -> float:
        """Median of spread over size of the invariants that vary."""
        moving = self.inverse > 0
        return float((1 / (self.inverse * self.mean.abs().clamp(min=1e-12)))[moving].median())

    @contextmanager
    def learning(self) -> Iterator[None]:
        """What passes through in the meantime sets mean and spread."""
        self.seen = []
        try:
            yield
            species, values = (torch.cat(parts) for parts in zip(*self.seen, strict=True))
        finally:
            self.seen = None
        with torch.no_grad():
            for kind in torch.unique(species).tolist():
                of = values[species == kind]
                self.mean[kind] = of.mean(0)
                size = of.square().mean(0).sqrt()
                spread = torch.maximum(of.std(0, correction=0), _LEAST * size)
                self.inverse[kind] = torch.where(size > 0, 1 / spread.clamp(min=1e-12), 0.0)
