"""Ground states and transition temperatures of models whose answers are known."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from pymatgen.core import Structure

from magnetite.cli import main
from magnetite.datasets.mcif import read_mcif
from magnetite.errors import ExchangeError
from magnetite.exchange import ExchangeModel, temperature
from magnetite.exchange.checks import dimensions, warnings_of
from magnetite.exchange.conventions import K_B
from magnetite.exchange.formats import write
from magnetite.exchange.fourier import maximum
from magnetite.exchange.luttinger import ground_state, strongest_wave
from magnetite.exchange.relaxation import magnetic_cell
from magnetite.exchange.rpa import rpa_temperature
from magnetite.exchange.shells import element_of
from magnetite.exchange.temperature import Effort, transition_temperature

SMALL = Effort(spins=(64, 216), temperatures=6, steps=1000, scout_spins=64, scout_steps=200)
HEXAGONAL = [[3.0, 0, 0], [-1.5, 1.5 * 3**0.5, 0], [0, 0, 5.0]]


def one_site(vectors, couplings, lattice=None, **more) -> ExchangeModel:
    bonds = [[0, 0, *vector] for vector in vectors]
    cell = 3 * np.eye(3) if lattice is None else lattice
    return ExchangeModel.from_bonds(cell, np.zeros((1, 3)), bonds, couplings, **more)


def cubic(j: float = 1.0, **more) -> ExchangeModel:
    return one_site(np.eye(3, dtype=int), j * np.ones(3), **more)


def test_simple_cubic_temperatures() -> None:
    effort = replace(SMALL, steps=8000)  # its values scatter by 0.6 %, those of 1000 steps by 1.8 %
    report = transition_temperature(cubic(spins=1.0, species=["Fe"]), effort=effort)
    assert report.mean_field * K_B == pytest.approx(2)
    assert report.rpa * K_B == pytest.approx(2 / 1.516386, rel=0.01)
    assert report.monte_carlo * K_B == pytest.approx(1.4429, rel=0.03)
    assert report.method == "Binder crossing"
    assert report.corrected == pytest.approx(2 * report.monte_carlo)
    assert not report.warnings


def test_the_antiferromagnet_orders_where_the_ferromagnet_does() -> None:
    best = maximum(cubic(-1.0))
    assert np.allclose(best.q, 0.5)
    assert best.period == (2, 2, 2)
    assert rpa_temperature(cubic(-1.0), best) == pytest.approx(rpa_temperature(cubic(), maximum(cubic())), rel=1e-6)


def test_unequal_sublattices_share_one_random_phase_temperature() -> None:
    """A cell doubled by hand must not change the answer; a strong and a weak sublattice must have one."""
    bonds = [[0, 1, 0, 0, 0], [0, 1, -1, 0, 0], *([s, s, *v] for s in (0, 1) for v in ((0, 1, 0), (0, 0, 1)))]
    doubled = ExchangeModel.from_bonds(np.diag([6.0, 3, 3]), [[0, 0, 0], [0.5, 0, 0]], bonds, np.ones(6))
    assert rpa_temperature(doubled, maximum(doubled)) * K_B == pytest.approx(2 / 1.516386, rel=0.01)
    uneven = ExchangeModel.from_bonds(np.diag([6.0, 3, 3]), [[0, 0, 0], [0.5, 0, 0]], bonds, [1, 1, 1, 1, 0.3, 0.3])
    found, best = rpa_temperature(uneven, maximum(uneven)), maximum(uneven)
    assert found is not None
    assert 0.4 * best.value / (3 * K_B) < found < best.value / (3 * K_B)


def test_a_spiral_is_found_where_the_formula_says() -> None:
    """J1-J2 along c, ferromagnetic in the plane: cos(2πq) = -J1/(4 J2)."""
    j1, j2 = 1.0, -0.5
    vectors = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 2]]
    best = maximum(one_site(vectors, [1.0, 1.0, j1, j2]))
    assert abs(best.q[2]) == pytest.approx(np.arccos(-j1 / (4 * j2)) / (2 * np.pi), abs=1e-4)
    found = ground_state(one_site(vectors, [1.0, 1.0, j1, j2]))  # q = 1/6
    assert found.proven
    assert not found.order.collinear
    assert found.order.wave_vector[2] in {"1/6", "-1/6"}
    assert len(found.order) == 6


@pytest.mark.parametrize(
    ("second", "wave"),
    [(-1.0, Fraction(4, 19)), (-0.3, Fraction(2, 21))],  # q = 0.2098, and 0.0932
)
def test_an_incommensurate_chain_is_relaxed_at_the_best_fraction_and_says_which(second: float, wave: Fraction) -> None:
    model = one_site([[1, 0, 0], [2, 0, 0]], [1.0, second], np.diag([3.0, 9, 9]))
    found = ground_state(model)
    assert not found.commensurate
    angle = 2 * np.pi * float(wave)
    assert found.energy == pytest.approx(-np.cos(angle) - second * np.cos(2 * angle), abs=1e-5)
    assert abs(Fraction(found.order.wave_vector[0])) == wave
    assert len(found.order) == wave.denominator
    assert maximum(model).period[0] == maximum(model).fraction[0].denominator


def test_a_long_helix_is_found_rather_than_a_ferromagnet() -> None:
    """A chain with D/J = 0.3 turns by arctan(0.3) from site to site: 21.6 of them to a turn."""
    turning = np.eye(3) + 0.3 * np.array([[0, 0, 0], [0, 0, 1], [0, -1, 0]])
    found = ground_state(one_site([[1, 0, 0]], [turning], np.diag([3.0, 9, 9])))
    assert found.energy == pytest.approx(-((1 + 0.3**2) ** 0.5), rel=1e-3)
    assert len(found.order) == 22
    assert not found.order.collinear


@pytest.mark.parametrize(("second", "easy", "energy", "cells"), [(-1.0, 2.0, -3.0, 4), (-0.3, 1.0, -1.7, 1)])
def test_an_easy_axis_locks_a_spiral_to_a_short_collinear_wave(
    second: float, easy: float, energy: float, cells: int
) -> None:
    """Two up, two down, or all up: the spiral of the exchange alone gains half as much of the easy axis."""
    anisotropy = easy * np.outer([0, 0.6, 0.8], [0, 0.6, 0.8])[None]
    found = ground_state(one_site([[1, 0, 0], [2, 0, 0]], [1.0, second], np.diag([3.0, 9, 9]), anisotropy=anisotropy))
    assert found.energy == pytest.approx(energy, abs=1e-5)
    assert len(found.order) == cells


def test_the_wave_vector_is_that_of_the_state() -> None:
    cell = magnetic_cell(cubic(), np.diag([2, 3, 1]))
    turned = 2 * np.pi * (cell.cells @ [0.5, 1 / 3, 0])
    state = np.stack([np.cos(turned), np.sin(turned), 0 * turned], axis=1)
    for near, found in ((Fraction(1, 3), Fraction(1, 3)), (Fraction(-1, 3), Fraction(-1, 3))):
        wanted = (Fraction(1, 2), found, Fraction(0))
        assert strongest_wave(cell, state, (Fraction(0), near, Fraction(0))) == wanted


def test_the_triangular_antiferromagnet_turns_by_120_degrees() -> None:
    model = one_site([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1]], [-1.0, -1, -1, 0.5], HEXAGONAL, species=["Cr3"])
    found = ground_state(model)
    assert found.energy == pytest.approx(-1.5 - 0.5)
    assert found.proven
    angles = found.directions @ found.directions.T
    assert np.allclose(angles[~np.eye(len(angles), dtype=bool)], -0.5, atol=1e-3)
    assert found.order.kind == "AFM"
    assert found.order.to_structure().composition.reduced_formula == "Cr"


@pytest.mark.filterwarnings("ignore:.*No magnetic symmetry")
def test_a_checkerboard_is_collinear_and_survives_mcif(tmp_path) -> None:
    found = ground_state(cubic(-2.0, species=["Ni"], moments=1.7))
    assert found.proven
    assert found.energy == pytest.approx(-6)
    assert found.order.collinear
    assert found.order.kind == "AFM"
    assert len(found.order) == 2
    back = Structure.from_file(found.order.write(tmp_path / "order.mcif"))
    assert sorted(np.round([float(m) for m in back.site_properties["magmom"]], 3)) == [-1.7, 1.7]


def test_anisotropy_turns_the_ground_state() -> None:
    easy = 0.5 * np.outer([1, 1, 0], [1, 1, 0])[None] / 2
    found = ground_state(cubic(anisotropy=easy))
    assert found.energy == pytest.approx(-3 - 0.5, abs=1e-5)
    assert abs(found.directions[0] @ [1, 1, 0]) / 2**0.5 == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("axis", [[1, 1, 0], [0, 0, 1]])
def test_a_collinear_state_keeps_the_axis_that_anisotropy_gives_it(axis: list[int], tmp_path) -> None:
    """Numbers would be written along z, whichever axis is easy."""
    easy = np.outer(axis, axis)[None] / np.dot(axis, axis)
    found = ground_state(cubic(-1.0, anisotropy=easy, species=["Ni"], moments=1.7))
    assert found.order.collinear
    assert "not collinear" not in str(found.order)
    assert np.ndim(found.order.moments) == (1 if axis[2] else 2)
    back = read_mcif(found.order.write(tmp_path / "order.mcif"))
    there = axis @ np.linalg.inv(found.order.lattice) @ back.structure.lattice.matrix  # in the frame of the file
    assert abs(back.moments @ there) / np.linalg.norm(there) == pytest.approx(1.7, abs=1e-3)


def test_warnings_name_what_is_odd() -> None:
    layers = one_site([[1, 0, 0], [0, 1, 0]], [1.0, 1])
    assert dimensions(layers) == 2
    assert "layers" in warnings_of(layers, 4.0)[0]
    assert dimensions(one_site([[0, 0, 1]], [1.0])) == 1
    bonds = [[s, s, *v] for s in (0, 1) for v in np.eye(3, dtype=int)]
    apart = ExchangeModel.from_bonds(np.eye(3), np.zeros((2, 3)), bonds, np.ones(6))
    assert any("2 groups" in text for text in warnings_of(apart, 6.0))
    kagome = [[0, 1, 0, 0, 0], [0, 2, 0, 0, 0], [1, 2, 0, 0, 0], [0, 1, -1, 0, 0], [0, 2, 0, -1, 0], [1, 2, 1, -1, 0]]
    frustrated = ExchangeModel.from_bonds(HEXAGONAL, [[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0]], kagome, -np.ones(6))
    assert any("frustrated" in text for text in warnings_of(frustrated, maximum(frustrated).value))
    with pytest.raises(ExchangeError, match="no coupling"):
        transition_temperature(cubic(0.0))


def test_a_grid_that_misses_the_transition_is_reported() -> None:
    report = transition_temperature(cubic(), effort=SMALL, temperatures=np.array([2.5, 2.7, 2.9, 3.1, 3.3]) / K_B)
    assert any("miss the transition" in text for text in report.warnings)


def test_labels_become_elements() -> None:
    assert [element_of(label) for label in ("Mn2", "25", "X1", "Fe", "Ni3+")] == ["Mn", "Mn", "X", "Fe", "Ni"]


def test_commands(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(temperature, "QUICK", Effort((27, 64), 4, 60, 1, 27, 50))
    file = write(cubic(-2.0, species=["Ni"], spins=1.0, name="cube"), tmp_path / "cube.json")
    pictures = ["--plot", str(tmp_path / "r.png"), "--plot-q", str(tmp_path / "q.png")]
    outputs = ["--to", str(tmp_path / "c.ucf"), "--out", str(tmp_path / "o.mcif"), *pictures]
    with pytest.warns(UserWarning, match="no place for spin lengths"):
        assert main(["exchange", str(file), *outputs]) == 0
    out = capsys.readouterr().out
    assert "(0.5 0.5 0.5)" in out
    assert "AFM" in out
    assert main(["exchange", str(tmp_path / "c.ucf")]) == 0
    assert "(0.5 0.5 0.5)" in capsys.readouterr().out
    curves = ["--plot", str(tmp_path / "t.png"), "--out", str(tmp_path / "t.json")]
    grid = ["--temperatures", "28", "40", "4"]
    assert main(["tc", str(file), "--effort", "quick", *grid, "--quiet", *curves]) == 0
    assert "times (S + 1)/S" in capsys.readouterr().out
    for name in ("r.png", "q.png", "t.png", "o.mcif", "t.json"):
        assert (tmp_path / name).stat().st_size > 500
    assert main(["tc", str(file), "--temperatures", "40", "28", "4"]) == 2
    assert "LOW < HIGH" in capsys.readouterr().err
