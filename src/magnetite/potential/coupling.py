"""Products of atoms' spherical tensors with e3nn's Wigner symbols, as two matrix products for all paths at once.

e3nn's own `TensorProduct` runs one small operation a path; with second derivatives, which training on forces asks
for, their overhead was most of the time. The symbols and conventions are e3nn's.
"""

from __future__ import annotations

import torch
from e3nn import o3
from torch import Tensor, nn


def blocks(lmax: int) -> list[slice]:
    """Where the components of each l lie in a row of all (lmax + 1)²."""
    return [slice(degree**2, (degree + 1) ** 2) for degree in range(lmax + 1)]


class Harmonics(nn.Module):
    """Spherical harmonics of unit vectors up to `lmax`, e3nn's with component normalisation, each l from the last.

    e3nn's own take an operation for each component; here each l is one outer and one matrix product.
    """

    def __init__(self, lmax: int) -> None:
        super().__init__()
        self.lmax = lmax
        probe = nn.functional.normalize(torch.tensor([[0.3, -0.5, 0.7]]), dim=-1)
        for degree in range(2, lmax + 1):
            step = o3.wigner_3j(degree - 1, 1, degree).flatten(0, 1)
            low, high = (
                o3.spherical_harmonics(order, probe, normalize=True, normalization="component")
                for order in (degree - 1, degree)
            )
            raw = (low[..., :, None] * probe[..., None, :]).flatten(-2) @ step
            self.register_buffer(f"step{degree}", step * (high * raw).sum() / raw.square().sum(), persistent=False)

    def forward(self, units: Tensor) -> Tensor:
        """All (lmax + 1)² components at unit vectors (…, 3)."""
        rows = [torch.ones_like(units[..., :1]), 3**0.5 * units][: self.lmax + 1]
        for degree in range(2, self.lmax + 1):
            step: Tensor = getattr(self, f"step{degree}")
            rows.append((rows[-1][..., :, None] * units[..., None, :]).flatten(-2) @ step)
        return torch.cat(rows, dim=-1)


class SelfProduct(nn.Module):
    """All couplings of natural parity of two spherical tensors, channel by channel, up to `lmax`."""

    symbols: Tensor

    def __init__(self, lmax: int) -> None:
        super().__init__()
        place = blocks(lmax)
        paths = [
            (a, b, c)
            for c in range(lmax + 1)
            for a in range(lmax + 1)
            for b in range(lmax + 1)
            if abs(a - b) <= c <= a + b and (a + b + c) % 2 == 0
        ]
        columns = []
        for a, b, c in paths:
            column = torch.zeros((lmax + 1) ** 2, (lmax + 1) ** 2, 2 * c + 1)
            column[place[a], place[b]] = o3.wigner_3j(a, b, c) * (2 * c + 1) ** 0.5
            columns.append(column.flatten(0, 1))
        self.register_buffer("symbols", torch.cat(columns, dim=1))
        self.counts = [sum(c == degree for _, _, c in paths) for degree in range(lmax + 1)]

    def forward(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """Couplings of two tensors (n, channels, (lmax + 1)²).

        Returns:
            For each l the coupled tensors, (n, channels · paths, 2l + 1).
        """
        outer = (first[..., :, None] * second[..., None, :]).flatten(-2)
        coupled = outer @ self.symbols
        widths = [count * (2 * degree + 1) for degree, count in enumerate(self.counts)]
        parts = torch.split(coupled, widths, dim=-1)
        return [part.reshape(len(part), -1, 2 * degree + 1) for degree, part in enumerate(parts)]


class Mix(nn.Module):
    """A linear map between channels, one for each l, so that rotations pass through it."""

    def __init__(self, sizes: list[int], channels: int) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(channels, size) / max(size, 1) ** 0.5) for size in sizes
        )

    def forward(self, parts: list[Tensor]) -> Tensor:
        """Tensors for each l, (n, size, 2l + 1), as (n, channels, (lmax + 1)²)."""
        return torch.cat([weight @ part for weight, part in zip(self.weights, parts, strict=True)], dim=-1)


class Power(nn.Module):
    """Sums over the components of each l, so that products of tensors become invariants."""

    sums: Tensor

    def __init__(self, lmax: int, power: float) -> None:
        """Set up; each sum is divided by (2l + 1)^power."""
        super().__init__()
        sums = torch.zeros((lmax + 1) ** 2, lmax + 1)
        for degree, part in enumerate(blocks(lmax)):
            sums[part, degree] = (2 * degree + 1) ** -power
        self.register_buffer("sums", sums, persistent=False)

    def forward(self, products: Tensor) -> Tensor:
        """Of (n, channels, (lmax + 1)²), l by l: (n, (lmax + 1) · channels)."""
        return (products @ self.sums).transpose(1, 2).flatten(1)
