"""The classical ground state: Luttinger and Tisza's bound, then relaxation in the magnetic cell.

Where a state reaches the bound E = -λ_max/2 a site, it is the ground state, proven. The bound asks for eigenvectors
of J(q) whose entries have equal size on all sites; where there are none (inequivalent sites, frustration), it is
not reached, larger cells and other short waves are tried too, and the answer is the lowest state found (Luttinger and
Tisza, Phys. Rev. 70, 954 (1946); Kaplan and Menyuk, Phil. Mag. 87, 3711 (2007)).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, cast

import numpy as np

from magnetite.exchange.fourier import SAME, Maximum, Wave, fourier, fractions_near, maximum
from magnetite.exchange.relaxation import MagneticCell, magnetic_cell, relax
from magnetite.exchange.shells import element_of
from magnetite.orderings.order import MagneticOrder
from magnetite.orderings.supercells import smallest_supercell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.model import ExchangeModel

REACHED = 1e-4
"""Relative distance from the bound below which it counts as reached."""
STARTS = 3
"""Random states that are relaxed, beside those made of the best waves."""
MOST_SPINS = 96
"""Of a magnetic cell that is tried beside the smallest."""
STRAIGHT = 1e-3
"""Components of unit vectors smaller than this are none."""
EQUAL = 1e-3
"""Relative difference of amplitudes below which waves are equally strong."""
SHORTEST = 4
"""Cells of a short wave, at most."""
FRACTIONS, MOST_RELAXED = 4, 400
"""Waves near an incommensurate one that are tried, and spins of the cell of such a wave at most."""


@dataclass(frozen=True)
class GroundState:
    """The lowest state found.

    Attributes:
        order: its cell and moments, numbers where it is collinear and the axis is free or z; only the model's sites.
        energy: meV a site.
        bound: Luttinger and Tisza's, meV a site, with tensors and anisotropy; no state lies lower.
        q: the wave vector of the bound in the reciprocal basis, shape (3,).
        commensurate: whether q is a simple fraction; otherwise fractions near it were relaxed.
        directions: unit vectors in the order's cell, shape (n, 3).
    """

    order: MagneticOrder
    energy: float
    bound: float
    q: NDArray[np.float64]
    commensurate: bool
    directions: NDArray[np.float64]

    @property
    def proven(self) -> bool:
        """Whether the state reaches the bound."""
        return self.energy <= self.bound + REACHED * abs(self.bound)

    def __str__(self) -> str:
        wave = " ".join(f"{c:.4g}" for c in self.q)
        ending = "reached: proven" if self.proven else "not reached: the lowest state found"
        if not self.commensurate:
            wave += ", incommensurate; relaxed at fractions near it"
        return (
            f"{self.order}\n  energy {self.energy:.4f} meV a site; bound {self.bound:.4f} meV at q = ({wave}), {ending}"
        )


def ground_state(model: ExchangeModel, *, seed: int = 0, best: Maximum | None = None) -> GroundState:
    """Find the classical ground state of exchange constants.

    Args:
        model: exchange constants; anisotropy and tensors are obeyed in the relaxation.
        seed: of the random states.
        best: where J(q) is largest, if known.

    Raises:
        ExchangeError: the model holds no exchange constant.
    """
    best = best or maximum(model)
    random = np.random.default_rng(seed)
    bound = -best.value / 2
    near, cell, state, energy = _of_best_fraction(model, best, random)
    if energy > bound + REACHED * abs(bound):
        tried = [(rows, near) for rows in _larger(model, cell.transformation)]
        tried += [(smallest_supercell(wave, model.lattice), wave) for wave in _short(model, best)]
        for rows, wave in tried:
            other = magnetic_cell(model, rows)
            found, lower = _lowest(model, other, wave, random)
            if lower < energy - REACHED * abs(energy):
                state, energy, cell, near = found, lower, other, wave
    wave = strongest_wave(cell, state, near)
    rows = smallest_supercell(wave, model.lattice)
    if round(abs(np.linalg.det(rows))) < len(cell.cells):  # of a larger cell the state may need but a part
        part = magnetic_cell(model, rows)
        found, lower = _lowest(model, part, wave, random)
        if lower < energy + REACHED * abs(energy):
            state, energy, cell = found, lower, part
            wave = strongest_wave(cell, state, wave)
    return GroundState(_order(model, cell, state, wave), energy, bound, best.q, best.commensurate, state)


def strongest_wave(cell: MagneticCell, state: NDArray[np.float64], near: Wave) -> Wave:
    """The wave vector with the largest amplitude in a state, in the reciprocal basis of the model's cell.

    Args:
        cell: in which the state repeats.
        state: unit vectors, shape (n_spins, 3).
        near: of equally strong ones, as k and -k are, the nearest to this is taken.
    """
    size = len(cell.cells)
    # the waves that repeat with the cell: as many as it holds cells, their components multiples of 1/size
    adjugate = np.rint(np.linalg.inv(cell.transformation) * size).astype(np.int64)
    reach = abs(cell.transformation).sum(axis=1)
    steps = np.array(list(product(*(range(-n, n + 1) for n in reach))), dtype=np.int64)
    waves = np.unique((steps @ adjugate.T) % size, axis=0)
    spins = state.reshape(size, -1)
    amplitudes = (abs(np.exp(2j * np.pi / size * (waves @ cell.cells.T)) @ spins) ** 2).sum(axis=1)
    strong = waves[amplitudes > amplitudes.max() * (1 - EQUAL)] / size
    wanted = np.array(near, dtype=float)
    gaps = strong - wanted
    nearest = int(np.linalg.norm(gaps - np.rint(gaps), axis=1).argmin())
    folded = strong[nearest] - np.ceil(strong[nearest] - 0.5 - STRAIGHT / size)
    one, other, third = (Fraction(float(c)).limit_denominator(size) for c in folded)
    return one, other, third


def _of_best_fraction(
    model: ExchangeModel, best: Maximum, random: np.random.Generator
) -> tuple[Wave, MagneticCell, NDArray[np.float64], float]:
    """The wave of the best state in the cell of one, that cell, the state, and its energy in meV a site.

    An incommensurate wave has no cell: of several fractions near it that with the lowest state stands for it.
    """
    waves = [best.fraction]
    if not best.commensurate:
        waves += [wave for wave in fractions_near(model, best.q, FRACTIONS) if wave != best.fraction]
    chosen = None
    for wave in waves:
        rows = smallest_supercell(wave, model.lattice)
        if chosen is not None and round(abs(np.linalg.det(rows))) * len(model) > MOST_RELAXED:
            continue
        cell = magnetic_cell(model, rows)
        state, energy = _lowest(model, cell, wave, random)
        if chosen is None or energy < chosen[3] - SAME * abs(energy):
            chosen = wave, cell, state, energy
    assert chosen is not None
    return chosen


def _lowest(
    model: ExchangeModel, cell: MagneticCell, wave: Wave, random: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """The lowest of states relaxed from the waves with one vector and from chance; collinear ones win ties."""
    lowest, state = np.inf, np.zeros((0, 3))
    for start in [*_waves(model, cell, wave), *random.standard_normal((STARTS, len(cell), 3))]:
        found, energy = relax(cell, start)
        if energy < lowest - 1e-7 * abs(energy):
            lowest, state = energy, found
    return state, lowest / len(cell)


def _waves(model: ExchangeModel, cell: MagneticCell, wave_vector: Wave) -> list[NDArray[np.float64]]:
    """Collinear states and a spiral of the waves with the largest eigenvalue, shape (n_spins, 3) each."""
    q = np.array(wave_vector, dtype=float)
    values, vectors = np.linalg.eigh(fourier(model, q[None])[0])
    found = []
    for vector in vectors.T[values >= values[-1] - 1e-6 * abs(values[-1])]:
        turned = vector * np.exp(-1j * np.angle(vector[abs(vector).argmax()]))
        wave = (np.exp(-2j * np.pi * (cell.cells @ q))[:, None] * turned.conj()[None]).reshape(-1)
        for phase in (0.0, np.pi / 4):
            signs = np.where((wave * np.exp(1j * phase)).real >= -STRAIGHT, 1.0, -1.0)
            found.append(signs[:, None] * np.array([0.0, 0.0, 1.0]))
        if abs(wave.imag).max() > STRAIGHT:
            found.append(np.stack([wave.real, wave.imag, 0 * wave.real + STRAIGHT**2], axis=1))
    return found


def _larger(model: ExchangeModel, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Other cells worth a try where the bound is not reached."""
    found = [rows @ np.diag(scale) for scale in ((2, 1, 1), (1, 2, 1), (1, 1, 2), (2, 2, 1), (2, 2, 2), (3, 3, 1))]
    return [f for f in found if round(abs(np.linalg.det(f))) * len(model) <= MOST_SPINS]


def _short(model: ExchangeModel, best: Maximum) -> list[Wave]:
    """Waves that repeat after few cells: an easy axis takes more from a long spiral than they miss of its exchange.

    Zero, half reciprocal lattice vectors, and the thirds and quarters next to the best wave.
    """
    found: list[Wave] = [(a, b, c) for a, b, c in product((Fraction(0), Fraction(1, 2)), repeat=3)]
    for number in (3, 4):
        one, other, third = (Fraction(round(float(c) * number), number) for c in best.q)
        found.append((one, other, third))
    return found if len(model) * SHORTEST <= MOST_SPINS else []


def _order(model: ExchangeModel, cell: MagneticCell, state: NDArray[np.float64], k: Wave) -> MagneticOrder:
    rows = cell.transformation
    lattice = rows @ model.lattice
    sites = (cell.cells[:, None, :] + model.frac_coords[None]).reshape(-1, 3) @ np.linalg.inv(rows)
    sizes = np.tile(model.moments, len(cell.cells))
    axis = state[abs(sizes).argmax()]
    along = state @ axis
    net = np.linalg.norm((sizes[:, None] * state).sum(axis=0)) / max(sizes.sum(), STRAIGHT)
    kind = "FM" if net > 1 - STRAIGHT else "AFM" if net < STRAIGHT else "FiM"
    # numbers say nothing of the axis, and files put them along z: not where the axis is part of the answer
    free = model.is_isotropic or abs(axis[2]) > 1 - STRAIGHT**2
    straight = abs(abs(along) - 1).max() < STRAIGHT
    moments = sizes * along if straight and free else sizes[:, None] * state
    text = cast("tuple[str, str, str]", tuple(str(f) for f in k))
    return MagneticOrder(
        kind, 1.0, lattice.tolist(), tuple(element_of(s) for s in model.species) * len(cell.cells),
        np.round(sites % 1.0, 12).tolist(), np.round(moments, 6).tolist(), rows.tolist(), text, text,
    )  # fmt: skip
