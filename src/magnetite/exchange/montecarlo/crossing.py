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
NEARBY = 0.25
"""Of the range of cumulants: points this close to the crossing say where it is."""
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
    from the transition the two are the same, and cross anywhere. Where the sign changes is found from all points; a
    polynomial of the difference through those nearby says where exactly. The error is the spread of crossings of
    differences drawn within their errors.
    """
    grid = np.array(small.temperatures)
    if len(grid) < FEWEST:
        return None
    difference = np.subtract(large.binder, small.binder)
    noise = np.hypot(*(np.hypot(np.nan_to_num(c.errors["binder"], nan=0.01), LEAST_ERROR) for c in (small, large)))
    # the split into above and below nothing that the points speak for most
    signal = difference / noise
    split = int(np.argmax([signal[:n].sum() - signal[n:].sum() for n in range(1, len(grid))])) + 1
    if not _clear(difference, noise, split):
        return None
    cumulants = np.array(large.binder)
    near = abs(cumulants - cumulants[split - 1 : split + 1].mean()) < NEARBY * (2 / 3 - cumulants.min())
    near[max(split - 2, 0) : split + 2] = True
    middle = grid[split - 1 : split + 1].mean()
    rows = grid[near], difference[near], noise[near]
    centre = _root(*rows, middle)
    if centre is None:
        return None
    random = np.random.default_rng(seed)
    drawn = [
        _root(rows[0], rows[1] + rows[2] * random.standard_normal(len(rows[0])), rows[2], middle) for _ in range(DRAWS)
    ]
    spread = [place for place in drawn if place is not None]
    if len(spread) < DRAWS // 2:
        return None
    return Transition(centre, float(np.std(spread)), "Binder crossing")


def _clear(difference: NDArray[np.float64], noise: NDArray[np.float64], split: int) -> bool:
    """Whether the differences are positive before and negative after, their means by `CLEAR` errors."""
    found = []
    for rows, sign in ((slice(split), 1), (slice(split, None), -1)):
        weights = 1 / noise[rows] ** 2
        found.append(sign * np.sum(weights * difference[rows]) > CLEAR * np.sqrt(weights.sum()))
    return all(found)


def _root(
    grid: NDArray[np.float64], difference: NDArray[np.float64], noise: NDArray[np.float64], middle: float
) -> float | None:
    """Where a polynomial through the differences falls through nothing, nearest to a temperature."""
    degree = 3 if len(grid) > 2 * FEWEST else min(2, len(grid) - 2)
    fit = np.polynomial.Polynomial.fit(grid, difference, degree, w=1 / noise)
    fine = np.linspace(grid[0], grid[-1], FINE)
    values = fit(fine)
    falls = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
    if not len(falls):
        return None
    place = falls[int(np.argmin(abs(fine[falls] - middle)))]
    share = values[place] / (values[place] - values[place + 1])
    return float(fine[place] + share * (fine[1] - fine[0]))


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
    """Where a parabola through the highest point and two on either side is highest, no further than the next point."""
    top = int(heat.argmax())
    if top in {0, len(grid) - 1}:
        return float(grid[top])
    rows = slice(max(top - 2, 0), top + 3)
    x = grid[rows] - grid[top]
    c2, c1, _ = np.polyfit(x, heat[rows], 2, w=1 / errors[rows])
    return float(np.clip(grid[top] - c1 / (2 * c2), grid[top - 1], grid[top + 1])) if c2 < 0 else float(grid[top])


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
