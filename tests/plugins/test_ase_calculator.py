"""The calculator: standard results where the prediction defines them, ASE's caching, ASE's errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import CalculatorSetupError, InputError, PropertyNotImplementedError
from ase.io import read, write

import magnetite
from magnetite.errors import StructureError
from magnetite.reports import MagnetismReport
from magnetite_ase import MagnetismCalculator

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Oracle

Make = Callable[..., MagnetismReport]


@pytest.fixture
def atoms() -> Atoms:
    return bulk("NiO", "rocksalt", a=4.177)


def attached(atoms: Atoms) -> MagnetismCalculator:
    atoms.calc = MagnetismCalculator(device="cpu")
    return atoms.calc


def test_results_agree_with_the_real_report(atoms: Atoms) -> None:
    calc = attached(atoms)
    expected = magnetite.analyze_magnetism(atoms, device="cpu")
    assert calc.get_report(atoms) == expected
    assert set(calc.results) <= {"magmom", "magmoms"}
    if expected.label == "FM":
        assert atoms.get_magnetic_moments() == pytest.approx(expected.site_moments)
    elif expected.label == "NM":
        assert not atoms.get_magnetic_moments().any()
    else:
        assert atoms.get_magnetic_moment() == 0


def test_nonmagnetic(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report("NM", (0.5, 0.1))
    calc = attached(atoms)
    assert atoms.get_magnetic_moment() == 0
    assert atoms.get_magnetic_moments().tolist() == [0, 0]
    assert calc.report is oracle.report


def test_ferromagnetic(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report("FM", (1.5, 0.25))
    attached(atoms)
    assert atoms.get_magnetic_moments().tolist() == [1.5, 0.25]
    assert atoms.get_magnetic_moment() == 1.75


def test_antiferromagnetic_moments_are_refused_in_clear_words(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report("AFM", (1.5, 0.25))
    calc = attached(atoms)
    for _ in range(3):
        with pytest.raises(PropertyNotImplementedError, match="NiO is antiferromagnetic, and which sites point up"):
            atoms.get_magnetic_moments()
    assert atoms.get_magnetic_moment() == 0
    assert calc.results == {"magmom": 0.0}
    assert oracle.calls == 1, "an undefined result must not be calculated again and again"


def test_a_model_without_moments(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report("FM", None)
    attached(atoms)
    with pytest.raises(PropertyNotImplementedError, match=r"magmom: the model test 1\.0 does not predict moments"):
        atoms.get_magnetic_moment()


@pytest.mark.parametrize("label", ["NM", "AFM", "FM"])
def test_results_are_of_the_kind_ase_exports(label: str, atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report(label, (1.5, 0.25))
    calc = attached(atoms)
    calc.calculate(atoms)
    exported = calc.export_properties()
    assert exported["magmom"] == calc.results["magmom"]
    assert set(exported) - {"natoms"} == set(calc.results)


@pytest.mark.parametrize("label", ["NM", "AFM", "FM"])
@pytest.mark.parametrize("name", ["atoms.extxyz", "atoms.traj", "atoms.json", "atoms.db"])
def test_atoms_with_the_calculator_can_be_written(
    label: str, name: str, oracle: Oracle, report: Make, tmp_path: Path
) -> None:
    oracle.report = report(label, (1.5, 0.25))
    atoms = bulk("NiO", "rocksalt", a=4.177)
    calc = attached(atoms)
    calc.get_report(atoms)
    write(tmp_path / name, atoms)
    again = read(tmp_path / name)
    assert again.get_magnetic_moment() == calc.results["magmom"]
    assert oracle.calls == 1
    if label == "AFM":
        with pytest.raises(PropertyNotImplementedError):
            again.get_magnetic_moments()
    else:
        assert again.get_magnetic_moments() == pytest.approx(calc.results["magmoms"])


def test_writing_never_starts_a_prediction(atoms: Atoms, oracle: Oracle, tmp_path: Path) -> None:
    attached(atoms)
    write(tmp_path / "atoms.traj", atoms)
    assert oracle.calls == 0


def test_asking_without_calculating_leaves_the_last_answer_whole(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report("FM", (1.5, 0.25))
    calc = attached(atoms)
    atoms.get_magnetic_moment()
    moved = atoms.copy()
    moved.rattle(0.01)
    assert calc.get_property("magmom", moved, allow_calculation=False) is None
    assert calc.get_property("magmom", atoms, allow_calculation=False) == calc.get_magnetic_moment() == 1.75
    assert calc.get_report() is oracle.report
    assert oracle.calls == 1


def test_energy_and_forces_raise_ases_own_error(atoms: Atoms, oracle: Oracle) -> None:
    attached(atoms)
    for ask in (atoms.get_potential_energy, atoms.get_forces, atoms.get_stress):
        with pytest.raises(PropertyNotImplementedError):
            ask()
    assert oracle.calls == 0


def test_it_recalculates_when_the_atoms_change_and_only_then(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report("FM", (1.5, 0.25))
    calc = attached(atoms)
    atoms.get_magnetic_moment()
    atoms.get_magnetic_moments()
    calc.get_report(atoms)
    calc.get_report()
    assert oracle.calls == 1
    atoms.set_initial_magnetic_moments([5, -5])  # ignored on purpose
    atoms.get_magnetic_moment()
    assert oracle.calls == 1
    for number, change in enumerate(
        (
            lambda: atoms.rattle(0.01),
            lambda: atoms.set_cell(atoms.cell * 1.01, scale_atoms=True),
            lambda: atoms.symbols.__setitem__(0, "Co"),
        ),
        start=2,
    ):
        change()
        assert calc.calculation_required(atoms, ["magmom"])
        atoms.get_magnetic_moment()
        assert oracle.calls == number
    calc.set(device="cpu")  # as it was
    atoms.get_magnetic_moment()
    assert oracle.calls == 4
    calc.set(device="cuda")
    assert calc.report is None
    atoms.get_magnetic_moment()
    assert oracle.calls == 5


def test_one_calculator_for_many_crystals(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    calc = MagnetismCalculator()
    oracle.report = report("FM", (1.5, 0.25))
    assert calc.get_magnetic_moments(atoms).tolist() == [1.5, 0.25]
    oracle.report = report("NM", (0.0,))
    assert calc.get_magnetic_moments(bulk("Cu")).tolist() == [0]
    assert calc.report is oracle.report


def test_results_cannot_be_changed_from_outside(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report("FM", (1.5, 0.25))
    attached(atoms)
    atoms.get_magnetic_moments()[:] = np.nan
    assert atoms.get_magnetic_moments().tolist() == [1.5, 0.25]


def test_what_cannot_be_predicted_is_refused() -> None:
    calc = MagnetismCalculator(device="cpu")
    with pytest.raises(CalculatorSetupError, match="no atoms"):
        calc.get_property("magmom")
    molecule = Atoms("O2", [[0, 0, 0], [0, 0, 1.2]], cell=[5, 5, 5])
    with pytest.raises(StructureError, match="not periodic"):
        calc.get_magnetic_moment(molecule)
    assert calc.report is None
    assert calc.results == {}
    with pytest.raises(InputError, match="no parameter 'modle'; it has model, device"):
        MagnetismCalculator(modle="magnetism")


def test_parameters_are_plain(atoms: Atoms) -> None:
    calc = MagnetismCalculator(model="other", atoms=atoms)
    assert atoms.calc is calc
    assert calc.name == "magnetite"
    assert calc.todict() == {"model": "other"}
