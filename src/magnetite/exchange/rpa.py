"""Transition temperature in the random phase approximation (Tyablikov), classical spins, any number of sublattices.

At the transition, with the spins about to order along an axis n, Tyablikov's decoupling becomes, for each site i,

    3 k_B T_c (1/N) Σ_q ½ tr [(Λ + Δ - J⊥(q))⁻¹]_ii = 1,

J⊥ the exchange of the two components across n, Δ the gap that single-ion anisotropy opens, and Λ diagonal such that
Λ - J∥(Q) of the components along n is singular at the ordering wave vector. For isotropic exchange both components are
alike and ½ tr drops out; for sublattices of one kind Λ is then λ_max, and the formula that of Pajda et al., Phys.
Rev. B 64, 174402 (2001); for several kinds Λ_i = h_i/⟨e_i⟩ as in Rusz et al., Phys. Rev. B 71, 214412 (2005), solved
for here as the ratios that satisfy all sites at once. It does not ask whether the order is ferromagnetic,
antiferromagnetic or a spiral: the ground state enters by where J(q) is largest.

Single-ion anisotropy is decoupled as by Anderson and Callen, Phys. Rev. 136, A1068 (1964): 2 (A_nn - A_aa) for a
component a across n, times 1 - (1 - ⟨e_n²⟩)/2 = ⅔ at the transition, where the decoupling has ⟨e_n²⟩ = ⅓. It is meant
for anisotropy weaker than exchange; strong anisotropy, where it grows without limit, is cut off at the mean field.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.exchange.checks import dimensions
from magnetite.exchange.conventions import K_B
from magnetite.exchange.fourier import Fourier, fourier
from magnetite.exchange.meanfield import mean_field_temperature

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
DECOUPLED = 4 / 3
"""2 × ⅔: the gap over the difference of anisotropies."""
GAPLESS = 1e-6
"""Of Λ: fluctuations softer than this are free."""


def rpa_temperature(model: ExchangeModel, best: Maximum) -> float | None:
    """Transition temperature in K; 0 if the fluctuations of a layered or chain-like model forbid order.

    Args:
        model: exchange constants, with tensors and anisotropy where there are some.
        best: where J(q) is largest.

    Returns:
        The temperature; None if the conditions of the sites could not all be met, as in frustrated models and in those
        whose sites prefer different axes.
    """
    isotropic = model.is_isotropic
    if isotropic:
        pole = fourier(model, best.q[None])[0]
        across = _Across(Fourier(model), np.eye(len(model)), np.zeros((len(model), len(model))), pole)
    else:
        across = _across(model, best)
    if dimensions(model) < 3 and (isotropic or _gap(across, best) < GAPLESS):  # noqa: PLR2004
        return 0.0
    coarse, fine = (_on_mesh(model, best, across, n) for n in (POINTS if len(model) <= MANY_SITES else FEWER))
    if coarse is None or fine is None:
        return None
    # 1/T grows by the part of the integral that the mesh misses around its pole, ∝ 1/n
    inverse = 2 / fine - 1 / coarse
    limit = 1.6 / fine  # a pole as sharp as that of planes or lines: the sum has no limit
    found = 0.0 if inverse >= limit else float(1 / inverse)
    return found if isotropic else min(found, mean_field_temperature(model, best))


class _Across(NamedTuple):
    """Exchange of the components across the axis of order, and along it.

    Attributes:
        transform: of all components that `frame` chooses from.
        frame: columns are the components across, site by site, shape (size, n_sites or 2 n_sites).
        gap: of the anisotropy, meV, shape (n_sites or 2 n_sites,) squared.
        pole: exchange of the components along the axis at the ordering wave vector, meV, shape (n_sites, n_sites).
    """

    transform: Fourier
    frame: NDArray[np.float64]
    gap: NDArray[np.float64]
    pole: NDArray[np.complex128]


def _across(model: ExchangeModel, best: Maximum) -> _Across:
    """About the axis along which the best wave is polarised, one for all sites."""
    whole = Fourier(model, components=True)(best.q[None])[0]
    values, vectors = np.linalg.eigh(whole)
    best_ones = vectors[:, values >= values[-1] - 1e-6 * abs(values[-1])].reshape(len(model), 3, -1)
    _, axes = np.linalg.eigh(np.einsum("iam,ibm->ab", best_ones, best_ones.conj()).real)
    axis, plane = axes[:, 2], axes[:, :2]
    anisotropy = np.zeros((len(model), 3, 3)) if model.anisotropy is None else model.anisotropy
    count = len(model)
    gap = np.zeros((2 * count, 2 * count))
    for site, matrix in enumerate(anisotropy):
        rows = slice(2 * site, 2 * site + 2)
        gap[rows, rows] = DECOUPLED * ((axis @ matrix @ axis) * np.eye(2) - plane.T @ matrix @ plane)
    along = np.kron(np.eye(count), axis[:, None])
    frame = np.kron(np.eye(count), plane)
    exchange = Fourier(replace(model, anisotropy=None), components=True)
    return _Across(exchange, frame, gap, along.T @ exchange(best.q[None])[0] @ along)


def _gap(across: _Across, best: Maximum) -> float:
    """The softest fluctuation across the axis at the ordering wave vector, relative to the exchange along it."""
    level = float(np.linalg.eigvalsh(across.pole)[-1])
    exchange = across.frame.T @ across.transform(best.q[None])[0] @ across.frame
    stiff = level * np.eye(len(exchange)) + across.gap - exchange
    return float(np.linalg.eigvalsh(stiff)[0]) / max(abs(level), 1e-12)


def _on_mesh(model: ExchangeModel, best: Maximum, across: _Across, number: int) -> float | None:
    """Temperature from a mesh that keeps half a step away from the pole."""
    moving = abs(model.images).any(axis=0)
    axes = [((np.arange(number) + 0.5) / number if m else np.zeros(1)) for m in moving]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) + best.q
    exchange = across.frame.T @ across.transform(points) @ across.frame - across.gap
    shift = np.zeros(len(model))
    step, last = 0.5, np.inf
    for _ in range(MOST_STEPS):
        # the constraint: Λ - J(Q) touches zero
        floor = np.linalg.eigvalsh(across.pole - np.diag(shift))[-1]
        local = _local(exchange, shift + floor)
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


def _local(exchange: NDArray[np.complex128], levels: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Mean of (Λ - J(q))⁻¹ of each site and its components, 1/meV, shape (n_sites,); None if it is not positive."""
    width = exchange.shape[-1] // len(levels)
    stiff = np.diag(np.repeat(levels, width)) - exchange
    values, vectors = np.linalg.eigh(stiff)
    if values.min() <= 0:
        return None
    found: NDArray[np.float64] = np.einsum("qim,qm,qim->i", vectors, 1 / values, vectors.conj()).real / len(exchange)
    mean: NDArray[np.float64] = found.reshape(len(levels), width).mean(axis=1)
    return mean
