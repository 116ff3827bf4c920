"""Energy of directions that repeat with a magnetic cell, and its minima."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.errors import ExchangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.model import ExchangeModel


class MagneticCell(NamedTuple):
    """A supercell by any whole-number matrix, with the couplings of all its spins folded into it.

    Attributes:
        transformation: rows are its vectors in units of the model's, shape (3, 3).
        cells: cells of the model in it, shape (n_cells, 3).
        matrix: E = -½ x·K·x for the components x of all directions, in meV, shape (3 n_spins, 3 n_spins).
    """

    transformation: NDArray[np.int64]
    cells: NDArray[np.int64]
    matrix: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.matrix) // 3


def magnetic_cell(model: ExchangeModel, transformation: NDArray[np.int64]) -> MagneticCell:
    """Fold a model's couplings into a supercell.

    Raises:
        ExchangeError: the model holds no exchange constant.
    """
    if not len(model.first):
        raise ExchangeError("holds no exchange constant", model.name)
    rows = np.asarray(transformation, dtype=np.int64)
    volume = round(abs(np.linalg.det(rows)))
    # the adjugate is whole, so that cells are told apart without rounding
    adjugate = np.rint(np.linalg.inv(rows) * round(np.linalg.det(rows))).astype(np.int64)
    corners = np.array(list(product((0, 1), repeat=3))) @ rows
    ranges = [range(low, high + 1) for low, high in zip(corners.min(axis=0), corners.max(axis=0), strict=True)]
    places: dict[tuple[int, ...], int] = {}
    cells: list[tuple[int, ...]] = []
    for cell in product(*ranges):
        key = tuple(int(n) for n in (np.array(cell) @ adjugate) % volume)
        if key not in places:
            places[key] = len(cells)
            cells.append(cell)
    table = np.array(cells, dtype=np.int64)
    one, other, images, values = model.directed()
    n_sites = len(model)
    tensors = values if model.has_tensors else values[:, None, None] * np.eye(3)
    matrix = np.zeros((volume * n_sites, volume * n_sites, 3, 3))
    for number, cell in enumerate(table):
        keys = ((cell + images) @ adjugate) % volume
        ends = np.array([places[tuple(key)] for key in keys.tolist()])
        np.add.at(matrix, (number * n_sites + one, ends * n_sites + other), tensors)
    if model.anisotropy is not None:
        diagonal = np.arange(volume * n_sites)
        matrix[diagonal, diagonal] += 2 * np.tile(model.anisotropy, (volume, 1, 1))
    flat = matrix.transpose(0, 2, 1, 3).reshape(3 * volume * n_sites, -1)
    return MagneticCell(rows, table, (flat + flat.T) / 2)


def relax(cell: MagneticCell, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Descend to the nearest minimum, or stay at a stationary state.

    Args:
        cell: with its couplings.
        start: directions of any length but zero, shape (n_spins, 3).

    Returns:
        Unit vectors, shape (n_spins, 3), and the energy of the cell in meV.
    """
    from scipy.optimize import minimize

    def energy(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        vectors = x.reshape(-1, 3)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        units = vectors / lengths
        field = (cell.matrix @ units.reshape(-1)).reshape(-1, 3)
        slope = -(field - units * np.sum(field * units, axis=1, keepdims=True)) / lengths
        return -0.5 * float(np.sum(field * units)), slope.reshape(-1)

    found = minimize(energy, start.reshape(-1), jac=True, method="L-BFGS-B", options=_OPTIONS)
    units = found.x.reshape(-1, 3)
    return units / np.linalg.norm(units, axis=1, keepdims=True), float(found.fun)


_OPTIONS = {"maxiter": 400, "ftol": 1e-13, "gtol": 1e-8}
