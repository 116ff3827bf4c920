"""What the series mean, with error bars that know how long a simulation remembers.

Errors come from a jackknife over bins of successive measurements; the bins are made longer until the error of the
energy grows no more (binning, Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from monty.json import MSONable

from magnetite.exchange.conventions import K_B

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from magnetite.exchange.montecarlo.engine import Samples

FEWEST_BINS = 16


@dataclass(frozen=True)
class Curves(MSONable):
    """Thermal averages of one supercell, each with its error (one standard deviation), shape (n_temperatures,).

    Attributes:
        n_spins: of the supercell.
        temperatures: K.
        energy: meV a spin.
        heat: specific heat in k_B a spin.
        order: root mean square of the order parameter, 1 where it is complete.
        magnetisation: mean |M| of the moments, 1 where all are parallel.
        susceptibility: of the order parameter, n (⟨o²⟩ - ⟨|o|⟩²)/(k_B T), 1/meV.
        binder: 1 - ⟨o⁴⟩/(3⟨o²⟩²).
        errors: of each of these, by name.
    """

    n_spins: int
    temperatures: list[float]
    energy: list[float]
    heat: list[float]
    order: list[float]
    magnetisation: list[float]
    susceptibility: list[float]
    binder: list[float]
    errors: dict[str, list[float]]


def curves(samples: Samples) -> Curves:
    """Averages and errors of a simulation."""
    found: dict[str, list[float]] = {name: [] for name in QUANTITIES}
    errors: dict[str, list[float]] = {name: [] for name in QUANTITIES}
    for place, temperature in enumerate(samples.plan.temperatures):
        bins = binned(samples.series[:, place], samples.n_spins)
        for name, quantity in QUANTITIES.items():
            value, error = jackknife(bins, partial(quantity, temperature, samples.n_spins))
            found[name].append(value)
            errors[name].append(error)
    return Curves(samples.n_spins, list(samples.plan.temperatures), errors=errors, **found)


def binned(series: NDArray[np.float64], n_spins: int) -> NDArray[np.float64]:
    """Means over bins of e, e² (a spin, about the mean), o², o⁴, |o|, |M| and the mean energy; shape (n_bins, 7).

    Args:
        series: energy in meV, squared order parameter, squared magnetisation, shape (steps, 3).
        n_spins: of the supercell.
    """
    energy = series[:, 0] / n_spins
    centre = energy.mean()
    square, magnet = series[:, 1], series[:, 2]
    table = np.stack(
        [energy - centre, (energy - centre) ** 2, square, square**2, np.sqrt(square), np.sqrt(magnet)], axis=1
    )
    table[:, 0] += centre
    length = bin_length(square)
    number = max(len(table) // length, 1)
    cut = table[len(table) - number * length :]
    means: NDArray[np.float64] = cut.reshape(number, length, -1).mean(axis=1)
    return np.column_stack([means, np.full(number, centre)])


def bin_length(values: NDArray[np.float64]) -> int:
    """Measurements a bin after which the error of the mean grows no more, but at least `FEWEST_BINS` bins."""
    length, best, error = 1, 1, 0.0
    while len(values) // length >= FEWEST_BINS:
        number = len(values) // length
        means = values[: number * length].reshape(number, length).mean(axis=1)
        now = float(means.std(ddof=1) / np.sqrt(number))
        if now > 1.05 * error:
            best, error = length, now
        length *= 2
    return min(2 * best, max(len(values) // FEWEST_BINS, 1))


def jackknife(bins: NDArray[np.float64], quantity: Callable[[NDArray[np.float64]], float]) -> tuple[float, float]:
    """A function of means and its error, each bin left out in turn.

    Args:
        bins: means of each bin, shape (n_bins, n).
        quantity: of the means, shape (n,).
    """
    number = len(bins)
    value = quantity(bins.mean(axis=0))
    if number == 1:
        return value, float("nan")
    rest = (bins.sum(axis=0) - bins) / (number - 1)
    others = np.array([quantity(row) for row in rest])
    return value, float(np.sqrt((number - 1) / number * np.sum((others - others.mean()) ** 2)))


def _heat(temperature: float, n_spins: int, means: NDArray[np.float64]) -> float:
    return float(n_spins * (means[1] - (means[0] - means[6]) ** 2) / (K_B * temperature) ** 2)


def _susceptibility(temperature: float, n_spins: int, means: NDArray[np.float64]) -> float:
    return float(n_spins * (means[2] - means[4] ** 2) / (K_B * temperature))


def binder(second: float, fourth: float) -> float:
    """1 - ⟨o⁴⟩/(3⟨o²⟩²); Binder, Z. Phys. B 43, 119 (1981)."""
    return 1 - fourth / (3 * second**2) if second > 0 else 0.0


QUANTITIES: dict[str, Callable[[float, int, NDArray[np.float64]], float]] = {
    "energy": lambda _t, _n, means: float(means[0]),
    "heat": _heat,
    "order": lambda _t, _n, means: float(np.sqrt(max(means[2], 0.0))),
    "magnetisation": lambda _t, _n, means: float(means[5]),
    "susceptibility": _susceptibility,
    "binder": lambda _t, _n, means: binder(float(means[2]), float(means[3])),
}
