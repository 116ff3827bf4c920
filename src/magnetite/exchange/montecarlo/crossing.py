"""Where the transition lies: Binder's crossing of two sizes, or the peak of the specific heat."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.montecarlo.statistics import Curves

DRAWS = 200
"""Of the curves within their errors, for the error of the crossing."""
FINE = 400
LEAST_ERROR = 2e-4
"""Of a cumulant, so that the ordered side, where errors vanish, does not dictate the fit."""


class Transition(NamedTuple):
    """A transition temperature.

    Attributes:
        temperature: K.
        error: one standard deviation, K.
        method: ``Binder crossing`` or ``specific heat``.
    """

    temperature: float
    error: float
    method: str


def binder_crossing(small: Curves, large: Curves, seed: int = 0) -> Transition | None:
    """Crossing of the cumulants of two sizes, measured at the same temperatures; None if they do not cross.

    Below the transition the larger size has the larger cumulant, above it the smaller. Cubic fits; the error is the
    spread of crossings of curves drawn within their errors.
    """
    grid = np.array(small.temperatures)
    values = [np.array(c.binder) for c in (small, large)]
    errors = [np.hypot(np.nan_to_num(c.errors["binder"], nan=0.01), LEAST_ERROR) for c in (small, large)]
    # far above and below nothing crosses, and a cubic need not follow
    near = (values[1] > 0.25) & (values[1] < 0.664)  # noqa: PLR2004
    if near.sum() < 4:  # noqa: PLR2004
        near = np.ones(len(grid), dtype=bool)
    if len(grid) < 4:  # noqa: PLR2004
        return None
    grid, values, errors = grid[near], [v[near] for v in values], [e[near] for e in errors]
    centre = _cross(grid, values, errors)
    if centre is None:
        return None
    random = np.random.default_rng(seed)
    drawn = [
        _cross(grid, [v + e * random.standard_normal(len(grid)) for v, e in zip(values, errors, strict=True)], errors)
        for _ in range(DRAWS)
    ]
    spread = [place for place in drawn if place is not None]
    if len(spread) < DRAWS // 2:
        return None
    return Transition(centre, float(np.std(spread)), "Binder crossing")


def _cross(
    grid: NDArray[np.float64], values: list[NDArray[np.float64]], errors: list[NDArray[np.float64]]
) -> float | None:
    degree = min(3, len(grid) - 2)
    middle, half = grid.mean(), np.ptp(grid) / 2
    x = (grid - middle) / half
    fits = [np.polynomial.Polynomial.fit(x, v, degree, w=1 / e) for v, e in zip(values, errors, strict=True)]
    fine = np.linspace(-1, 1, FINE)
    difference = fits[1](fine) - fits[0](fine)
    falls = np.flatnonzero((difference[:-1] > 0) & (difference[1:] <= 0))
    if not len(falls):
        return None
    # of several, the one about which the difference changes most: noise crosses with little slope
    slopes = [difference[max(p - 40, 0) : p + 1].max() - difference[p : p + 40].min() for p in falls]
    place = falls[int(np.argmax(slopes))]
    share = difference[place] / (difference[place] - difference[place + 1])
    return float(middle + half * (fine[place] + share * (fine[1] - fine[0])))


def heat_peak(curves: Curves) -> Transition:
    """Temperature of the highest specific heat: a parabola through the three points there.

    The error is half the distance to the next temperature.
    """
    grid, heat = np.array(curves.temperatures), np.array(curves.heat)
    top = int(heat.argmax())
    if top in {0, len(grid) - 1}:
        error = float(abs(grid[1] - grid[0])) if len(grid) > 1 else float("nan")
        return Transition(float(grid[top]), error, "specific heat")
    rows = slice(top - 1, top + 2)
    c2, c1, _ = np.polyfit(grid[rows] - grid[top], heat[rows], 2)
    shift = -c1 / (2 * c2) if c2 < 0 else 0.0
    steps = np.diff(grid[rows])
    shift = float(np.clip(shift, -steps[0] / 2, steps[1] / 2))
    return Transition(float(grid[top]) + shift, float(steps.mean() / 2), "specific heat")


def beginning(curves: Curves) -> float:
    """Where to look for the transition after a first run, K: between the peaks of specific heat and susceptibility.

    In a small supercell the one lies below the transition, the other above it.
    """
    grid = curves.temperatures
    order = float(grid[int(np.argmax(curves.susceptibility))])
    heat = heat_peak(curves).temperature
    # Where nothing orders, the susceptibility has no peak of its own: it grows to the coldest temperature.
    return heat if order < heat else (heat + order) / 2


def misses(curves: Curves) -> bool:
    """Whether the specific heat is highest at an end of the temperatures, so that the transition lies outside."""
    return int(np.argmax(curves.heat)) in {0, len(curves.heat) - 1}
