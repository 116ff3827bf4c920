"""Spherical harmonics, as sums over cheap products.

On the unit sphere, the products z^a Re(x + iy)^m and z^a Im(x + iy)^m with a + m ≤ 6 of one parity span the
spherical harmonics of l ≤ 6 of that parity. Sums over neighbours are taken of these products, which cost one
multiplication each, and turned into sums of spherical harmonics afterwards: e3nn's are right, but 50 times as
many operations, and they would be most of the work.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from magnetite.prototypes.radial import L_MAX

_POINTS = 500


def orders_of(parity: int) -> range:
    """The l of one parity: 0 (even) or 1 (odd)."""
    return range(parity, L_MAX + 1, 2)


def products(directions: Tensor, parity: int) -> Tensor:
    """All products of one parity.

    Args:
        directions: unit vectors, (3, n).
        parity: 0 (even) or 1 (odd).

    Returns:
        Shape (n_products, n), with n_products = Σ (2l + 1) over the l of that parity.
    """
    x, y, z = directions
    powers = [torch.ones_like(z), z]
    for _ in range(L_MAX - 1):
        powers.append(powers[-1] * z)
    top = orders_of(parity)[-1]
    rows = [powers[a] for a in range(parity, top + 1, 2)]
    real, imaginary = x, y
    for m in range(1, top + 1):
        if m > 1:
            real, imaginary = real * x - imaginary * y, real * y + imaginary * x
        for a in range((parity + m) % 2, top - m + 1, 2):
            rows += [real * powers[a], imaginary * powers[a]] if a else [real, imaginary]
    return torch.stack(rows)


@lru_cache(maxsize=8)
def to_harmonics(parity: int, device: torch.device) -> Tensor:
    """The matrix that makes of the products the real, orthonormal spherical harmonics of the same parity.

    Returns:
        Shape (n_products, Σ (2l + 1)), float64; columns by l, then m.
    """
    from e3nn.o3 import spherical_harmonics

    points = torch.randn(_POINTS, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    points /= points.norm(dim=1, keepdim=True)
    wanted = spherical_harmonics(list(orders_of(parity)), points, normalize=False, normalization="integral")
    solution: Tensor = torch.linalg.lstsq(products(points.T, parity).T, wanted).solution
    return solution.to(device)
