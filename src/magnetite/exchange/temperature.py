"""Transition temperature of an exchange model: mean field, random phase approximation, Monte Carlo, (S + 1)/S."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from monty.json import MSONable

from magnetite.errors import ExchangeError
from magnetite.exchange.checks import dimensions, warnings_of
from magnetite.exchange.fourier import Maximum, maximum
from magnetite.exchange.meanfield import correction, mean_field_temperature
from magnetite.exchange.montecarlo.crossing import (
    CLEAR,
    CROSSING,
    FEWEST,
    Transition,
    beginning,
    binder_crossing,
    disordered,
    heat_peak,
)
from magnetite.exchange.montecarlo.engine import Plan, simulate
from magnetite.exchange.montecarlo.order_parameter import MOST_WAVES, order_parameter
from magnetite.exchange.montecarlo.statistics import Curves, curves
from magnetite.exchange.rpa import rpa_temperature
from magnetite.exchange.supercell import even_sizes, spin_lattice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from magnetite.exchange.model import ExchangeModel


@dataclass(frozen=True)
class Effort:
    """How much a Monte Carlo search spends.

    Attributes:
        spins: of the two supercells whose cumulants cross, about.
        temperatures: in the window around the transition.
        steps: measured in it; a tenth as many, but 200, come before.
        relaxations: over-relaxation sweeps a step.
        scout_spins: of the supercell that looks where to look.
        scout_steps: of it.
        width: half the width of the window, relative.
    """

    spins: tuple[int, int] = (500, 1500)
    temperatures: int = 9
    steps: int = 4000
    relaxations: int = 2
    scout_spins: int = 250
    scout_steps: int = 600
    width: float = 0.15


QUICK = Effort(spins=(300, 900), temperatures=8, steps=1200, scout_spins=200, scout_steps=300)
"""For many compounds: to some per cent."""
SCOUT_TEMPERATURES = 14
LOWEST, HIGHEST = 0.12, 1.0
"""Of the scout's temperatures, in units of the mean-field temperature."""
MOST_WINDOWS = 8
WIDE = 0.4
"""Half the width of the window where nothing orders: the specific heat of layers and chains has a broad peak."""


@dataclass(frozen=True)
class TransitionReport(MSONable):
    """Transition temperatures in K and where they come from.

    Attributes:
        name: of the model.
        wave_vector: where J(q) is largest, reciprocal basis of the model's cell.
        mean_field: mean field.
        rpa: random phase approximation; 0 where it forbids order, None where it has no solution.
        monte_carlo: classical spins; None where the temperatures that were asked for miss the transition.
        error: of it, one standard deviation; None with it.
        method: ``Binder crossing``, ``specific heat`` or ``none``.
        factor: (S + 1)/S; None where S is unknown.
        warnings: what to mind.
        curves: thermal averages of each supercell, the largest last.
    """

    name: str
    wave_vector: list[float]
    mean_field: float
    rpa: float | None
    monte_carlo: float | None
    error: float | None
    method: str
    factor: float | None
    warnings: list[str] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)

    @property
    def corrected(self) -> float | None:
        """Monte Carlo times (S + 1)/S, in K; None where one of them is unknown."""
        return None if self.factor is None or self.monte_carlo is None else self.monte_carlo * self.factor

    @property
    def _classical(self) -> str:
        """The Monte Carlo temperature in words."""
        if self.monte_carlo is None:
            return f"{'–':>9} K"
        return f"{self.monte_carlo:9.2f} ± {self.error:.2f} K  ({self.method})"

    def __str__(self) -> str:
        lines = [
            f"{self.name}: k = ({' '.join(f'{c:.3g}' for c in self.wave_vector)})",
            f"  mean field             {self.mean_field:9.2f} K",
            f"  random phase           {'–' if self.rpa is None else f'{self.rpa:.2f}':>9} K",
            f"  Monte Carlo, classical {self._classical}",
        ]
        if self.corrected is not None:
            lines.append(f"  times (S + 1)/S        {self.corrected:9.2f} K  ({self.factor:.3f})")
        return "\n".join([*lines, *(f"  ! {text}" for text in self.warnings)])


def transition_temperature(
    model: ExchangeModel,
    *,
    effort: Effort | None = None,
    temperatures: Sequence[float] | None = None,
    seed: int = 0,
    progress: bool = False,
    checkpoint: Path | None = None,
) -> TransitionReport:
    """Estimate a model's transition temperature in three ways.

    Args:
        model: exchange constants.
        effort: of the Monte Carlo; `Effort()` if None.
        temperatures: K, ascending, to simulate instead of searching for the window.
        seed: of the random numbers.
        progress: show bars.
        checkpoint: a folder to keep the simulations in, from which an interrupted search goes on.

    Raises:
        ExchangeError: there is no coupling that favours any order, or temperatures are unusable.
    """
    effort = effort or Effort()
    best = maximum(model)
    mean_field = mean_field_temperature(model, best)
    if mean_field <= 0:
        raise ExchangeError("no coupling favours any order", model.name)
    rpa = rpa_temperature(model, best)
    orders = dimensions(model) == 3 or bool(rpa)  # noqa: PLR2004
    search = _Search(model, best, effort, seed, progress, checkpoint, orders)
    notes = [*model.notes, *warnings_of(model, best.isotropic)]
    if temperatures is None:
        found, measured, more = search.window(mean_field)
    else:
        found, measured, more = search.at(tuple(float(t) for t in temperatures))
    if not best.commensurate:
        notes.append("incommensurate: supercells hold the fraction nearest to the best wave vector")
    if rpa and not model.is_isotropic and rpa >= mean_field:
        notes.append("anisotropy too strong for the random phase approximation: cut off at the mean field")
    factor = correction(model)
    if factor is None:
        notes.append("spin lengths unknown: not corrected by (S + 1)/S")
    missed = temperatures is not None and found.missed
    value, error, method = (None, None, "none") if missed else found[:3]
    return TransitionReport(
        model.name, [float(c) for c in best.q], mean_field, rpa, value, error, method, factor, [*notes, *more],
        measured,
    )  # fmt: skip


class _Search:
    """The simulations of one model."""

    def __init__(
        self, model: ExchangeModel, best: Maximum, effort: Effort, seed: int, progress: bool, checkpoint: Path | None,
        orders: bool,
    ) -> None:  # fmt: skip
        self.model, self.best, self.effort = model, best, effort
        self.seed, self.progress, self.checkpoint = seed, progress, checkpoint
        self.orders = orders  # at a temperature, rather than slowly on cooling, as layers of isotropic spins

    def window(self, mean_field: float) -> tuple[Transition, list[Curves], list[str]]:
        """Find the window, then the crossing in it; of several windows without one the best."""
        effort = self.effort
        width = effort.width if self.orders else WIDE
        grid = np.linspace(LOWEST, HIGHEST, SCOUT_TEMPERATURES) * mean_field
        scouted, _ = self._simulate(effort.scout_spins, tuple(grid), effort.scout_steps, "scout")
        highest = mean_field / (1 + width)  # no transition lies above the mean field
        centre = min(beginning(scouted), highest)
        tried = []
        for _ in range(MOST_WINDOWS):
            grid = centre * np.linspace(1 - width, 1 + width, effort.temperatures)
            tried.append(self.at(tuple(grid)))
            side = self._side(*tried[-1][:2])
            if side == 0 or (side > 0 and centre == highest):
                break
            centre = min(centre * (1 + side * width), highest)
        found, measured, notes = max(tried, key=_worth)
        return found, [scouted, *measured], notes

    def _side(self, found: Transition, measured: list[Curves]) -> int:
        """Where to look next: above (1), below (-1), or nowhere else (0).

        The specific heat says it first; then the cumulants, which above the transition are clearly smaller in the
        larger supercell. Far above it they are the same again, but then there is no order left.
        """
        small, large = measured
        if found.method == CROSSING:
            return 0
        compared = self.orders and small.n_spins != large.n_spins
        hot = compared and disordered(small, large)
        top = int(np.argmax(large.heat))
        if top == 0:
            return -1
        if top == len(large.heat) - 1 and not hot:
            return 1
        if not compared:
            return 0
        rise = np.subtract(large.binder, small.binder)
        noise = np.hypot(large.errors["binder"], small.errors["binder"])
        if rise[-1] > -CLEAR * noise[-1] and not hot:
            return 1
        return -1 if rise[0] < -noise[0] else 0

    def at(self, temperatures: tuple[float, ...]) -> tuple[Transition, list[Curves], list[str]]:
        """Both supercells at given temperatures."""
        measured: list[Curves] = []
        notes: list[str] = []
        for spins in self.effort.spins:
            curve, degenerate = self._simulate(spins, temperatures, self.effort.steps, f"{spins} spins")
            measured.append(curve)
        if degenerate > MOST_WAVES and dimensions(self.model) == 3:  # noqa: PLR2004 (others are equal across the gap)
            notes.append(f"frustrated: {degenerate} waves are equally good in the larger supercell")
        found = None
        if self.orders and measured[0].n_spins != measured[1].n_spins:
            found = binder_crossing(measured[0], measured[1], self.seed)
        if found is None:
            found = heat_peak(measured[-1], self.seed)
            if len(temperatures) < FEWEST:
                notes.append(f"{len(temperatures)} temperatures are too few for a crossing of cumulants")
            elif self.orders:
                notes.append("no clear crossing of cumulants: the peak of the specific heat lies some per cent off")
            if found.missed:
                low, high = temperatures[0], temperatures[-1]
                notes.append(f"temperatures from {low:.4g} to {high:.4g} K miss the transition: give others")
        return found, measured, notes

    def _simulate(self, spins: int, temperatures: tuple[float, ...], steps: int, what: str) -> tuple[Curves, int]:
        lattice = spin_lattice(self.model, even_sizes(self.model, spins, self.best.period))
        order = order_parameter(self.model, lattice)
        sites = abs(self.model.moments)
        magnet = np.tile(sites / max(sites.sum(), 1e-12), len(lattice) // len(self.model))
        magnet /= len(lattice) // len(self.model)
        plan = Plan(temperatures, steps, max(steps // 10, min(200, steps)), self.effort.relaxations, self.seed)
        bar = f"{self.model.name}, {what}" if self.progress else False
        samples = simulate(lattice, plan, order.waves, magnet, progress=bar, checkpoint=self.checkpoint)
        return curves(samples), order.degenerate


def _worth(tried: tuple[Transition, list[Curves], list[str]]) -> tuple[bool, bool, float]:
    """What makes one window better than another: a crossing, a peak inside it, a higher peak."""
    found, measured, _ = tried
    return found.method == CROSSING, not found.missed, max(measured[-1].heat)
