"""Which waves of a supercell make up the order that the exchange constants ask for.

Their squared amplitudes are summed over all waves that are as good as the best: one for a ferromagnet, one for two
sublattices, four for the antiferromagnets of second kind on face-centred cubic lattices. Each spin may pick any of
them, so that only the sum is an order parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.exchange.fourier import Fourier, fourier, grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.model import ExchangeModel
    from magnetite.exchange.supercell import SpinLattice

EQUAL = 1e-3
"""Relative difference of eigenvalues below which waves are equally good."""
MOST_WAVES = 24
"""More are kept no longer: the sum over a continuum orders no better than any of its parts."""


class OrderParameter(NamedTuple):
    """Waves of the order in a supercell.

    Attributes:
        waves: real weights of each spin; the squared order parameter is Σ_w |Σ_i waves[w, i] e_i|², at most about 1.
        points: wave vectors in the reciprocal basis, one a complex wave, shape (n, 3).
        value: the best eigenvalue of J(q) among the wave vectors that this supercell has, in meV; with anisotropy.
        degenerate: how many waves are equally good, which tells frustration.
    """

    waves: NDArray[np.float64]
    points: NDArray[np.float64]
    value: float
    degenerate: int


def order_parameter(model: ExchangeModel, lattice: SpinLattice) -> OrderParameter:
    """The waves of highest eigenvalue that fit into a supercell."""
    points = grid(lattice.sizes)
    values, vectors = np.linalg.eigh(fourier(model, points))
    if not model.is_isotropic:
        # tensors may prefer another wave than the isotropic parts do; its pattern within the cell is still theirs
        values = values + (Fourier(model, components=True).highest(points) - values[:, -1])[:, None]
    best = float(values.max())
    which = np.argwhere(values >= best - EQUAL * abs(best))
    order = np.argsort(-values[which[:, 0], which[:, 1]], kind="stable")
    degenerate = len(which)
    cells = lattice.cells
    waves: list[NDArray[np.float64]] = []
    used: list[NDArray[np.float64]] = []
    for place, band in which[order]:
        q = points[place]
        twin = np.allclose((2 * q) % 1, 0, atol=1e-9)
        if not twin and _later(q):
            continue  # -q is the complex conjugate: the same two real waves
        pattern = np.exp(2j * np.pi * cells @ q)[:, None] * _real(vectors[place, :, band], twin=twin)[None]
        # J(q) of waves exp(2πi q·R) has eigenvectors of e_i = v_i exp(-2πi q·R): the weights are their conjugates
        flat = pattern.reshape(-1) / len(lattice) * np.sqrt(len(model))
        parts = (flat.real, flat.imag)
        waves += [p * (1.0 if twin else np.sqrt(2.0)) for p in parts if abs(p).max() > 1e-9 / len(lattice)]
        used.append(q)
        if len(waves) >= MOST_WAVES:
            break
    return OrderParameter(np.array(waves), np.array(used), best, degenerate)


def _later(q: NDArray[np.float64]) -> bool:
    """Which of q and -q to leave out."""
    folded = np.where(q > 0.5 + 1e-9, q - 1, q)
    return tuple(np.round(folded, 9)) < tuple(np.round((-folded), 9))


def _real(vector: NDArray[np.complex128], *, twin: bool) -> NDArray[np.complex128]:
    """The eigenvector with its largest entry real; where J(q) is real, eigenvectors can be chosen real altogether."""
    turned: NDArray[np.complex128] = vector * np.exp(-1j * np.angle(vector[abs(vector).argmax()]))
    return turned.real.astype(complex) if twin and abs(turned.imag).max() < 1e-6 else turned  # noqa: PLR2004
