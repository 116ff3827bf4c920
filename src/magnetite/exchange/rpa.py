"""Transition temperature in the random phase approximation (Tyablikov), classical spins, any number of sublattices.

At the transition the fluctuations of all components are alike, and Tyablikov's decoupling becomes, for each site i,

    3 k_B T_c (1/N) Σ_q [(Λ - J(q))⁻¹]_ii = 1,

with Λ diagonal and Λ - J(q) singular at the ordering wave vector alone. For sublattices of one kind Λ is λ_max, and
the formula that of Pajda et al., Phys. Rev. B 64, 174402 (2001); for several kinds Λ_i = h_i/⟨e_i⟩ as in Rusz et al.,
Phys. Rev. B 71, 214412 (2005), solved for here as the ratios that satisfy all sites at once. It does not ask
whether the order is ferromagnetic, antiferromagnetic or a spiral: the ground state enters by where J(q) is largest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.exchange.conventions import K_B
from magnetite.exchange.fourier import fourier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.fourier import Maximum
    from magnetite.exchange.model import ExchangeModel

POINTS = (8, 16)
"""Along each reciprocal vector, of the coarser and the finer mesh: the error of both falls as 1/points."""
FEWER = (4, 8)
MANY_SITES = 12
MOST_STEPS = 200
TOLERANCE = 1e-3


def rpa_temperature(model: ExchangeModel, best: Maximum) -> float | None:
    """Transition temperature in K; 0 if the fluctuations of a layered or chain-like model forbid order.

    Args:
        model: exchange constants, isotropic parts are used; anisotropy is ignored.
        best: where J(q) is largest.

    Returns:
        The temperature; None if the conditions of the sites could not all be met, as in frustrated models.
    """
    coarse, fine = (_on_mesh(model, best, n) for n in (POINTS if len(model) <= MANY_SITES else FEWER))
    if coarse is None or fine is None:
        return None
    # 1/T grows by the part of the integral that the mesh misses around its pole, ∝ 1/n
    inverse = 2 / fine - 1 / coarse
    limit = 1.6 / fine  # a pole as sharp as that of planes or lines: the sum has no limit
    return 0.0 if inverse >= limit else float(1 / inverse)


def _on_mesh(model: ExchangeModel, best: Maximum, number: int) -> float | None:
    """Temperature from a mesh that keeps half a step away from the pole."""
    moving = abs(model.images).any(axis=0)
    axes = [((np.arange(number) + 0.5) / number if m else np.zeros(1)) for m in moving]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) + best.q
    matrices = fourier(model, points)
    pole = fourier(model, best.q[None])[0]
    shift = np.zeros(len(model))
    step, last = 0.5, np.inf
    for _ in range(MOST_STEPS):
        # the constraint: Λ - J(Q) touches zero
        floor = np.linalg.eigvalsh(pole - np.diag(shift))[-1]
        local = _local(matrices, shift + floor)
        if local is None:
            return None
        mean = local.mean()
        spread = abs(local / mean - 1).max()
        if spread < TOLERANCE:
            return float(1 / (3 * K_B * mean))
        if spread > last:
            step /= 2
        last = spread
        # sites that fluctuate too much are held by a larger Λ
        shift = shift + step * (local / mean - 1) / mean
        shift -= shift.mean()
    return None


def _local(matrices: NDArray[np.complex128], levels: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Diagonal of the mean of (Λ - J(q))⁻¹, 1/meV; None if it is not positive."""
    stiff = np.diag(levels) - matrices
    values, vectors = np.linalg.eigh(stiff)
    if values.min() <= 0:
        return None
    found: NDArray[np.float64] = np.einsum("qim,qm,qim->i", vectors, 1 / values, vectors.conj()).real / len(matrices)
    return found
