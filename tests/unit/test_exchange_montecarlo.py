"""Monte Carlo against what is known in closed form, and its bookkeeping."""

from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import pytest

from magnetite.errors import ExchangeError
from magnetite.exchange import ExchangeModel
from magnetite.exchange.conventions import K_B
from magnetite.exchange.montecarlo import engine
from magnetite.exchange.montecarlo.engine import Plan, simulate
from magnetite.exchange.montecarlo.kernels import heat_bath, over_relax, total_energy
from magnetite.exchange.montecarlo.order_parameter import order_parameter
from magnetite.exchange.montecarlo.statistics import curves, jackknife
from magnetite.exchange.supercell import even_sizes, smallest_sizes, spin_lattice


def cubic(j: float = 1.0, **more) -> ExchangeModel:
    bonds = np.hstack([np.zeros((3, 2), int), np.eye(3, dtype=int)])
    return ExchangeModel.from_bonds(3 * np.eye(3), np.zeros((1, 3)), bonds, j * np.ones(3), **more)


def run(model: ExchangeModel, sizes, temperatures, steps: int = 4000, **more):
    lattice = spin_lattice(model, sizes)
    order = order_parameter(model, lattice)
    plan = Plan(tuple(temperatures), steps, 200, seed=7)
    return curves(simulate(lattice, plan, order.waves, np.full(len(lattice), 1 / len(lattice)), **more))


@pytest.mark.parametrize("j", [2.0, -2.0])
def test_two_spins_have_langevin_energy(j: float) -> None:
    model = ExchangeModel.from_bonds(np.eye(3) * 5, [[0, 0, 0], [0.5, 0, 0]], [[0, 1, 0, 0, 0]], [j])
    temperature = 15.0
    x = abs(j) / (K_B * temperature)
    exact = -abs(j) * (1 / np.tanh(x) - 1 / x) / 2
    found = run(model, (1, 1, 1), [temperature, 30.0], 20_000)
    assert found.energy[0] == pytest.approx(exact, abs=5 * found.errors["energy"][0])
    assert found.errors["energy"][0] < 0.01


def test_a_lone_tensor_pair_has_the_energy_of_the_integral() -> None:
    tensor = np.array([[1.0, 0.8, 0.0], [-0.8, 1.0, 0.3], [0.0, 0.3, -2.0]])
    model = ExchangeModel.from_bonds(np.eye(3) * 5, [[0, 0, 0], [0.5, 0, 0]], [[0, 1, 0, 0, 0]], [tensor])
    temperature = 12.0
    # the inner integral over the second spin is sinh(b|h|)/(b|h|) with h = Jᵀ e
    rng = np.random.default_rng(0)
    e = rng.standard_normal((400_000, 3))
    e /= np.linalg.norm(e, axis=1, keepdims=True)
    x = np.linalg.norm(e @ tensor, axis=1) / (K_B * temperature)
    weight = np.sinh(x) / x
    exact = -np.sum(weight * x * (1 / np.tanh(x) - 1 / x)) / weight.sum() * K_B * temperature / 2
    found = run(model, (1, 1, 1), [temperature], 30_000)
    assert found.energy[0] == pytest.approx(exact, abs=5 * found.errors["energy"][0] + 0.003)


def test_anisotropy_of_nearly_free_spins_is_boltzmann_weighted() -> None:
    easy = np.diag([0.0, 0.0, 3.0])[None]
    model = cubic(1e-6, anisotropy=easy)
    temperature = 20.0
    z = np.linspace(-1, 1, 20_001)
    weight = np.exp(3 * z**2 / (K_B * temperature))
    exact = -3 * np.sum(weight * z**2) / weight.sum()
    found = run(model, (2, 2, 2), [temperature], 10_000)
    assert found.energy[0] == pytest.approx(exact, abs=5 * found.errors["energy"][0] + 1e-3)


def test_energies_are_kept_up_to_date_and_relaxation_conserves_them() -> None:
    tensors = np.tile(np.eye(3), (3, 1, 1)) + 0.3 * np.random.default_rng(1).standard_normal((3, 3, 3))
    bonds = np.hstack([np.zeros((3, 2), int), np.eye(3, dtype=int)])
    anisotropy = np.diag([0.1, 0.2, 0.5])[None]
    model = ExchangeModel.from_bonds(np.eye(3), np.zeros((1, 3)), bonds, tensors, anisotropy=anisotropy)
    lattice = spin_lattice(model, (3, 3, 4))
    spins = engine.random_directions(np.random.default_rng(0), len(lattice))
    state = np.array([5], dtype=np.uint64)
    pieces = (lattice.table, lattice.couplings, lattice.anisotropy)
    before = total_energy(spins, *pieces)
    change = sum(heat_bath(spins, *pieces, 0.3, state) + over_relax(spins, *pieces, 0.3, state) for _ in range(5))
    assert total_energy(spins, *pieces) == pytest.approx(before + change, abs=1e-9)
    assert np.allclose(np.linalg.norm(spins, axis=1), 1)
    plain = spin_lattice(cubic(), (3, 3, 3))
    spins = engine.random_directions(np.random.default_rng(0), len(plain))
    before = total_energy(spins, plain.table, plain.couplings, plain.anisotropy)
    moved = spins.copy()
    assert over_relax(moved, plain.table, plain.couplings, plain.anisotropy, 1.0, state) == 0
    assert not np.allclose(moved, spins)
    assert total_energy(moved, plain.table, plain.couplings, plain.anisotropy) == pytest.approx(before, abs=1e-9)


def test_large_supercells_take_little_more_memory_than_their_table() -> None:
    shells = [(a, b, c) for a, b, c in product(range(-2, 3), repeat=3) if (a, b, c) > (0, 0, 0)]
    model = ExchangeModel.from_bonds(np.eye(3) * 3, [[0, 0, 0]], [[0, 0, *s] for s in shells], np.ones(len(shells)))
    tracemalloc.start()
    lattice = spin_lattice(model, (20, 20, 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lattice.table.shape == (8000, 124)
    assert peak < 2 * lattice.table.nbytes
    assert (np.bincount(lattice.table.reshape(-1)) == 124).all()


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch) -> None:
    lattice = spin_lattice(cubic(), (3, 3, 3))
    waves = np.full((1, 27), 1 / 27)
    plan = Plan((10.0, 15.0, 20.0), 400, 100)
    whole = simulate(lattice, plan, waves, waves[0])
    monkeypatch.setattr(engine, "SAVE_EVERY", 1)
    real, calls = engine._save, []

    def interrupt(path, state) -> None:
        real(path, state)
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(engine, "_save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        simulate(lattice, plan, waves, waves[0], checkpoint=tmp_path)
    monkeypatch.setattr(engine, "_save", real)
    resumed = simulate(lattice, plan, waves, waves[0], checkpoint=tmp_path)
    assert np.allclose(whole.series, resumed.series, atol=1e-9)
    assert np.array_equal(simulate(lattice, plan, waves, waves[0], checkpoint=tmp_path).series, resumed.series)
    next(tmp_path.glob("*.npz")).write_bytes(b"nothing")
    with pytest.raises(ExchangeError, match="no checkpoint"):
        simulate(lattice, plan, waves, waves[0], checkpoint=tmp_path)


def test_the_order_parameter_is_one_in_the_ground_state_and_small_in_disorder() -> None:
    checkerboard = cubic(-1.0)
    lattice = spin_lattice(checkerboard, (4, 4, 4))
    order = order_parameter(checkerboard, lattice)
    signs = (-1.0) ** lattice.cells.sum(axis=1)
    assert len(order.waves) == 1
    assert abs(order.waves @ signs) == pytest.approx(1)
    assert abs(order.waves @ np.ones(64)) == pytest.approx(0, abs=1e-12)


def test_errors_of_correlated_series_are_not_those_of_independent_ones() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(40_000)
    series = np.zeros_like(noise)
    for n in range(1, len(noise)):
        series[n] = 0.95 * series[n - 1] + noise[n]
    from magnetite.exchange.montecarlo.statistics import bin_length

    length = bin_length(series)
    bins = series[: len(series) // length * length].reshape(-1, length).mean(axis=1)[:, None]
    _, error = jackknife(bins, lambda means: float(means[0]))
    exact = 1 / 0.05 / np.sqrt(len(series))
    assert 0.6 * exact < error < 1.5 * exact


def test_supercells_are_even_and_never_bind_a_spin_to_itself() -> None:
    model = ExchangeModel.from_bonds(np.diag([2.0, 4.0, 8.0]), np.zeros((1, 3)), [[0, 0, 2, 0, 0]], [1.0])
    assert smallest_sizes(model) == (3, 1, 1)
    sizes = even_sizes(model, 512)
    assert sizes[0] > sizes[1] > sizes[2]
    with pytest.raises(ExchangeError, match="own neighbour"):
        spin_lattice(model, (2, 1, 1))


@pytest.mark.parametrize("grid", [(), (10.0, 5.0), (0.0, 1.0), (np.nan,)])
def test_bad_temperatures_are_refused(grid) -> None:
    with pytest.raises(ExchangeError, match="temperatures"):
        Plan(grid)
