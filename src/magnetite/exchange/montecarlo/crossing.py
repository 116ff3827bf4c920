"""Where the transition lies: Binder's crossing of two sizes, or the peak of the specific heat."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.montecarlo.statistics import Curves

CROSSING = "Binder crossing"
DRAWS = 200
"""Of the curves within their errors, for the error of the crossing."""
FINE = 400
FEWEST = 4
"""Temperatures that a crossing needs."""
CLEAR = 2.0
"""Errors by which a difference must exceed nothing."""
ORDERED = 0.66
"""Cumulants above are those of an order that is nearly complete (⅔)."""
FALLS = 1 / 3
"""Power of the number of spins by which the order parameter falls, above which there is no order: at the transition it
falls by 0.17, that of independent spins by ½, in however many components."""
LEAST_ERROR = 2e-4
"""Of a cumulant, so that the ordered side, where errors vanish, does not dictate where the sign changes."""


class Transition(NamedTuple):
    """A transition temperature.

    Attributes:
        temperature: K.
        error: one standard deviation, K.
        method: ``Binder crossing`` or ``specific heat``.
        missed: whether the temperatures that were simulated miss it.
    """

    temperature: float
    error: float
    method: str
    missed: bool = False


def binder_crossing(small: Curves, large: Curves, seed: int = 0) -> Transition | None:
    """Crossing of the cumulants of two sizes, measured at the same temperatures.

    None if they do not cross, or if the larger one is not ordered as the smaller one is at the lowest of them.

    Below the transition the larger size has the larger cumulant, above it the smaller, both by more than noise: far
    from the transition the two are the same, and cross anywhere. Between which points the sign changes is found from
    all of them; the interpolant of the difference says where exactly. The error is the spread of crossings of
    differences drawn within their errors.
    """
    grid = np.array(small.temperatures)
    if len(grid) < FEWEST or disordered(small, large, 0):  # the larger one has found another order, or none
        return None
    difference = np.subtract(large.binder, small.binder)
    noise = np.hypot(*(np.hypot(np.nan_to_num(c.errors["binder"], nan=0.01), LEAST_ERROR) for c in (small, large)))
    # the split into above and below nothing that the points speak for most
    signal = difference / noise
    split = int(np.argmax([signal[:n].sum() - signal[n:].sum() for n in range(1, len(grid))])) + 1
    if not _clear(difference, noise, split):
        return None
    middle = float(grid[split - 1 : split + 1].mean())
    centre = _root(grid, difference, middle)
    if centre is None:
        return None
    random = np.random.default_rng(seed)
    drawn = [_root(grid, difference + noise * random.standard_normal(len(grid)), middle) for _ in range(DRAWS)]
    spread = [place for place in drawn if place is not None]
    if len(spread) < DRAWS // 2:
        return None
    return Transition(centre, float(np.std(spread)), CROSSING)


def _clear(difference: NDArray[np.float64], noise: NDArray[np.float64], split: int) -> bool:
    """Whether the differences are positive before and negative after, their means by `CLEAR` errors."""
    found = []
    for rows, sign in ((slice(split), 1), (slice(split, None), -1)):
        weights = 1 / noise[rows] ** 2
        found.append(sign * np.sum(weights * difference[rows]) > CLEAR * np.sqrt(weights.sum()))
    return all(found)


def _root(grid: NDArray[np.float64], difference: NDArray[np.float64], middle: float) -> float | None:
    """Where the differences fall through nothing, nearest to a temperature.

    An interpolant that keeps their shape: cold of the transition they vanish, hot of it they fall, and a polynomial
    through many points, weighted by their errors, bends to the cold ones, which are known best and say least.
    """
    from scipy.interpolate import PchipInterpolator

    fine = np.linspace(grid[0], grid[-1], FINE)
    values = PchipInterpolator(grid, difference)(fine)
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
    return Transition(centre, max(float(np.std(drawn)), least), "specific heat", _misses(curves))


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


def _misses(curves: Curves) -> bool:
    """Whether the transition lies outside the temperatures.

    Then the specific heat has no peak that stands out from both ends, or the spins are still ordered at the highest.
    """
    heat, errors = np.array(curves.heat), np.nan_to_num(np.array(curves.errors["heat"]))
    top = int(heat.argmax())
    ends = (0, len(heat) - 1)
    low = any(top == end or heat[top] - heat[end] < CLEAR * np.hypot(errors[top], errors[end]) for end in ends)
    return low or curves.binder[-1] > ORDERED


def disordered(small: Curves, large: Curves, place: int = -1) -> bool:
    """Whether the spins of two sizes have no order at one of the temperatures, by default the highest."""
    expected = small.order[place] * (small.n_spins / large.n_spins) ** FALLS
    return bool(large.order[place] < expected)
