"""The potential as a calculator: where relaxed moments start from, what it is told, surfaces, and warnings."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from ase import Atoms
from ase.build import bcc100, bulk
from ase.calculators.calculator import CalculatorSetupError, InputError, PropertyNotImplementedError

from magnetite.potential.model import PotentialModel, with_moments
from magnetite.potential.relax import relax_moments
from magnetite.potential.reports import Objection
from magnetite_ase import SpinPotential
from magnetite_ase.continuation import Continuation
from magnetite_ase.said import Said


def iron(a: float = 2.83, moment: float = 2.2) -> Atoms:
    atoms = bulk("Fe", "bcc", a=a, cubic=True)
    atoms.set_initial_magnetic_moments([moment] * 2)
    return atoms


@pytest.fixture(scope="module")
def model() -> PotentialModel:
    return SpinPotential("potential-fe", device="cpu").potential


def test_a_shared_calculator_starts_other_atoms_from_their_own_moments() -> None:
    calculator = SpinPotential("potential-fe", moments="relaxed", tolerance=1e-4, device="cpu")
    dense, usual = iron(2.35), iron()
    assert abs(calculator.get_magnetic_moments(dense)).max() < 0.01  # pressure takes the moments away
    assert calculator.get_magnetic_moments(usual) == pytest.approx([2.166] * 2, abs=0.01)
    dense.set_cell(usual.cell, scale_atoms=True)
    assert calculator.get_potential_energy(dense) == pytest.approx(calculator.get_potential_energy(usual), abs=1e-6)


def test_moments_do_not_stay_on_the_maximum_at_zero(model: PotentialModel) -> None:
    item = model.prepare(model.take(iron()))
    collapsed = with_moments(item, 1e-4 * item.moments)
    assert abs(relax_moments(model, collapsed).moments).max() < 0.01
    found = relax_moments(model, collapsed, meant=item.moments)
    assert found.moments[:, 2] == pytest.approx([2.166] * 2, abs=0.01)
    assert found.converged()
    dense = model.prepare(model.take(iron(2.35)))
    assert abs(relax_moments(model, dense, tolerance=1e-4).moments).max() < 0.01  # where zero is the minimum it is kept


@pytest.mark.parametrize("beyond", [0.9, 1.1])
def test_either_end_of_what_was_trained_is_watched(
    beyond: float, model: PotentialModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half the range of moments beyond it, 2 percent beyond that of volumes."""
    monkeypatch.setitem(model.ranges, "Fe", (2.0, 2.04))
    smallest, largest = model.card.settings["volume_range"]
    for moment, volume, kind in (
        (2.04 + 0.02 * beyond, 11.0, "|m| of Fe"),
        (2.0 - 0.02 * beyond, 11.0, "|m| of Fe"),
        (2.02, largest * (1 + 0.02 * beyond), "volume"),
        (2.02, smallest * (1 - 0.02 * beyond), "volume"),
    ):
        found = model.objections(model.prepare(model.take(iron((2 * volume) ** (1 / 3), moment))))
        assert [each.kind for each in found] == [kind] * (beyond > 1)
        assert all(each.degree == pytest.approx(beyond) for each in found)


def test_moments_of_elements_without_are_nobodys_business() -> None:
    oxide = bulk("NiO", "rocksalt", a=4.17)
    potential = SpinPotential("potential-nio", device="cpu").potential
    for of_oxygen in (0.0, 1.0):
        oxide.set_initial_magnetic_moments([1.27, of_oxygen])
        assert not any("of O" in text for text in potential.objections(potential.prepare(potential.take(oxide))))


def test_a_trajectory_goes_on_from_its_last_moments() -> None:
    atoms, left = iron(), np.full((2, 3), 1.5)
    continuation = Continuation()
    assert continuation.moments(atoms) is None
    continuation.leave(atoms, left)
    atoms.positions[0] += 0.1
    atoms.set_cell(atoms.cell * 1.01, scale_atoms=True)
    assert continuation.moments(atoms) is left
    assert continuation.moments(atoms.copy()) is None
    assert pickle.loads(pickle.dumps(continuation)).moments(atoms) is None
    for change in (
        lambda: atoms.positions.__iadd__([[0, 0, 0], [0.5, 0, 0]]),
        lambda: atoms.set_cell(atoms.cell * 1.05),
        lambda: atoms.set_initial_magnetic_moments([2.0, 2.2]),
        lambda: atoms.set_atomic_numbers([26, 28]),
    ):
        continuation.leave(atoms, left)
        change()
        assert continuation.moments(atoms) is None
    continuation.leave(atoms, left)
    atoms.positions[0] += atoms.cell[0]  # wrapped
    assert continuation.moments(atoms) is left


def test_it_heeds_what_it_is_told() -> None:
    for wrong in ({"momnets": "relaxed"}, {"tolerence": 1e-4}):
        with pytest.raises(InputError, match="no parameter"):
            SpinPotential("potential-fe", **wrong)
    for tolerance in (None, "small", 0, np.nan):
        with pytest.raises(CalculatorSetupError, match="tolerance is in eV/μB and above 0"):
            SpinPotential("potential-fe", tolerance=tolerance)
    atoms = iron(moment=1.9)
    atoms.calc = SpinPotential("potential-fe", device="cpu")
    held = atoms.get_potential_energy()
    with pytest.raises(CalculatorSetupError, match="'fixed' or 'relaxed'"):
        atoms.calc.set(moments="free")
    atoms.calc.set(moments="relaxed")
    assert atoms.calc.moments == "relaxed"
    assert atoms.get_potential_energy() < held - 0.01
    assert atoms.get_magnetic_moments() == pytest.approx([2.166] * 2, abs=0.01)
    atoms.calc.set(moments="fixed")
    assert atoms.get_potential_energy() == held


def test_what_it_gives_can_be_changed_without_harm() -> None:
    atoms = iron(moment=1.9)
    atoms.calc = SpinPotential("potential-fe", device="cpu")
    for ask in (atoms.calc.get_magnetic_forces, atoms.calc.get_forces, atoms.calc.get_magnetic_moments):
        found = ask(atoms)
        kept = found.tolist()
        found += 1
        assert ask(atoms).tolist() == kept


def layers(height: float, *, open_side: bool) -> Atoms:
    """Four layers of iron in a cell of this height in Å, shaken."""
    atoms = bcc100("Fe", (1, 1, 4), a=2.83)
    atoms.set_cell([2.83, 2.83, height])
    atoms.rattle(0.05, seed=0)
    atoms.pbc = [True, True, not open_side]
    atoms.set_initial_magnetic_moments([2.2] * 4)
    atoms.calc = SpinPotential("potential-fe", device="cpu")
    return atoms


@pytest.mark.filterwarnings("ignore:.*what is usual", "ignore:volume of")
def test_nothing_acts_across_an_open_side() -> None:
    thin, wide = layers(4 * 1.415, open_side=True), layers(40, open_side=False)
    assert thin.get_potential_energy() == pytest.approx(wide.get_potential_energy(), abs=1e-9)
    np.testing.assert_allclose(thin.get_forces(), wide.get_forces(), atol=1e-9)
    virials = [atoms.get_stress() * atoms.get_volume() for atoms in (thin, wide)]
    np.testing.assert_allclose(*virials, atol=1e-8)
    strained = []
    for strain in (1e-4, -1e-4):
        atoms = thin.copy()
        atoms.set_cell(thin.cell @ np.diag([1, 1, 1 + strain]), scale_atoms=True)
        atoms.calc = thin.calc
        strained.append(atoms.get_potential_energy())
    assert thin.get_stress()[2] * thin.get_volume() == pytest.approx(np.diff(strained)[0] / -2e-4, rel=1e-4)


@pytest.mark.filterwarnings("ignore:.*what is usual", "ignore:volume of", "ignore:a cluster")
def test_a_cluster_is_a_cluster_in_whatever_cell() -> None:
    free = layers(40, open_side=True)
    free.pbc, free.cell = False, None
    boxed, small = free.copy(), free.copy()
    boxed.set_cell([30, 30, 30])
    boxed.pbc = True
    small.set_cell([2.83, 2.83, 5.0])  # smaller than the cluster
    for atoms in (boxed, small):
        atoms.calc = SpinPotential("potential-fe", device="cpu")
        assert atoms.get_potential_energy() == pytest.approx(free.get_potential_energy(), abs=1e-9)
        np.testing.assert_allclose(atoms.get_forces(), free.get_forces(), atol=1e-9)
    for atoms in (free, small):
        assert atoms.calc.report.warnings[0] == "a cluster: potential-fe was trained on crystals alone"
        with pytest.raises(PropertyNotImplementedError):
            atoms.get_stress()


@pytest.mark.filterwarnings("ignore:.*what is usual", "ignore:volume of")
def test_a_layer_in_a_cell_without_height_has_no_stress() -> None:
    flat = layers(0.0, open_side=True)
    assert flat.get_potential_energy() == pytest.approx(layers(40, open_side=False).get_potential_energy(), abs=1e-9)
    with pytest.raises(PropertyNotImplementedError):
        flat.get_stress()


def test_warnings_come_again_with_other_atoms_and_when_it_gets_worse() -> None:
    calculator = SpinPotential("potential-fe", device="cpu")

    def said(atoms: Atoms) -> list[str]:
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            calculator.get_potential_energy(atoms)
        return [str(each.message).split()[0] for each in found if each.category is UserWarning]

    assert said(iron(4.0))[0] == "volume"
    assert "volume" not in said(iron(4.02))
    assert "volume" in said(iron(6.0))
    assert "volume" in said(iron(4.0) * (2, 1, 1))


def test_news_is_what_is_new_or_much_worse() -> None:
    said, numbers = Said(), np.array([26, 26])
    assert said.news(numbers, [Objection("a", "volume", 1.5), Objection("b", "canting", 2)]) == ["a", "b"]
    assert said.news(numbers, [Objection("c", "volume", 2.9), Objection("d", "canting", 5)]) == ["d"]
    assert said.news(numbers, [Objection("e", "volume", 3.1), Objection("f", "canting", 6)]) == ["e"]
    assert said.news(numbers[:1], [Objection("g", "volume", 1.5)]) == ["g"]
    again = pickle.loads(pickle.dumps(Objection("g", "volume", 1.5)))
    assert (again, again.kind, again.degree) == ("g", "volume", 1.5)
