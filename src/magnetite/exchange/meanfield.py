"""Mean-field transition temperature: where the susceptibility diverges, for the best wave of the Brillouin zone.

For isotropic exchange λ_max(J(q))/(3 k_B) (Anderson, Solid State Physics 14, 99 (1963), for several sublattices). With
tensors or single-ion anisotropy the lone spin's susceptibility χ_i = ⟨e_i e_iᵀ⟩/(k_B T), Boltzmann-weighted by
exp(e·A_i·e/(k_B T)), takes the place of 1/(3 k_B T): the largest eigenvalue of χ^½ J(q) χ^½ is 1 (for one site Lines,
Phys. Rev. 156, 534 (1967)). Classical unit vectors; it lies above every better estimate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from magnetite.exchange.conventions import K_B
from magnetite.exchange.fourier import Fourier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.fourier import Maximum
    from magnetite.exchange.model import ExchangeModel

NODES = 96
"""Of the integral over the sphere along its axis; two thirds as many around it."""
LOWEST = 0.02
"""Of the temperatures in which it is looked for, in units of that of spins which can only point along one axis."""


def mean_field_temperature(model: ExchangeModel, best: Maximum) -> float:
    """Of the best wave, in K; 0 where no order gains energy.

    Args:
        model: exchange constants, with tensors and anisotropy where there are some.
        best: where J(q) is largest.
    """
    if model.is_isotropic:
        return max(best.value, 0.0) / (3 * K_B)
    from scipy.optimize import brentq

    matrix = Fourier(replace(model, anisotropy=None), components=True)(best.q[None])[0]
    highest = float(np.linalg.eigvalsh(matrix)[-1]) / K_B
    if highest <= 0:
        return 0.0

    def excess(temperature: float) -> float:
        root = _root_of_susceptibility(model, temperature)
        return float(np.linalg.eigvalsh(root @ matrix @ root)[-1]) - 1

    if excess(LOWEST * highest) <= 0:
        return 0.0
    return float(brentq(excess, LOWEST * highest, highest * (1 + LOWEST), xtol=1e-6 * highest))


def _root_of_susceptibility(model: ExchangeModel, temperature: float) -> NDArray[np.float64]:
    """χ^½ of all lone spins, 1/√meV, shape (3 n_sites, 3 n_sites)."""
    found: NDArray[np.float64] = np.eye(3 * len(model)) / np.sqrt(3 * K_B * temperature)
    if model.anisotropy is not None:
        for site, matrix in enumerate(model.anisotropy):
            sizes, axes = np.linalg.eigh(matrix)
            mean = _mean_squares(sizes / (K_B * temperature))
            rows = slice(3 * site, 3 * site + 3)
            found[rows, rows] = axes @ np.diag(np.sqrt(mean / (K_B * temperature))) @ axes.T
    return found


def _mean_squares(strengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """⟨e_a²⟩ of a spin with weight exp(Σ_a strengths_a e_a²), shape (3,)."""
    z, weights = np.polynomial.legendre.leggauss(NODES)
    angles = (np.arange(NODES * 2 // 3) + 0.5) * np.pi / (NODES * 2 // 3)
    x, y = (np.sqrt(1 - z**2)[:, None] * f(angles) for f in (np.cos, np.sin))
    squares = np.stack([x**2, y**2, np.broadcast_to((z**2)[:, None], x.shape)])
    boltzmann = weights[:, None] * np.exp(np.tensordot(strengths - strengths.max(), squares, 1))
    found: NDArray[np.float64] = (squares * boltzmann).sum(axis=(1, 2)) / boltzmann.sum()
    return found


def correction(model: ExchangeModel) -> float | None:
    """(S + 1)/S, averaged over the sites; None where a spin length is unknown.

    What turns classical temperatures of unit vectors, whose J holds S², into those of quantum spins: their square is
    S(S + 1) (Alaei et al., arXiv 2504.15764, and the references there).
    """
    if not np.isfinite(model.spins).all():
        return None
    return float(np.mean((model.spins + 1) / model.spins))
