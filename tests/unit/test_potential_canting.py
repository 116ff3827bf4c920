"""A potential that learned from collinear moments says that turned ones are a guess."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given
from hypothesis import strategies as st

import magnetite
from magnetite.potential.batch import Surroundings, surroundings
from magnetite.potential.canting import canting, usual_canting
from magnetite.potential.exchange import exchange_of
from magnetite.structures import as_crystal


def pair(degrees: float, sizes: tuple[float, float] = (2.0, 1.0)) -> Surroundings:
    """Two atoms that see each other alone, their moments turned against one another."""
    atoms = Atoms("Fe2", [[0, 0, 0], [2.2, 0, 0]], cell=[9, 9, 9], pbc=True)
    angles = np.radians([0, degrees])
    moments = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1) * np.array(sizes)[:, None]
    return surroundings(as_crystal(atoms), moments, 3.0)


def iron(*directions: tuple[float, float, float]) -> Atoms:
    atoms = bulk("Fe", "bcc", a=2.83, cubic=True)
    atoms.set_initial_magnetic_moments(None)
    atoms.set_initial_magnetic_moments(2.16 * np.array(directions) / np.linalg.norm(directions, axis=1)[:, None])
    return atoms


@given(st.floats(0, 360))
def test_it_is_the_angle_to_a_common_axis(degrees: float) -> None:
    assert canting(pair(degrees)) == pytest.approx(min(degrees % 180, 180 - degrees % 180), abs=1e-5)


def test_moments_without_a_direction_do_not_count() -> None:
    assert canting(pair(70, (2.0, 0.05))) == 0
    assert canting(pair(70, (0.0, 0.0))) == 0


def test_what_is_usual_is_a_share_of_all() -> None:
    crystals = [pair(degrees) for degrees in range(0, 50, 10)]
    assert usual_canting(crystals, 0.5) == pytest.approx(20)


def test_iron_says_that_turned_moments_are_a_guess() -> None:
    iron_potential = magnetite.load("potential-fe", "cpu")
    for collinear in (iron((0, 0, 1), (0, 0, 1)), iron((1, 1, 0), (-1, -1, 0))):
        assert not any("turned" in text for text in iron_potential.objections(iron_potential.prepare(collinear)))
    (said,) = iron_potential.predict([iron_potential.prepare(iron((0, 0, 1), (0, 1, 1)))])
    assert any("turned by 33.4°" in text for text in said.warnings)  # 45° to 32 of 58 neighbours, 0 to the others
    (told,) = exchange_of(iron_potential, iron((0, 0, 1), (0, 0, 1)), reach=2.6).warnings
    assert "guess" in told


def test_nickel_oxide_was_trained_on_turned_moments() -> None:
    assert not magnetite.load("potential-nio", "cpu").objections_to_turning()


def test_a_constant_does_not_depend_on_how_far_one_asks() -> None:
    iron_potential, atoms = magnetite.load("potential-fe", "cpu"), iron((0, 0, 1), (0, 0, 1))
    near, all_of_them = (exchange_of(iron_potential, atoms, reach=reach).shells()[0][2] for reach in (2.6, None))
    assert near == pytest.approx(all_of_them, abs=1e-6)
