"""Annotations: through ASE's own files and back without loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ase.db
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from ase.io.jsonio import decode, encode

import magnetite
from magnetite.errors import StructureError
from magnetite.reports import MagnetismReport
from magnetite_ase import MagnetismCalculator, annotate, database_fields, stored_report

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Oracle

Make = Callable[..., MagnetismReport]
MOMENTS = (1.234567890123456, 0.1)
FLAT = {"ordering", "p_nm", "p_afm", "p_fm", "zero_k", "uncertainty", "mutual_information", "in_domain", "model"}


@pytest.fixture
def atoms() -> Atoms:
    return bulk("NiO", "rocksalt", a=4.177)


def flat(info: dict[str, object]) -> dict[str, object]:
    return {key: info[f"magnetite_{key}"] for key in FLAT if f"magnetite_{key}" in info}


def expected(report: MagnetismReport) -> dict[str, object]:
    shares = {f"p_{name.lower()}": share for name, share in report.probabilities.items()}
    rest = {"zero_k": report.zero_k_probability, "uncertainty": report.uncertainty, "in_domain": report.in_domain}
    rest["mutual_information"] = report.mutual_information
    return shares | rest | {"ordering": report.label, "model": report.model}


def by_extxyz(atoms: Atoms, folder: Path) -> Atoms:
    write(folder / "atoms.extxyz", atoms)
    return read(folder / "atoms.extxyz")


def by_traj(atoms: Atoms, folder: Path) -> Atoms:
    write(folder / "atoms.traj", atoms)
    return read(folder / "atoms.traj")


def by_jsonio(atoms: Atoms, _folder: Path) -> Atoms:
    return decode(encode(atoms))


@pytest.mark.parametrize("through", [by_extxyz, by_traj, by_jsonio])
@pytest.mark.parametrize("label", ["NM", "AFM", "FM"])
def test_files_keep_the_annotations(
    through: Callable[[Atoms, Path], Atoms], label: str, atoms: Atoms, report: Make, tmp_path: Path
) -> None:
    given = report(label, MOMENTS)
    annotate(atoms, given)
    again = through(atoms, tmp_path)
    assert stored_report(again) == given
    assert flat(again.info) == expected(given)
    assert again.pbc.all()
    if through is not by_traj:  # which drops all arrays but ASE's own
        assert again.arrays["magnetite_abs_moments"] == pytest.approx(MOMENTS, abs=1e-8)
    annotate(again, stored_report(again))
    assert again.arrays["magnetite_abs_moments"].tolist() == list(MOMENTS)


@pytest.mark.parametrize("suffix", ["json", "db"])
def test_databases_keep_the_fields(suffix: str, atoms: Atoms, report: Make, tmp_path: Path) -> None:
    given = report("AFM", MOMENTS)
    with ase.db.connect(tmp_path / f"crystals.{suffix}") as database:
        database.write(atoms, **database_fields(given))
        database.write(bulk("Cu"))
    with ase.db.connect(tmp_path / f"crystals.{suffix}") as database:
        (row,) = database.select("magnetite_ordering=AFM,magnetite_p_afm>0.5,magnetite_in_domain=0")
    assert flat(row.key_value_pairs) == expected(given)
    again = row.toatoms(add_additional_information=True)
    assert stored_report(again) == given
    annotate(again, stored_report(again))
    assert flat(again.info) == expected(given)


def test_real_reports_come_back_too(atoms: Atoms, tmp_path: Path) -> None:
    given = MagnetismCalculator(device="cpu").annotate(atoms)
    assert given == magnetite.analyze_magnetism(atoms, device="cpu")
    assert stored_report(by_extxyz(atoms, tmp_path)) == given


def test_values_are_plain(atoms: Atoms, report: Make) -> None:
    annotate(atoms, report("FM", MOMENTS))
    assert {type(value) for value in atoms.info.values()} <= {str, float, bool}
    assert atoms.arrays["magnetite_abs_moments"].tolist() == list(MOMENTS)
    assert "magmoms" not in atoms.arrays
    assert not atoms.has("initial_magmoms")


def test_an_earlier_annotation_leaves_nothing_behind(atoms: Atoms, report: Make) -> None:
    atoms.info["mine"] = 1
    annotate(atoms, report("FM", MOMENTS))
    later = report("NM", None, zero_k_probability=None)
    annotate(atoms, later)
    assert "magnetite_zero_k" not in atoms.info
    assert "magnetite_abs_moments" not in atoms.arrays
    assert atoms.info["mine"] == 1
    assert stored_report(atoms) == later


def test_without_a_report_it_predicts(atoms: Atoms, oracle: Oracle, report: Make) -> None:
    oracle.report = report("FM", MOMENTS)
    assert annotate(atoms) is oracle.report
    assert oracle.calls == 1


def test_what_does_not_fit_is_refused(atoms: Atoms, report: Make) -> None:
    with pytest.raises(StructureError, match="has 2 sites, but the report is of 3"):
        annotate(atoms, report("FM", (1.0, 2.0, 3.0)))
    with pytest.raises(StructureError, match="is NiO, but the report is of NaCl"):
        annotate(atoms, report("FM", MOMENTS, formula="NaCl"))
    with pytest.raises(StructureError, match="another order than the report: Ni at index 0, where the report has O"):
        annotate(atoms, report("FM", MOMENTS, species=("O", "Ni")))
    failed = MagnetismReport.failed("is empty", "a.cif", "test 1.0")
    with pytest.raises(StructureError, match=r"a\.cif: there is no prediction to write \(is empty\)"):
        annotate(atoms, failed)
    with pytest.raises(StructureError, match="is empty"):
        database_fields(failed)
    assert atoms.info == {}


@pytest.mark.parametrize("damage", ["", "{", "[1]", "{}", 3.0, "[" * 100_000])
def test_missing_and_damaged_reports_are_named(damage: object, atoms: Atoms) -> None:
    with pytest.raises(StructureError, match="NiO: atoms carry no 'magnetite_report'"):
        stored_report(atoms)
    atoms.info["magnetite_report"] = damage
    with pytest.raises(StructureError, match="NiO: 'magnetite_report' is damaged"):
        stored_report(atoms)
