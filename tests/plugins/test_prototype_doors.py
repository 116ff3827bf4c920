"""Structure types through matminer, ASE and pymatgen: the same answers, in each host's own way."""

from __future__ import annotations

import io
import json
import pickle
from typing import TYPE_CHECKING

import ase.io
import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk, nanotube
from ase.db import connect
from monty.json import MontyDecoder
from pymatgen.core import Lattice, Molecule, Structure
from sklearn.base import clone

import magnetite
from magnetite.errors import MagnetiteError, StructureError, ZooError
from magnetite.prototypes.reports import PrototypeReport
from magnetite.zoo import DEFAULT_CLASSIFIER, find_card
from magnetite_ase import (
    annotate,
    annotate_prototype,
    prototype_database_fields,
    stored_prototype_report,
    stored_report,
)
from magnetite_matminer import PrototypeFeaturizer
from pymatgen.analysis.structure_prototypes import PrototypeClassifier

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DISORDERED = Structure(Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
COPPER = Structure(Lattice.cubic(3.61), ["Cu"] * 4, [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
TUNGSTEN = Structure(Lattice.cubic(3.16), ["W"] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]])
QUICK = {"device": "cpu", "passes": 20}


@pytest.fixture
def report() -> PrototypeReport:
    return PrototypeReport(
        "Cu", "fcc_Cu_A_cF4_225_a", "fcc (Cu)", 0.9, {"fcc_Cu_A_cF4_225_a": 0.9, "bcc_W_A_cI2_229_a": 0.1},
        1 / 3, 225, "A1", ('few "atoms", 100 % sure\nC:\\data', "and = [another]"), "prototypes 0.1.0",
    )  # fmt: skip


# matminer


def test_features_are_those_of_the_model() -> None:
    featurizer = PrototypeFeaturizer(**QUICK)
    labels, rows = featurizer.feature_labels(), featurizer.featurize_many([COPPER, TUNGSTEN], pbar=False)
    settings = find_card(DEFAULT_CLASSIFIER).settings
    assert len(labels) == len(settings["classes"]) + 1 + settings["network"]["hidden"][-1]
    assert len(set(labels)) == len(labels)
    reports = list(magnetite.classify_many([COPPER, TUNGSTEN], **QUICK))
    for row, expected in zip(rows, reports, strict=True):
        found = dict(zip(labels, row, strict=True))
        for label, share in expected.top5.items():
            assert found[f"magnetite P({label})"] == pytest.approx(share, abs=1e-5)
        assert found["magnetite mutual information"] == pytest.approx(expected.mutual_information, abs=1e-4)
        shares = [value for label, value in found.items() if label.startswith("magnetite P(")]
        assert sum(shares) == pytest.approx(1.0)
        assert max(value for label, value in found.items() if "activation" in label) > 0
    assert featurizer.featurize(COPPER) == pytest.approx(rows[0], abs=1e-4)


@pytest.mark.parametrize("preset", ["probabilities", "uncertainty", "activations"])
def test_presets_are_parts_of_all(preset: str) -> None:
    whole, part = PrototypeFeaturizer(**QUICK), PrototypeFeaturizer.from_preset(preset, **QUICK)
    everything = dict(zip(whole.feature_labels(), whole.featurize(COPPER), strict=True))
    found = dict(zip(part.feature_labels(), part.featurize(COPPER), strict=True))
    assert found.items() <= everything.items()
    assert part.feature_labels() is not part.feature_labels()


def test_a_data_frame_and_its_errors() -> None:
    featurizer = PrototypeFeaturizer("uncertainty", **QUICK)
    frame = pd.DataFrame({"structure": [COPPER, DISORDERED, TUNGSTEN]}, index=[5, 6, 7])
    with pytest.raises(StructureError, match="structure 1: has partly occupied sites"):
        featurizer.featurize_dataframe(frame.copy(), "structure", pbar=False)
    done = featurizer.featurize_dataframe(frame.copy(), "structure", ignore_errors=True, return_errors=True, pbar=False)
    column = done["magnetite mutual information"]
    assert column.isna().tolist() == [False, True, False]
    assert "partly occupied" in done["PrototypeFeaturizer Exceptions"][6]
    assert featurizer.precheck(COPPER)
    assert featurizer.precheck(nanotube(3, 3))
    assert not featurizer.precheck(DISORDERED)


def test_it_is_a_good_citizen() -> None:
    featurizer = PrototypeFeaturizer("probabilities", passes=7)
    assert clone(featurizer).get_params() == featurizer.get_params()
    assert pickle.loads(pickle.dumps(featurizer)).feature_labels() == featurizer.feature_labels()
    assert all(text.startswith("@") for text in featurizer.citations())
    with pytest.raises(MagnetiteError, match="did you mean 'activations'"):
        PrototypeFeaturizer("activation")
    with pytest.raises(MagnetiteError, match="did you mean 'activations'"):
        PrototypeFeaturizer(device="cpu").set_params(features="activation").transform([COPPER])
    with pytest.raises(ZooError, match="not of structure types"):
        PrototypeFeaturizer("uncertainty", model="magnetism", device="cpu").featurize(COPPER)
    with pytest.raises(ZooError, match="not a model of structure types"):
        PrototypeFeaturizer(model="magnetism").feature_labels()


# ASE


def test_atoms_are_annotated() -> None:
    atoms = bulk("Cu")
    written = annotate_prototype(atoms, **QUICK)
    assert written == magnetite.classify_structure(bulk("Cu"), **QUICK)
    assert atoms.info["magnetite_prototype"] == written.prototype
    assert atoms.info["magnetite_prototype_probability"] == written.probability
    assert stored_prototype_report(atoms) == written


def test_the_report_survives_extxyz_and_databases(report: PrototypeReport, tmp_path: Path) -> None:
    atoms = bulk("Cu")
    annotate_prototype(atoms, report)
    text = io.StringIO()
    ase.io.write(text, atoms, format="extxyz")
    text.seek(0)
    assert stored_prototype_report(ase.io.read(text, format="extxyz")) == report
    with connect(tmp_path / "some.db") as database:
        database.write(atoms, **prototype_database_fields(report))
        (row,) = database.select("magnetite_prototype_spacegroup=225,magnetite_prototype_probability>0.5")
    assert stored_prototype_report(row.toatoms(add_additional_information=True)) == report


def test_types_and_magnetism_stand_side_by_side(report: PrototypeReport) -> None:
    atoms = bulk("Cu")
    annotate_prototype(atoms, report)
    magnetism = annotate(atoms)
    assert stored_prototype_report(atoms) == report
    annotate_prototype(atoms, report)
    assert stored_report(atoms) == magnetism


def test_errors_are_not_written() -> None:
    atoms = Atoms("He")
    with pytest.raises(StructureError):
        annotate_prototype(atoms, device="cpu")
    with pytest.raises(StructureError, match="no prediction to write"):
        annotate_prototype(atoms, PrototypeReport.failed("why", None, "m"))
    with pytest.raises(StructureError, match="no prediction to write"):
        prototype_database_fields(PrototypeReport.failed("why", None, "m"))
    json.dumps(PrototypeReport.failed("why", None, "m").as_dict(), allow_nan=False)
    for write in (annotate, annotate_prototype):
        with pytest.raises(StructureError, match="give Atoms of ASE, which are written onto, not Structure"):
            write(COPPER)
    with pytest.raises(StructureError, match="carry no"):
        stored_prototype_report(atoms)
    atoms.info["magnetite_prototype_report"] = "{"
    with pytest.raises(StructureError, match="damaged"):
        stored_prototype_report(atoms)


# pymatgen


def test_the_classifier_says_what_the_report_says(report: PrototypeReport) -> None:
    classifier = PrototypeClassifier(COPPER, report=report)
    assert classifier.prototype == "fcc_Cu_A_cF4_225_a"
    assert classifier.probability == 0.9
    assert classifier.candidates == report.top5
    assert classifier.mutual_information == report.mutual_information
    assert (classifier.spacegroup, classifier.strukturbericht) == (225, "A1")
    assert str(classifier) == str(report)
    decorated = classifier.get_decorated_structure()
    assert PrototypeReport.from_dict(decorated.properties["magnetite_prototype"]) == report
    assert "magnetite_prototype" not in COPPER.properties


def test_a_report_of_something_else_is_refused(report: PrototypeReport) -> None:
    for write in (lambda: PrototypeClassifier(TUNGSTEN, report=report), lambda: annotate_prototype(bulk("W"), report)):
        with pytest.raises(StructureError, match="is W, but the report is of Cu"):
            write()
    with pytest.raises(StructureError, match="no prediction to go by"):
        PrototypeClassifier(COPPER, report=PrototypeReport.failed("why", None, "m"))
    annotate_prototype(bulk("Cu").repeat(2), report)


def test_it_predicts_and_travels_as_json() -> None:
    classifier = PrototypeClassifier(COPPER, **QUICK)
    assert classifier.report == magnetite.classify_structure(COPPER, **QUICK)
    again = MontyDecoder().decode(json.dumps(classifier.as_dict()))
    assert isinstance(again, PrototypeClassifier)
    assert again.report == classifier.report
    tube = nanotube(4, 4, length=7)
    assert PrototypeClassifier(Molecule(tube.get_chemical_symbols(), tube.positions), **QUICK).report.error is None
    with pytest.raises(StructureError, match="partly occupied"):
        PrototypeClassifier(DISORDERED)
    for other in (None, "unknown.cif", bulk("Cu")):
        with pytest.raises(StructureError, match=r"not \w+; magnetite.classify_structure takes other kinds"):
            PrototypeClassifier(other)


def test_importing_the_doors_loads_no_torch(in_new_process: Callable[[str], str]) -> None:
    code = (
        "import sys, magnetite, magnetite_ase.prototypes, magnetite_pymatgen.classifier; print('torch' in sys.modules)"
    )
    assert in_new_process(code).strip() == "False"
