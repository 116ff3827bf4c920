"""Where cumulants cross, and which windows of temperature are looked into: curves of known shape, no simulation."""

from __future__ import annotations

import numpy as np
import pytest

from magnetite.exchange import ExchangeModel
from magnetite.exchange.conventions import K_B
from magnetite.exchange.montecarlo.crossing import binder_crossing
from magnetite.exchange.montecarlo.statistics import Curves
from magnetite.exchange.temperature import TransitionReport, _Search, transition_temperature

CUMULANTS = np.array([
    [13.718, 0.6635, 0.0001, 0.6651, 0.00004],
    [14.324, 0.6623, 0.0001, 0.6641, 0.0001],
    [14.929, 0.6594, 0.0002, 0.6626, 0.0002],
    [15.534, 0.6552, 0.0005, 0.6598, 0.0002],
    [16.000, 0.6483, 0.0006, 0.6542, 0.0005],
    [16.200, 0.6437, 0.0008, 0.6495, 0.0006],
    [16.400, 0.6373, 0.0010, 0.6430, 0.0012],
    [16.600, 0.6294, 0.0011, 0.6325, 0.0017],
    [16.800, 0.6197, 0.0016, 0.6184, 0.0022],
    [17.000, 0.6087, 0.0018, 0.5983, 0.0028],
    [17.200, 0.5963, 0.0022, 0.5773, 0.0034],
    [17.400, 0.5824, 0.0026, 0.5544, 0.0038],
    [17.955, 0.5454, 0.0033, 0.5075, 0.0046],
    [18.5, 0.5150, 0.0040, 0.4810, 0.0056],
    [19.1, 0.4900, 0.0048, 0.4640, 0.0065],
    [20.0, 0.4770, 0.0050, 0.4640, 0.0055],
])  # fmt: skip
"""Temperature in K, then cumulant and error of each size."""
MEAN_FIELD = 2 / K_B
PEAK = 0.6 * MEAN_FIELD


def curves(n_spins: int, grid: np.ndarray, errors: float = 0.01, **named: np.ndarray) -> Curves:
    names = ("energy", "heat", "order", "magnetisation", "susceptibility", "binder")
    values = {name: np.ones(len(grid)) for name in names} | named
    noise = {name: np.full(len(grid), errors).tolist() for name in names}
    return Curves(n_spins, grid.tolist(), errors=noise, **{name: np.asarray(v).tolist() for name, v in values.items()})


def measured(grid: np.ndarray) -> tuple[Curves, Curves]:
    """Simple cubic cumulants of 512 and 1,728 spins with J = 1 meV, from a long run."""
    temperatures, *columns = CUMULANTS.T
    small, its_errors, large, errors = (np.interp(grid, temperatures, column) for column in columns)
    found = curves(512, grid, binder=small), curves(1728, grid, binder=large)
    for one, noise in zip(found, (its_errors, errors), strict=True):
        one.errors["binder"][:] = noise.tolist()
    return found


def test_a_size_that_finds_another_order_crosses_nothing() -> None:
    small, large = measured(16.9 * np.linspace(0.85, 1.15, 9))
    assert binder_crossing(small, large) is not None
    large.order[:] = [0.03] * len(large.order)
    assert binder_crossing(small, large) is None


@pytest.mark.parametrize("centre", [16.1, 16.5, 16.9, 17.3])
@pytest.mark.parametrize("points", [8, 9])
def test_the_cold_side_does_not_pull_the_crossing(centre: float, points: int) -> None:
    found = binder_crossing(*measured(centre * np.linspace(0.85, 1.15, points)))
    assert found is not None
    assert found.temperature == pytest.approx(1.4429 / K_B, rel=0.008)
    assert 0.02 < found.error < 0.3


def fake(monkeypatch: pytest.MonkeyPatch, peak: float, shift: float = 0.0) -> tuple[TransitionReport, list[float]]:
    """A report of simple cubic spins whose simulations are curves: cumulants that never cross, heat with a peak."""
    hottest = []

    def simulate(search: _Search, spins: int, temperatures: tuple[float, ...], *_: object) -> tuple[Curves, int]:
        del search
        grid = np.array(temperatures)
        hottest.append(grid[-1])
        top = peak + (shift if len(hottest) == 1 else 0.0)
        cold = grid < peak
        heat = 1 + 5 * np.exp(-abs(grid - top) / (0.1 * MEAN_FIELD))
        order = np.where(cold, 1.0, spins**-0.5)
        return curves(spins, grid, heat=heat, order=order, susceptibility=heat, binder=np.where(cold, 2 / 3, 0.1)), 1

    monkeypatch.setattr(_Search, "_simulate", simulate)
    bonds = np.hstack([np.zeros((3, 2), int), np.eye(3, dtype=int)])
    model = ExchangeModel.from_bonds(3 * np.eye(3), np.zeros((1, 3)), bonds, np.ones(3), spins=1.0)
    return transition_temperature(model), hottest[1::2]


def test_a_window_with_disorder_at_its_hot_end_is_not_left_upward(monkeypatch) -> None:
    report, windows = fake(monkeypatch, PEAK)
    assert len(windows) == 1
    assert report.monte_carlo == pytest.approx(PEAK, rel=0.02)
    assert any("no clear crossing" in text for text in report.warnings)


def test_the_search_goes_up_and_down_to_the_peak_but_not_above_the_mean_field(monkeypatch) -> None:
    for shift in (-0.4 * MEAN_FIELD, 0.4 * MEAN_FIELD):
        report, windows = fake(monkeypatch, PEAK, shift)
        assert len(windows) > 1
        assert report.monte_carlo == pytest.approx(PEAK, rel=0.02)
    report, windows = fake(monkeypatch, 2 * MEAN_FIELD)
    assert max(windows) <= MEAN_FIELD * (1 + 1e-9)
    assert any("miss the transition" in text for text in report.warnings)
