"""J(q): the Fourier transform of exchange constants, and where in the Brillouin zone it is largest.

J(q)_ij = Σ_R J_ij(R) exp(2πi q·R), q in the reciprocal basis of the cell. Its largest eigenvalue bounds the energy of
every state from below, E/n ≥ -λ(q)/2 (Luttinger and Tisza, Phys. Rev. 70, 954 (1946)), and gives the mean-field
transition temperature λ/(3 k_B). Where the exchange constants are tensors or spins have an anisotropy A_i, the
bound is that of the components of all spins together, of J(q) + 2A.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import lcm
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.model import ExchangeModel

FINEST = 24
"""Points along the longest reciprocal vector of the first search."""
MOST_POINTS, FULL_SITES = 6_000, 12
"""Points of that search, and sites up to which it takes as many: more sites have a larger cell, and a zone smaller in
proportion, which fewer points search as finely."""
LEAST_POINTS = 64
"""However small the zone is."""
SAME = 1e-6
"""Of eigenvalues, relative: equal."""
DENOMINATORS = (1, 2, 3, 4, 6, 5, 8)
"""Of commensurate wave vectors, tried in this order."""
LARGEST, MOST_CELLS = 8, 24
"""Denominator of a component of the fraction that stands for an incommensurate wave in a supercell along the cell's
vectors, and cells that it may repeat after, so that (⅓ ⅓ ⅛) is one."""
Wave = tuple[Fraction, Fraction, Fraction]
"""A wave vector as fractions."""
EQUAL = 1e-4
"""Relative difference of eigenvalues below which waves count as equally good."""
MOST_EQUAL, LONGEST = 24, 6
"""Equally good waves, and the longest period, for which a supercell is made to hold them all."""
STARTS, CLOSE, MOST_IMAGES = 4, 0.2, 48
"""Points of the first search that are refined, how far below the best they may lie, relative, and how many equal ones
of each are taken for its images by symmetry."""
CHUNK, ENTRIES = 500, 5_000_000
"""Wave vectors at once, and entries of their matrices: of the highest eigenvalue as many are held in memory."""


class Maximum(NamedTuple):
    """Where J(q) has its largest eigenvalue.

    Attributes:
        q: in the reciprocal basis, components in [-½, ½], shape (3,).
        value: the eigenvalue in meV, of the whole Hamiltonian: with tensors and anisotropy where there are some.
        isotropic: that of the isotropic part at q, in meV.
        commensurate: whether q is a fraction with one of `DENOMINATORS`.
        period: cells after which the wave repeats along each cell vector; of the nearest fraction if incommensurate.
        fraction: q as fractions; of those near an incommensurate q the one with the largest eigenvalue.
    """

    q: NDArray[np.float64]
    value: float
    isotropic: float
    commensurate: bool
    period: tuple[int, int, int]
    fraction: Wave


class Fourier:
    """The transform of one model, prepared once for many wave vectors.

    Args:
        model: exchange constants.
        components: transform the components of all spins, J(q) + 2A with tensors and anisotropy, 3 n_sites rows,
            site by site; otherwise the isotropic parts alone, n_sites rows.
    """

    def __init__(self, model: ExchangeModel, *, components: bool = False) -> None:
        one, other, images, values = model.directed()
        if model.has_tensors and not components:
            values = np.trace(values, axis1=1, axis2=2) / 3
        elif components and not model.has_tensors:
            values = values[:, None, None] * np.eye(3)
        width = 3 if components else 1
        self.size = width * len(model)
        own = np.zeros((1, 3), dtype=np.int64)
        self.cells, which = np.unique(np.concatenate([images, own]), axis=0, return_inverse=True)
        blocks = np.zeros((len(self.cells), len(model), len(model), width, width))
        np.add.at(blocks, (which.reshape(-1)[:-1], one, other), values.reshape(-1, width, width))
        if components and model.anisotropy is not None:
            sites = np.arange(len(model))
            blocks[which.reshape(-1)[-1], sites, sites] += 2 * model.anisotropy
        self.table = blocks.transpose(0, 1, 3, 2, 4).reshape(len(self.cells), -1)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.complex128]:
        """J(q) in meV, shape (n_points, size, size), Hermitian; q in the reciprocal basis, (n_points, 3)."""
        found = np.zeros((len(points), self.size**2), dtype=complex)
        for rows in self._parts(len(points)):
            angles = 2 * np.pi * (points[rows] @ self.cells.T)
            found[rows] = np.cos(angles) @ self.table + 1j * (np.sin(angles) @ self.table)
        return found.reshape(-1, self.size, self.size)

    def highest(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Largest eigenvalue in meV at each point, shape (n_points,)."""
        return np.concatenate([np.linalg.eigvalsh(self(points[rows]))[:, -1] for rows in self._parts(len(points))])

    def _parts(self, number: int) -> list[slice]:
        step = max(1, min(CHUNK, ENTRIES // self.size**2))
        return [slice(start, start + step) for start in range(0, number, step)]


def fourier(model: ExchangeModel, points: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Isotropic J(q) of a model at a few points; see `Fourier`."""
    return Fourier(model)(points)


def grid(sizes: tuple[int, int, int]) -> NDArray[np.float64]:
    """Wave vectors of a supercell in the reciprocal basis, components in [0, 1), shape (n_cells, 3)."""
    found: NDArray[np.float64] = np.array(list(product(*map(range, sizes))), dtype=float) / np.array(sizes)
    return found


def maximum(model: ExchangeModel) -> Maximum:
    """Search the Brillouin zone for the largest eigenvalue of J(q): a grid, then steps uphill from its best points.

    Tensors and anisotropy are in it: a Dzyaloshinskii–Moriya vector turns a ferromagnet into a spiral.

    Fractions come first: where one is as good as the best point found, it is the answer.
    """
    from scipy.optimize import minimize

    sizes = _grid_sizes(model)
    points = grid(sizes)
    transform = Fourier(model, components=not model.is_isotropic)
    values = transform.highest(points)
    starts = _summits(points, values, 1.5 / max(sizes))
    q, value = points[starts[0]], float(values[starts[0]])
    for start in points[starts]:
        refined = minimize(lambda x: -transform.highest(x[None])[0], start, method="Nelder-Mead", options=_SIMPLEX)
        if -refined.fun > value + SAME * abs(value):
            q, value = refined.x, float(-refined.fun)
    for denominator in DENOMINATORS:
        rounded = np.rint(q * denominator) / denominator
        near = float(transform.highest(rounded[None])[0])
        if near >= value - 1e-4 * abs(value):
            # every wave that is as good must fit into a supercell that is to hold this one
            equal = points[values >= near - EQUAL * abs(near)]
            plain = float(Fourier(model).highest(rounded[None])[0])
            period, folded = _common([rounded, *equal]), _folded(rounded)
            a, b, c = (Fraction(float(component)).limit_denominator(denominator) for component in folded)
            return Maximum(folded, max(near, value), plain, True, period, (a, b, c))  # noqa: FBT003
    q = _folded(q)
    fraction = _best_fraction(transform, q)
    period = _period(np.array(fraction, dtype=float))
    return Maximum(q, value, float(Fourier(model).highest(q[None])[0]), False, period, fraction)  # noqa: FBT003


_SIMPLEX = {"xatol": 1e-5, "fatol": 1e-9, "maxiter": 300}


def _summits(points: NDArray[np.float64], values: NDArray[np.float64], apart: float) -> list[int]:
    """Places of the best points of a grid to go uphill from, no two on one hill nor on hills that symmetry makes one.

    A hill may have 48 images, so that the best points would be those of one hill, which need not be the highest.
    """
    best = values.max()
    order = np.argsort(values)[::-1]
    rest = order[values[order] >= best - CLOSE * abs(best)]
    found: list[int] = []
    while len(rest) and len(found) < STARTS:
        found.append(int(rest[0]))
        images = points[rest[abs(values[rest] - values[rest[0]]) <= SAME * abs(best)]]
        gaps = _folded((points[rest][:, None] - images[:MOST_IMAGES]).reshape(-1, 3)).reshape(len(rest), -1, 3)
        rest = rest[np.linalg.norm(gaps, axis=2).min(axis=1) > apart]
    return found


def _best_fraction(transform: Fourier, q: NDArray[np.float64]) -> Wave:
    """Of the fractions to which the components round the one with the largest eigenvalue, in the fewest cells."""
    choices = [sorted({Fraction(round(float(c) * n), n) for n in range(1, LARGEST + 1)}) for c in q]
    waves = [(a, b, c) for a, b, c in product(*choices) if _cells((a, b, c)) <= MOST_CELLS]
    values = transform.highest(np.array(waves, dtype=float))
    good = np.flatnonzero(values >= values.max() - SAME * abs(values.max()))
    return min((waves[n] for n in good), key=_cells)


def fractions_near(model: ExchangeModel, q: NDArray[np.float64], number: int) -> list[Wave]:
    """Waves near an incommensurate one that repeat after few cells, those with the largest eigenvalue first.

    Args:
        model: exchange constants.
        q: the wave in the reciprocal basis, shape (3,).
        number: of waves, at most; each repeats after `MOST_CELLS` at most.
    """
    waves: list[Wave] = []
    for n in range(1, MOST_CELLS + 1):  # so that of equal ones that with the fewest cells stays
        one, other, third = (Fraction(round(float(c) * n), n) for c in q)
        if (one, other, third) not in waves:
            waves.append((one, other, third))
    values = Fourier(model, components=not model.is_isotropic).highest(np.array(waves, dtype=float))
    return [waves[n] for n in np.argsort(-values, kind="stable")[:number]]


def _cells(wave: Wave) -> int:
    """Cells that a wave repeats after."""
    return lcm(*(component.denominator for component in wave))


def _folded(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Components in (-½, ½]."""
    folded: NDArray[np.float64] = q - np.ceil(q - 0.5 - 1e-9)
    return folded + 0.0


def _period(q: NDArray[np.float64]) -> tuple[int, int, int]:
    found = [next(n for n in range(1, 25) if abs(c * n - round(c * n)) < 1e-6) for c in q]  # noqa: PLR2004
    return found[0], found[1], found[2]


def _common(waves: list[NDArray[np.float64]]) -> tuple[int, int, int]:
    """Period of all waves together; of the first alone where the others make it longer than `LONGEST`."""
    if len(waves) > MOST_EQUAL:
        return _period(waves[0])
    common = np.lcm.reduce([_period(wave) for wave in waves], axis=0)
    period = common if common.max() <= LONGEST else _period(waves[0])
    return int(period[0]), int(period[1]), int(period[2])


def _grid_sizes(model: ExchangeModel) -> tuple[int, int, int]:
    """Even numbers of points, multiples of 12 where they can be, so that zone-boundary points are hit."""
    lengths = np.linalg.norm(np.linalg.inv(model.lattice), axis=0)
    moving = abs(model.images).any(axis=0)  # J(q) does not change along a vector that no bond crosses
    wanted = np.where(moving, lengths / lengths.max() * FINEST, 1)
    rounded = [next(n for n in (24, 18, 12, 8, 6, 4, 2, 1) if n <= max(w, 1) * 1.34 or n == 1) for w in wanted]
    most = max(LEAST_POINTS, MOST_POINTS * min(1.0, FULL_SITES / len(model)))
    while np.prod(rounded) > most:
        largest = int(np.argmax(rounded))
        rounded[largest] = {24: 18, 18: 12, 12: 8, 8: 6, 6: 4, 4: 2}[rounded[largest]]
    return rounded[0], rounded[1], rounded[2]
