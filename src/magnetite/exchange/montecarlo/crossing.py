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
FEWEST = 4
"""Temperatures that a crossing needs."""
CLEAR = 2.0
"""Errors by which a difference must exceed nothing."""
ORDERED = 0.66
"""Cumulants above are those of an order that is nearly complete (⅔)."""
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

    Below the transition the larger size has the larger cumulant, above it the smaller, both by more than noise: far
    from the transition the two are the same, and cross anywhere. Cubic fits; the error is the spread of crossings of
    curves drawn within their errors.
    """
    grid = np.array(small.temperatures)
    values = [np.array(c.binder) for c in (small, large)]
    errors = [np.hypot(np.nan_to_num(c.errors["binder"], nan=0.01), LEAST_ERROR) for c in (small, large)]
    if len(grid) < FEWEST:
        return None
    everywhere = grid, values, errors
    # far above and below nothing crosses, and a cubic need not follow
    near = (values[1] > 0.25) & (values[1] < 0.664)  # noqa: PLR2004
    if near.sum() < FEWEST:
        near = np.ones(len(grid), dtype=bool)
    grid, values, errors = grid[near], [v[near] for v in values], [e[near] for e in errors]
    centre = _cross(grid, values, errors)
    if centre is None or not _clear(*everywhere, centre):
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


def _clear(
    grid: NDArray[np.float64], values: list[NDArray[np.float64]], errors: list[NDArray[np.float64]], centre: float
) -> bool:
    """Whether the larger size is above the smaller before a crossing and below it after, by `CLEAR` errors of means."""
    difference, noise = values[1] - values[0], np.hypot(*errors)
    found = []
    for rows, sign in ((grid <= centre, 1), (grid > centre, -1)):
        weights = 1 / noise[rows] ** 2
        mean = sign * np.sum(weights * difference[rows]) / max(weights.sum(), 1e-300)
        found.append(bool(rows.any()) and mean * np.sqrt(weights.sum()) > CLEAR)
    return all(found)


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


def heat_peak(curves: Curves, seed: int = 0) -> Transition:
    """Temperature of the highest specific heat: a parabola fitted to the points around it.

    The error is the spread of peaks of curves drawn within their errors, but at least a tenth of the distance between
    temperatures.
    """
    grid, heat = np.array(curves.temperatures), np.array(curves.heat)
    errors = np.nan_to_num(np.array(curves.errors["heat"]), nan=0.1 * float(heat.max()))
    errors = np.maximum(errors, 1e-3 * heat.max() + 1e-12)
    centre = _peak(grid, heat, errors)
    random = np.random.default_rng(seed)
    drawn = [_peak(grid, heat + errors * random.standard_normal(len(grid)), errors) for _ in range(DRAWS)]
    least = float(np.diff(grid).min()) / 10 if len(grid) > 1 else float("nan")
    return Transition(centre, max(float(np.std(drawn)), least), "specific heat")


def _peak(grid: NDArray[np.float64], heat: NDArray[np.float64], errors: NDArray[np.float64]) -> float:
    """Where the parabola through the highest point and two on either side is highest; that point if at an end."""
    top = int(heat.argmax())
    if top in {0, len(grid) - 1}:
        return float(grid[top])
    rows = slice(max(top - 2, 0), top + 3)
    x = grid[rows] - grid[top]
    c2, c1, _ = np.polyfit(x, heat[rows], 2, w=1 / errors[rows])
    return float(grid[top] + np.clip(-c1 / (2 * c2), x[0], x[-1])) if c2 < 0 else float(grid[top])


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
    """Whether the transition lies outside the temperatures.

    Then the specific heat has no peak that stands out from both ends, or the spins are still ordered at the highest.
    """
    heat, errors = np.array(curves.heat), np.nan_to_num(np.array(curves.errors["heat"]))
    top = int(heat.argmax())
    ends = (0, len(heat) - 1)
    low = any(top == end or heat[top] - heat[end] < CLEAR * np.hypot(errors[top], errors[end]) for end in ends)
    return low or curves.binder[-1] > ORDERED
