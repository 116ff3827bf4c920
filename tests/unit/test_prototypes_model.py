"""The classifier from a data folder to answers: a small one, trained here on four prototypes."""

from __future__ import annotations

import csv
import json
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, graphene, molecule, nanotube
from monty.json import MontyDecoder
from pymatgen.core import Lattice, Molecule, Structure

import magnetite
from magnetite.api import load_classifier
from magnetite.cli import main
from magnetite.errors import DataError, MagnetiteError, StructureError, ZooError
from magnetite.pipeline import run
from magnetite.prototypes import extend, table, toughen, train
from magnetite.prototypes.classes import StructureClass, check_labels
from magnetite.prototypes.descriptor import SIZE, Soap
from magnetite.prototypes.network import NetworkConfig
from magnetite.prototypes.reports import PrototypeReport
from magnetite.prototypes.tasks import split

LAYER = graphene(vacuum=7.5)
LAYER.pbc = True
PROTOTYPES: list[tuple[str, str, str, str, Atoms]] = [
    ("fcc_Cu_A_cF4_225_a", "fcc (Cu)", "225, cubic", "Elemental_solids", bulk("Cu")),
    ("bcc_W_A_cI2_229_a", "bcc (W)", "229, cubic", "Elemental_solids", bulk("W")),
    ("RockSalt_NaCl", "NaCl", "225, cubic", "Binaries", bulk("NaCl", "rocksalt", a=5.64)),
    ("C", "Graphene", "191 (hexagonal)", "2D_materials", LAYER),
]
QUICK = replace(train.SCHEDULE, epochs=60, learning_rate=1e-2, ema=0.9)
CPU = torch.device("cpu")


def write_data(folder: Path) -> Path:
    target = folder / "arise" / "prototypes"
    target.mkdir(parents=True)
    fields = ("number", "label", "nn_output_index", "paper_name", "paper_symmetry", "type")
    with (target / "manifest.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(fields)
        for place, (label, name, symmetry, kind, atoms) in enumerate(PROTOTYPES):
            ase.io.write(target / f"{label}.extxyz", atoms)
            writer.writerow([place + 1, label, place, name, symmetry, kind])
    return folder


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prototypes")
    config = NetworkConfig(SIZE, len(PROTOTYPES), (32,), dropout=0.05, gain=16.0)
    return train.train_from_data(
        write_data(folder / "data"), folder / "run", CPU,
        schedule=QUICK, grid=table.USED_GRID, config=config, batch=8, progress=False, log=lambda _: None,
    )  # fmt: skip


@pytest.fixture
def model(card: Path) -> str:
    return str(card)


def classify(structure: Any, model: str, **options: Any) -> PrototypeReport:
    return magnetite.classify_structure(structure, model=model, device="cpu", **options)


# Answers


@pytest.mark.parametrize("label_and_atoms", [(p[0], p[4]) for p in PROTOTYPES], ids=lambda p: p[0])
def test_it_knows_what_it_learned(label_and_atoms: tuple[str, Atoms], model: str) -> None:
    label, atoms = label_and_atoms
    report = classify(atoms, model)
    assert report.prototype == label
    assert report.label == label
    assert report.probability > 0.8
    assert report.probability == max(report.top5.values())
    assert next(iter(report.top5)) == label
    assert sum(report.top5.values()) == pytest.approx(1.0), "four classes fit into five"
    assert report.error is None


def test_hardly_any_ideal_structure_is_warned_of(model: str) -> None:
    warned = [label for label, *_, atoms in PROTOTYPES if classify(atoms, model).warnings]
    assert len(warned) <= 1, "the one that the passes disagree on most may be above the limit, 99 % of the samples"


def test_elements_size_and_place_do_not_matter(model: str) -> None:
    for other in (bulk("Al"), bulk("Ag", cubic=True), bulk("Au") * (3, 2, 2), bulk("Cu", a=9.0)):
        other.rotate(40, (1, 2, 3), rotate_cell=True)
        other.translate([0.3, 0.1, 0.7])
        assert classify(other, model).prototype == "fcc_Cu_A_cF4_225_a"
    assert classify(bulk("MgO", "rocksalt", a=4.2), model).prototype == "RockSalt_NaCl"


def test_what_the_class_list_says_is_reported(model: str) -> None:
    report = classify(bulk("Al"), model)
    assert (report.name, report.spacegroup, report.strukturbericht) == ("fcc (Cu)", 225, "A1")
    assert report.formula == "Al"
    assert classify(LAYER, model).strukturbericht is None
    assert load_classifier(model, "cpu").classes[3].dimension == 2


def test_pieces_are_classified_and_small_ones_warned_of(model: str) -> None:
    piece = bulk("Cu", cubic=True) * (4, 4, 4)
    piece.pbc = False
    report = classify(piece, model)
    assert report.prototype == "fcc_Cu_A_cF4_225_a"
    assert not any("finite sample" in w for w in report.warnings)
    small = bulk("Cu", cubic=True) * (2, 2, 2)
    small.pbc = False
    assert any("finite sample of 32 atoms" in w for w in classify(small, model).warnings)
    tube = classify(Molecule(["C"] * len(nanotube(6, 6)), nanotube(6, 6).positions), model)
    assert tube.error is None


def test_doubts_are_spoken_of(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    domain = load_classifier(model, "cpu").card.settings["domain"]
    monkeypatch.setitem(domain, "information_limit", 10.0)
    assert classify(bulk("Cu"), model).warnings == ()
    monkeypatch.setitem(domain, "information_limit", -1.0)
    (warning,) = classify(bulk("Cu"), model).warnings
    assert "disagree" in warning
    assert "99% of the ideal structures it learned from" in warning


def test_slabs_are_seen_without_their_images(model: str) -> None:
    slab = graphene()
    assert classify(slab, model).prototype == "C"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (Atoms("He"), "fewer than"),
        (Atoms("HHe", [[0, 0, 0], [0, 0, 1]]), "fewer than"),
        (Atoms("H2", [[0, 0, 0], [0, 0, 0.01]]), "apart"),
        (Structure(Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]]), "partly occupied"),
        (None, "cannot take"),
    ],
)
def test_what_is_no_structure_is_refused(given: Any, reason: str, model: str) -> None:
    with pytest.raises(StructureError, match=reason):
        classify(given, model)
    (report,) = magnetite.classify_many([given], model=model, device="cpu", on_error="report")
    assert report.prototype is None
    assert reason in str(report.error)
    assert reason in str(report)


def test_many_are_one_by_one(model: str) -> None:
    column = [atoms for *_, atoms in PROTOTYPES] * 3
    together = list(magnetite.classify_many(column, model=model, device="cpu", passes=50))
    for report, atoms in zip(together, column, strict=True):
        alone = classify(atoms, model, passes=50)
        assert report.prototype == alone.prototype
        assert report.probability == pytest.approx(alone.probability, abs=1e-5)
        assert report.mutual_information == pytest.approx(alone.mutual_information, abs=1e-4)


def test_a_lattice_of_lone_atoms_is_told_from_a_crystal(model: str) -> None:
    assert classify(bulk("Cs"), model).warnings == ()
    report = classify(bulk("Fe", "sc", a=20), model)
    assert report.name == classify(bulk("Po"), model).name, "types are told at any scale"
    assert any("20.0 Å apart" in text for text in report.warnings)


def test_few_passes_are_warned_of(model: str) -> None:
    few, many = (classify(bulk("Cu"), model, passes=passes) for passes in (1, 100))
    assert few.mutual_information == pytest.approx(0, abs=1e-6)
    assert any("passes of the network are few" in text for text in few.warnings)
    assert not any("are few" in text for text in many.warnings)


def test_passes_can_be_chosen(model: str) -> None:
    assert classify(bulk("Cu"), model, passes=1).mutual_information == pytest.approx(0.0, abs=1e-6)
    with pytest.raises(MagnetiteError, match="at least 1"):
        classify(bulk("Cu"), model, passes=0)
    assert load_classifier(model, "cpu").passes == 1000


def test_a_model_of_magnetism_is_no_classifier() -> None:
    with pytest.raises(ZooError, match="not of structure types"):
        classify(bulk("Cu"), "magnetism")


def test_numbers_instead_of_reports(model: str) -> None:
    classifier = load_classifier(model, "cpu")
    report = classify(bulk("Cu"), model)
    found, error = run(classifier.arrays(), [bulk("Cu"), Atoms("He")], on_error="report")
    assert found.probabilities.max() == pytest.approx(report.probability)
    assert found.mutual_information == pytest.approx(report.mutual_information)
    assert [layer.shape for layer in found.activations] == [(32,)]
    assert found.descriptor.shape == (SIZE,)
    assert isinstance(error, StructureError)


def test_all_views_answer_together(model: str) -> None:
    classifier = load_classifier(model, "cpu")
    assert [view.cutoff for view in classifier.views] == [4.0, 3.2, 4.0, 4.8]
    wurtzite = bulk("ZnS", "wurtzite", a=3.8, c=6.2)
    (together,) = run(classifier.arrays(), [wurtzite])
    alone = []
    for view in classifier.views:
        one = copy(classifier)
        one.views = (view,)
        alone.extend(run(one.arrays(), [wurtzite]))
    assert np.array_equal(together.descriptor, alone[0].descriptor), "layers and descriptor are of the first"
    alike = [np.allclose(other.descriptor, together.descriptor, atol=1e-2) for other in alone]
    assert alike == [True, False, True, False], "the first cutoff counts twice"
    assert together.probabilities == pytest.approx(np.mean([one.probabilities for one in alone], axis=0), abs=0.02)


def test_a_card_without_views_has_one(card: Path, tmp_path: Path) -> None:
    content = json.loads(card.read_text())
    del content["settings"]["views"]
    old = tmp_path / card.name
    old.write_text(json.dumps(content))
    old.with_suffix(".safetensors").write_bytes(card.with_suffix(".safetensors").read_bytes())
    assert [view.cutoff for view in load_classifier(str(old), "cpu").views] == [4.0]


def test_a_classifier_of_one_view_grows_with_one(tmp_path: Path) -> None:
    source = tmp_path / "fluorite.cif"
    ase.io.write(source, bulk("CaF2", "fluorite", a=5.46))
    parent = load_classifier("prototypes-damaged", "cpu")
    quiet = {"schedule": replace(QUICK, epochs=1), "refit": None, "progress": False, "log": lambda _: None}
    grown = load_classifier(str(extend.add_classes([("fluorite", source)], parent, tmp_path / "run", **quiet)), "cpu")
    assert grown.views == parent.views == (Soap(),)
    assert len(grown.classes) == len(parent.classes) + 1


def test_reports_travel_as_json(model: str) -> None:
    for report in (
        classify(bulk("Cu"), model),
        next(magnetite.classify_many([Atoms()], model=model, device="cpu", on_error="report")),
    ):
        again = MontyDecoder().decode(report.to_json())
        assert again.as_row() == report.as_row()
        json.dumps(report.as_row(), allow_nan=False)
    assert "fcc (Cu) (A1, space group 225)" in str(classify(bulk("Cu"), model))


# Training


def test_the_card_says_what_was_measured(card: Path) -> None:
    content = json.loads(card.read_text())
    metrics = {m["name"]: m for m in content["metrics"]}
    assert metrics["accuracy on pristine structures"]["value"] == 1.0
    assert metrics["accuracy on pristine structures"]["rows"] == 4 * len(PROTOTYPES)
    assert metrics["accuracy on all rows"]["rows"] == 4 * len(PROTOTYPES) * len(table.USED_GRID)
    assert 0 <= content["settings"]["domain"]["information_limit"] < 1


def test_a_finished_run_trains_nothing_anew(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> torch.Tensor:
        raise AssertionError

    monkeypatch.setattr(table, "pristine_samples", fail)
    before = card.read_bytes()
    folder = card.parents[2]
    again = train.train_from_data(
        folder / "data", folder / "run", CPU, schedule=QUICK, grid=table.USED_GRID, batch=8, progress=False,
        config=NetworkConfig(SIZE, len(PROTOTYPES), (32,), dropout=0.05, gain=16.0), log=lambda _: None,
    )  # fmt: skip
    assert again.read_bytes() == before


def test_the_table_is_the_papers(tmp_path: Path) -> None:
    assert len(table.FULL_GRID) == 99
    prototypes = train.read_classes(write_data(tmp_path))
    rows = table.build_table(
        prototypes, tmp_path / "rows", grid=table.FULL_GRID, progress=False,
        rows_of=lambda _, grid: torch.arange(len(grid), dtype=torch.float32)[:, None].expand(-1, SIZE).contiguous(),
    )  # fmt: skip
    assert len(rows) == 4 * 4 * 99
    assert int(rows.at(Soap()).sum()) == 4 * 4 * 3
    used = rows.pick(rows.at(Soap(), 1.0))
    assert len(used) == 4 * 4
    assert used.x[:, 0].unique().tolist() == [table.FULL_GRID.index((Soap(), 1.0))]
    kept, held_out = split(rows)
    assert len(held_out) == round(0.2 * len(rows))
    assert not set(kept.tolist()) & set(held_out.tolist())
    assert rows.labels[held_out].bincount().unique().numel() <= 2, "stratified"


def test_missing_data_is_a_clear_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        train.read_classes(tmp_path)
    assert main(["train", "prototypes", "--run", str(tmp_path / "run")]) == 2
    assert "--data" in capsys.readouterr().err
    assert main(["train", "order", "--add", "a=b", "--run", str(tmp_path / "run")]) == 2
    assert main(["train", "prototypes", "--add", "a", "--run", str(tmp_path / "run")]) == 2
    assert "NAME=FILE" in capsys.readouterr().err


def test_labels_stand_once() -> None:
    entry = StructureClass("a", "A", None, 225, 3)
    check_labels([entry, replace(entry, label="b")])
    with pytest.raises(DataError, match="already"):
        check_labels([entry, entry])
    assert StructureClass.from_dict(entry.as_dict()) == entry


# Own classes


def test_own_classes_are_added_by_one_command(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extend, "FINE_TUNING", replace(QUICK, epochs=60))
    ase.io.write(tmp_path / "diamond.cif", bulk("Si"))
    ase.io.write(tmp_path / "tube.xyz", nanotube(5, 5, length=6))
    arguments = ["--add", f"diamond={tmp_path / 'diamond.cif'}", "--add", f"tube={tmp_path / 'tube.xyz'}"]
    run_folder = tmp_path / "run"
    assert main(["train", "prototypes", *arguments, "--from", model, "--run", str(run_folder), "--device", "cpu"]) == 0
    own = str(run_folder / "model" / "own-prototypes.json")
    assert own in capsys.readouterr().out
    assert classify(bulk("Ge"), own).prototype == "diamond"
    assert classify(bulk("Ge"), own).spacegroup == 227
    assert classify(nanotube(5, 5, length=7), own).prototype == "tube"
    for label, *_, atoms in PROTOTYPES:
        assert classify(atoms, own).prototype == label, "the old ones are kept"
    assert len(load_classifier(own, "cpu").classes) == len(PROTOTYPES) + 2
    content = json.loads(Path(own).read_text())
    assert f"one of {len(PROTOTYPES) + 2}," in content["description"]
    assert "Grown from prototypes" in content["split"]
    assert content["training_data"][-1]["name"] == "own prototypes: diamond, tube"
    assert len(load_classifier(model, "cpu").classes) == len(PROTOTYPES)
    ase.io.write(tmp_path / "other.cif", bulk("Ge", "sc", a=3))
    other = ["--add", f"diamond={tmp_path / 'diamond.cif'}", "--add", f"tube={tmp_path / 'other.cif'}"]
    before = Path(own).read_bytes()
    assert main(["train", "prototypes", *other, "--from", model, "--run", str(run_folder), "--device", "cpu"]) == 2
    assert "learned from other data; choose another folder" in capsys.readouterr().err
    assert Path(own).read_bytes() == before


def test_a_name_that_no_card_bears_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ase.io.write(tmp_path / "own.cif", bulk("Ge"))
    command = ["train", "prototypes", "--add", f"mine={tmp_path / 'own.cif'}", "--run", str(tmp_path / "run")]
    for name in ("Own Model", "Own", "own\n", "a/b", "1st", ""):
        assert main([*command, "--name", name]) == 2
        assert "no name of a model" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_piece_of_which_a_species_would_not_be_seen_is_no_prototype(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "water.xyz", molecule("H2O"))
    with pytest.raises(DataError, match=r"water.xyz: has too few atoms of O"):
        extend.read_addition("water", tmp_path / "water.xyz", 0)


@pytest.mark.parametrize(
    ("label", "atoms", "reason"),
    [
        ("RockSalt_NaCl", bulk("Si"), "of this name already"),
        ("mine", bulk("Ni"), "descriptor is that of class 'fcc_Cu_A_cF4_225_a'"),
    ],
)
def test_a_class_that_is_there_cannot_be_added(
    label: str, atoms: Atoms, reason: str, model: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.cif"
    ase.io.write(path, atoms)
    with pytest.raises(DataError, match=reason):
        extend.add_classes([(label, path)], load_classifier(model, "cpu"), tmp_path / "run", progress=False)


def test_layers_are_found_by_their_empty_slice() -> None:
    from magnetite.clusters import as_sample

    assert extend.is_layer(as_sample(LAYER))
    shifted = LAYER.copy()
    shifted.positions += [0, 0, 7.3]
    shifted.wrap()
    assert extend.is_layer(as_sample(shifted)), "also across the edge of the cell"
    assert not extend.is_layer(as_sample(bulk("Cu")))
    assert not extend.is_layer(as_sample(nanotube(3, 3)))


# The command line


def test_classify_prints_tables_and_rows(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, piece, bad = tmp_path / "al.cif", tmp_path / "piece.xyz", tmp_path / "bad.cif"
    ase.io.write(good, bulk("Al"))
    atoms = bulk("W", cubic=True) * (5, 5, 5)
    atoms.pbc = False
    ase.io.write(piece, atoms)
    bad.write_text("nothing")
    files = [str(good), str(piece), str(bad)]
    options = ["--model", model, "--device", "cpu", "--passes", "50"]
    assert main(["classify", *files, *options, "--format", "jsonl"]) == 2
    captured = capsys.readouterr()
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert [row["prototype"] for row in rows] == ["fcc_Cu_A_cF4_225_a", "bcc_W_A_cI2_229_a"]
    assert rows[0]["path"] == str(good)
    assert {"probability", "top5", "mutual_information", "spacegroup", "strukturbericht"} <= rows[0].keys()
    assert str(bad) in captured.err
    assert main(["classify", *files[:2], *options]) == 0
    text = capsys.readouterr().out
    assert "fcc_Cu_A_cF4_225_a" in text
    assert "229" in text
    target = tmp_path / "types.csv"
    assert main(["classify", *files[:2], *options, "--format", "csv", "--output", str(target)]) == 0
    table_rows = list(csv.DictReader(target.read_text().splitlines()))
    assert table_rows[1]["prototype"] == "bcc_W_A_cI2_229_a"
    assert table_rows[0]["top5"].startswith("fcc_Cu_A_cF4_225_a ")
    assert main(["classify", str(tmp_path), *options]) == 2
    assert "pass its files" in capsys.readouterr().err


def test_classify_lists_its_classes(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "--classes", "--model", model]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert "| fcc_Cu_A_cF4_225_a | fcc (Cu) | A1 | 225 | bulk |" in rows
    assert len(rows) == 2 + len(PROTOTYPES)
    assert main(["classify", "--classes", "--model", "magnetism"]) == 2
    assert "not a model of structure types" in capsys.readouterr().err
    assert main(["classify", "--classes", "a.cif"]) == 2
    assert "give no files" in capsys.readouterr().err
    assert main(["classify"]) == 2
    assert "--classes" in capsys.readouterr().err


# Damage, learned


def test_damaged_rows_are_kept_and_carry_their_class(tmp_path: Path) -> None:
    prototypes = train.read_classes(write_data(tmp_path / "data"))
    made = toughen.damaged_rows(prototypes, tmp_path / "rows", copies=2, progress=False)
    assert made.labels.bincount().tolist() == [12] * len(PROTOTYPES), "two copies of six supercells"
    assert not torch.allclose(made.x[0], made.x[24], atol=1e-3), "copies differ in damage"
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "rows").iterdir()}
    again = toughen.damaged_rows(prototypes, tmp_path / "rows", copies=2, progress=False)
    assert torch.equal(again.x, made.x)
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "rows").iterdir()}


def test_a_finished_classifier_learns_damage(card: Path, tmp_path: Path) -> None:
    run, data = card.parents[1], card.parents[2] / "data"
    config = NetworkConfig(SIZE, len(PROTOTYPES), (32,), dropout=0.05, gain=16.0)
    same = {"schedule": QUICK, "grid": table.USED_GRID, "config": config, "batch": 8, "progress": False}
    tough = toughen.train_with_damage(
        data, run, CPU, **same, toughening=replace(QUICK, epochs=5), copies=4, log=lambda _: None
    )
    assert tough.name == "prototypes-damaged.json"
    assert "damaged ones" in json.loads(tough.read_text())["description"]
    assert classify(bulk("Al"), str(tough)).prototype == "fcc_Cu_A_cF4_225_a"
    with pytest.raises(DataError, match="no finished run"):
        toughen.train_with_damage(data, tmp_path, CPU, **same)
