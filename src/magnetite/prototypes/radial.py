"""The radial functions of SOAP and their tables.

Every neighbour is a Gaussian of width σ. Its overlap with Gaussians at fixed radii r_k, angular part l, is
exp(-α(r - r_k)²) ĩ_l(2αrr_k) with α = 1/(2σ²) and ĩ_l(x) = e⁻ˣ i_l(x), the scaled modified spherical Bessel
function; K⁻¹L makes of these an orthonormal set (Leitherer 2021, Supplementary Methods, after Bartók 2013 and
as in GAP/quippy, from which the descriptors of the paper are).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

N_MAX = 9
L_MAX = 6
SIZE = N_MAX * (N_MAX + 1) // 2 * (L_MAX + 1) + 1
"""Length of a descriptor: every pair of radial functions for every l, and one zero that GAP appends."""
SWITCH = 0.5
"""Width, in scaled units, over which a neighbour fades before the cutoff."""
NODES_PER_SIGMA = 50
"""Nodes of a table: between them, cubic interpolation is right to 1e-8 of the largest value."""
STENCIL = 4
"""Nodes that one value is interpolated from."""


@dataclass(frozen=True)
class Soap:
    """Settings of the descriptor, in units of the nearest-neighbour distance.

    Attributes:
        cutoff: how far an atom looks.
        sigma: width of the Gaussians that the neighbours are smeared to.
    """

    cutoff: float = 4.0
    sigma: float = 0.1

    def __post_init__(self) -> None:
        if not (self.cutoff > SWITCH and self.sigma > 0 and np.isfinite([self.cutoff, self.sigma]).all()):
            raise ValueError(f"cutoff must be above {SWITCH} and sigma positive, not {self.cutoff} and {self.sigma}")

    @property
    def step(self) -> float:
        """Distance of the nodes of this setting's table, in scaled units."""
        return self.sigma / NODES_PER_SIGMA


@lru_cache(maxsize=64)
def radial_table(soap: Soap) -> NDArray[np.float64]:
    """Orthonormal radial functions on a grid, without the switch at the cutoff.

    Node i stands at r = (i - 1)·`Soap.step`, so that the four nodes around any 0 ≤ r ≤ cutoff are there.

    Returns:
        Shape (n_nodes, L_MAX + 1, N_MAX).
    """
    nodes = np.arange(-1, int(np.ceil(soap.cutoff / soap.step)) + STENCIL - 1, dtype=np.float64) * soap.step
    nodes[0] = 0.0  # the node before the origin only serves r < step, where no neighbour can be
    return radial_functions(nodes, soap)


def radial_functions(r: NDArray[np.float64], soap: Soap) -> NDArray[np.float64]:
    """Orthonormal radial functions of every l at distances r in scaled units, shape (n,), without the switch.

    Returns:
        Shape (n, L_MAX + 1, N_MAX).
    """
    from scipy.special import ive

    alpha = 1 / (2 * soap.sigma**2)
    centres = np.arange(N_MAX) * (soap.cutoff + soap.sigma * np.sqrt(20 * np.log(10))) / N_MAX
    x = 2 * alpha * r[:, None] * centres
    orders = np.arange(L_MAX + 1)[:, None]
    safe = np.where(x > 0, x, 1.0)[:, None, :]
    bessel = np.sqrt(np.pi / (2 * safe)) * ive(orders + 0.5, safe)
    bessel = np.where(x[:, None, :] > 0, bessel, orders == 0)
    raw = np.exp(-alpha * (r[:, None] - centres) ** 2)[:, None, :] * bessel
    functions: NDArray[np.float64] = raw @ _orthonormal(centres, alpha)
    return functions


def _orthonormal(r: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """K⁻¹L: from overlaps with Gaussians at r to orthonormal functions, shape (N_MAX, N_MAX).

    K is the Gram matrix of the Gaussians, S = LLᵀ their overlap ∫₀^∞ r² g_i(r) g_j(r) dr, in closed form.
    """
    from scipy.special import erf

    middle, difference = (r[:, None] + r) / 2, r[:, None] - r
    width = 2 * alpha
    moment = np.sqrt(np.pi / width) / 2 * (middle**2 + 1 / (2 * width)) * (1 + erf(np.sqrt(width) * middle))
    moment += middle / (2 * width) * np.exp(-width * middle**2)
    overlap = np.exp(-alpha / 2 * difference**2) * moment
    solved: NDArray[np.float64] = np.linalg.solve(np.exp(-alpha * difference**2), np.linalg.cholesky(overlap))
    return solved
