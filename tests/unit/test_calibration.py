"""Temperatures: one for each chemistry, found from labels, applied where they belong."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from scipy.special import softmax

from magnetite.elements import in_order_set
from magnetite.order.calibration import Calibration, fit_temperature
from magnetite.runtime import collate
from magnetite.structures import as_crystal


def drawn(temperature: float, seed: int, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are too bold by a factor, and labels drawn from what they should say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, 3)) * 2
    labels = np.array([rng.choice(3, p=p) for p in softmax(logits, axis=1)])
    return logits * temperature, labels


def test_the_temperature_is_what_made_logits_too_bold() -> None:
    assert fit_temperature(*drawn(2.5, 0)) == pytest.approx(2.5, rel=0.1)


def test_each_chemistry_gets_its_own() -> None:
    (bold, first), (shy, second) = drawn(2.0, 1), drawn(0.5, 2)
    ggau, logits = np.repeat([True, False], [len(bold), len(shy)]), np.concatenate([bold, shy])
    found = Calibration.fit_order(ggau, logits, np.concatenate([first, second]), zero_k=0.8)
    assert found.ggau == pytest.approx(2.0, rel=0.1)
    assert found.other == pytest.approx(0.5, rel=0.1)
    assert found.zero_k == 0.8
    p = found.order(np.array([False, True]), np.array([[1.0, 0.0, 0.0]] * 2))
    assert p[0] == pytest.approx(softmax([1 / found.other, 0, 0]))
    assert p[1] == pytest.approx(softmax([1 / found.ggau, 0, 0]))
    assert Calibration.from_settings(found.as_dict()) == found


def test_without_members_nothing_is_said_of_k() -> None:
    assert np.isnan(Calibration().zero_k_probability(np.zeros((2, 0)))).all()
    assert Calibration(zero_k=2.0).zero_k_probability(np.array([[2.0, -2.0]]))[0] == pytest.approx(0.5)


def test_the_temperature_of_k_divides() -> None:
    found = Calibration(zero_k=2.0).zero_k_probability(np.array([[2.0, 4.0]]))
    assert found == pytest.approx([(1 / (1 + np.exp(-1)) + 1 / (1 + np.exp(-2))) / 2])


def test_a_chemistry_without_examples_keeps_its_logits() -> None:
    logits, labels = drawn(2.0, 1)
    assert Calibration.fit_order(np.ones(len(labels), bool), logits, labels).other == 1.0


@pytest.mark.parametrize(
    ("numbers", "inside"),
    [([28, 8], True), ([26, 9], True), ([26, 27], False), ([25, 16], False), ([22, 8], False), ([74, 8], False)],
)
def test_chemistry_of_the_order_set(numbers: list[int], inside: bool) -> None:
    crystal = as_crystal(Structure(Lattice.cubic(4.2), numbers, [[0, 0, 0], [0.5, 0.5, 0.5]]))
    assert in_order_set(crystal.elements) is inside
    helium = as_crystal(Structure(Lattice.cubic(4.2), ["He"], [[0, 0, 0]]))
    assert collate([helium.graph, crystal.graph], [1.0, 1.0]).in_order_set.tolist() == [False, inside]
