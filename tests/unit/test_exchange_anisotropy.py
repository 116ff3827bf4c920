"""Single-ion anisotropy and exchange tensors, in what does without Monte Carlo: bound, mean field, random phase."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from magnetite.exchange import ExchangeModel
from magnetite.exchange.conventions import K_B
from magnetite.exchange.fourier import maximum
from magnetite.exchange.luttinger import ground_state
from magnetite.exchange.meanfield import mean_field_temperature
from magnetite.exchange.montecarlo.order_parameter import order_parameter
from magnetite.exchange.rpa import rpa_temperature
from magnetite.exchange.supercell import spin_lattice
from magnetite.exchange.temperature import Effort, transition_temperature

STEPS = np.eye(3, dtype=int)
SMALL = Effort(spins=(36, 144), temperatures=6, steps=1200, scout_spins=36, scout_steps=150)


def lattice(couplings, *, layers: bool = False, easy: float = 0.0, **more) -> ExchangeModel:
    """Simple cubic, or layers of it; anisotropy ``easy`` (e_z)²."""
    steps = STEPS[:2] if layers else STEPS
    bonds = [[0, 0, *step] for step in steps]
    anisotropy = np.diag([0.0, 0.0, easy])[None] if easy else None
    return ExchangeModel.from_bonds(
        3 * np.eye(3), np.zeros((1, 3)), bonds, couplings[: len(steps)], anisotropy=anisotropy, name="cube", **more
    )


def mean_field(model: ExchangeModel) -> float:
    return mean_field_temperature(model, maximum(model)) * K_B


def random_phase(model: ExchangeModel) -> float | None:
    found = rpa_temperature(model, maximum(model))
    return None if found is None else found * K_B


@pytest.mark.parametrize("easy", [-8.0, -0.5, 0.5, 8.0])
@pytest.mark.parametrize("j", [1.0, -1.0])
def test_mean_field_is_where_the_lone_spin_responds_enough(easy: float, j: float) -> None:
    def excess(t: float) -> float:
        weight, square = (quad(lambda z, n=n: z**n * np.exp(easy * (z * z - 1) / t), 0, 1)[0] for n in (0, 2))
        along = square / weight
        return 6 * (along if easy > 0 else (1 - along) / 2) / t - 1

    expected = brentq(excess, 0.5, 6.1)
    assert mean_field(lattice(j * np.ones(3), easy=easy)) == pytest.approx(expected, rel=1e-4)


def test_random_phase_has_the_gap_of_the_easy_axis() -> None:
    number, easy = 40, 0.6
    q = 2 * np.pi * (np.arange(number) + 0.5) / number
    cosines = np.cos(q)[:, None, None] + np.cos(q)[None, :, None] + np.cos(q)[None, None, :]
    expected = 1 / (3 * np.mean(1 / (6 - 2 * cosines + 4 / 3 * easy)))
    assert random_phase(lattice(np.ones(3), easy=easy)) == pytest.approx(expected, rel=2e-3)
    assert random_phase(lattice(-np.ones(3), easy=easy)) == pytest.approx(expected, rel=2e-3)
    strong = lattice(np.ones(3), easy=20.0)
    assert random_phase(strong) == mean_field(strong)
    assert random_phase(lattice(np.ones(3), easy=1e-6)) == pytest.approx(2 / 1.516386, rel=0.01)


def test_layers_order_with_an_easy_axis_but_not_with_an_easy_plane() -> None:
    ising = [np.diag([0.8, 0.8, 1.0])] * 2
    for model in (lattice(np.ones(2), layers=True, easy=0.1), lattice(np.array(ising), layers=True)):
        found = random_phase(model)
        assert 0.4 < found < mean_field(model)
    assert random_phase(lattice(np.ones(2), layers=True, easy=-0.1)) == 0
    assert random_phase(lattice(np.array([np.diag([1.2, 1.2, 1.0])] * 2), layers=True)) == 0
    assert random_phase(lattice(np.tile(np.eye(3), (2, 1, 1)), layers=True)) == 0


def test_tensors_that_are_numbers_change_nothing() -> None:
    plain, tensors = lattice(np.ones(3)), lattice(np.tile(np.eye(3), (3, 1, 1)))
    assert tensors.is_isotropic
    assert not lattice(np.ones(3), easy=0.1).is_isotropic
    assert mean_field(tensors) == mean_field(plain)
    assert random_phase(tensors) == pytest.approx(random_phase(plain))


def test_dzyaloshinskii_vectors_are_in_the_bound_and_in_the_wave() -> None:
    """J along x with D along z makes a spiral of tan(2πq) = D/J and energy √(J² + D²) a bond; D/J = 1 is q = 1/8."""
    twisted = np.array([[1.0, 1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    model = lattice(np.array([twisted, np.eye(3), np.eye(3)]))
    best = maximum(model)
    assert abs(best.q[0]) == pytest.approx(1 / 8)
    assert best.value == pytest.approx(2 * (2 + 2**0.5))
    found = ground_state(model)
    assert found.proven
    assert found.energy == pytest.approx(-(2 + 2**0.5))
    assert len(found.order) == 8
    order = order_parameter(model, spin_lattice(model, (8, 3, 3)))
    angle = 2 * np.pi * np.arange(8) / 8
    spiral = np.repeat(np.stack([np.cos(angle), -np.sin(angle), 0 * angle], axis=1), 9, axis=0)
    assert np.sum((order.waves @ spiral) ** 2) == pytest.approx(1)


def test_no_state_lies_below_the_bound_of_an_anisotropic_model() -> None:
    found = ground_state(lattice(np.ones(3), easy=0.7))
    assert found.bound == pytest.approx(-3 - 0.7)
    assert found.proven


def test_layers_with_an_easy_axis_have_a_crossing_below_the_mean_field() -> None:
    model = lattice(np.ones(2), layers=True, easy=2.0)
    report = transition_temperature(model, effort=SMALL)
    assert report.method == "Binder crossing"
    assert 0.5 < report.monte_carlo / report.mean_field < 0.9
    assert any("only the anisotropy" in text for text in report.warnings)
    assert any("too strong for the random phase" in text for text in report.warnings)
