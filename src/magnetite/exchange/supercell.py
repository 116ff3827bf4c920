"""Spins of a supercell with their neighbours in padded arrays, as compiled loops take them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.errors import ExchangeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.exchange.model import ExchangeModel

MOST_SPINS = 2_000_000


class SpinLattice(NamedTuple):
    """A periodic supercell; spin ``cell × n_sites + site`` is the copy of a site in a cell.

    Attributes:
        sizes: repeats along each cell vector.
        table: neighbours of each spin, shape (n_spins, n_neighbours); padding points at spin 0 with no coupling.
        couplings: meV, of each site's neighbours, shape (n_sites, n_neighbours, 1 or 9).
        anisotropy: meV, shape (n_sites, 3, 3), or (0, 3, 3) without.
    """

    sizes: tuple[int, int, int]
    table: NDArray[np.int32]
    couplings: NDArray[np.float64]
    anisotropy: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.table)

    @property
    def cells(self) -> NDArray[np.int64]:
        """Place of each cell, shape (n_cells, 3)."""
        return np.array(list(product(*map(range, self.sizes))), dtype=np.int64)


def spin_lattice(model: ExchangeModel, sizes: Sequence[int]) -> SpinLattice:
    """Repeat a model's cell.

    Args:
        model: the exchange constants.
        sizes: repeats along each cell vector.

    Raises:
        ExchangeError: no bond, too many spins, or so few cells that a spin would be its own neighbour.
    """
    repeats = np.array(sizes, dtype=np.int64)
    n_sites = len(model)
    if not len(model.first):
        raise ExchangeError("holds no exchange constant", model.name)
    if repeats.shape != (3,) or (repeats < 1).any() or repeats.prod() * n_sites > MOST_SPINS:
        raise ExchangeError(f"cannot repeat {n_sites} sites {list(sizes)} times ({MOST_SPINS} spins at most)")
    one, other, images, values = model.directed()
    if ((one == other) & ~(images % repeats).any(axis=1)).any():
        raise ExchangeError(f"in {'×'.join(map(str, sizes))} cells a spin would be its own neighbour", model.name)
    width = int(np.bincount(one, minlength=n_sites).max())
    flat = values.reshape(len(values), -1)
    couplings = np.zeros((n_sites, width, flat.shape[1]))
    cells = np.array(list(product(*map(range, repeats))), dtype=np.int64)
    table = np.zeros((len(cells), n_sites, width), dtype=np.int32)
    weights = np.array([repeats[1] * repeats[2], repeats[2], 1])
    for site in range(n_sites):
        own = np.flatnonzero(one == site)
        own = own[np.argsort(abs(flat[own]).max(axis=1))[::-1]]
        couplings[site, : len(own)] = flat[own]
        for column, bond in enumerate(own):  # one by one: places of all would be many times as large as the table
            table[:, site, column] = ((cells + images[bond]) % repeats @ weights) * n_sites + other[bond]
    anisotropy = np.zeros((0, 3, 3)) if model.anisotropy is None else model.anisotropy
    return SpinLattice(
        (int(repeats[0]), int(repeats[1]), int(repeats[2])), table.reshape(-1, width), couplings, anisotropy
    )


def smallest_sizes(model: ExchangeModel, period: Sequence[int] = (1, 1, 1)) -> tuple[int, int, int]:
    """The fewest multiples of a period in which no bond ends where it starts, seen along each cell vector."""
    reach = abs(model.images).max(axis=0, initial=0)
    found = [n * int(np.ceil((r + 1) / n)) for n, r in zip(period, reach, strict=True)]
    return found[0], found[1], found[2]


def even_sizes(model: ExchangeModel, spins: int, period: Sequence[int] = (1, 1, 1)) -> tuple[int, int, int]:
    """Repeats that make a supercell of about so many spins, as long in each direction as in the others.

    Args:
        model: whose cell.
        spins: aimed at.
        period: each size is a multiple of it.
    """
    heights = 1 / np.linalg.norm(np.linalg.inv(model.lattice), axis=0)  # between opposite faces of the cell
    length = (spins / len(model) * heights.prod()) ** (1 / 3)
    least = smallest_sizes(model, period)
    wanted = length / heights
    found = [max(low, n * max(1, round(w / n))) for low, n, w in zip(least, period, wanted, strict=True)]
    return found[0], found[1], found[2]
