"""Strided pattern matching: boxes against a slow count of their atoms, maps there and back, a small model's answers."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import islice, product
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111

import magnetite
from magnetite.cli import main
from magnetite.errors import DataError, MagnetiteError, StructureError
from magnetite.prototypes import matching, table, train
from magnetite.prototypes.boxes import Boxes, as_specimen
from magnetite.prototypes.classes import distinct_names
from magnetite.prototypes.descriptor import SIZE
from magnetite.prototypes.maps import NOTHING, PatternMap
from magnetite.prototypes.matching import MatchingInterrupted, match_patterns
from magnetite.prototypes.network import NetworkConfig
from magnetite.prototypes.reports import PrototypeReport

LABELS = ("fcc_Cu_A_cF4_225_a", "bcc_W_A_cI2_229_a")
OPTIONS: dict[str, Any] = {"device": "cpu", "passes": 20}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of two classes."""
    folder = tmp_path_factory.mktemp("matching")
    target = folder / "arise" / "prototypes"
    target.mkdir(parents=True)
    fields = ("number", "label", "nn_output_index", "paper_name", "paper_symmetry", "type")
    with (target / "manifest.csv").open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(fields)
        for place, (label, name) in enumerate(zip(LABELS, ("Cu", "W"), strict=True)):
            ase.io.write(target / f"{label}.extxyz", bulk(name))
            writer.writerow([place + 1, label, place, name, "225, cubic", "Elemental_solids"])
    card = train.train_from_data(
        folder, folder / "run", torch.device("cpu"), schedule=replace(train.SCHEDULE, epochs=40, learning_rate=1e-2),
        grid=table.USED_GRID, config=NetworkConfig(SIZE, 2, (32,), dropout=0.05), batch=8, progress=False,
        log=lambda _: None,
    )  # fmt: skip
    return str(card)


@pytest.fixture(scope="module")
def two_grains() -> Atoms:
    """Left fcc, right bcc, of one element."""
    left = bulk("Cu", cubic=True).repeat((5, 4, 4))
    right = bulk("Cu", "bcc", a=2.9, cubic=True).repeat((6, 5, 5))
    right.positions[:, 0] += left.positions[:, 0].max() + 2.2
    both = left + right
    both.set_cell(None)
    both.pbc = False
    return both


@pytest.fixture(scope="module")
def found(two_grains: Atoms, model: str) -> PatternMap:
    return match_patterns(two_grains, box=11, stride=(3, 5, 5), model=model, **OPTIONS)


# Boxes


def slow_count(atoms: Atoms, centre: np.ndarray, size: float, copies: int) -> int:
    ranges = [range(-copies, copies + 1) if on else (0,) for on in atoms.pbc]
    every = np.concatenate([atoms.positions + np.array(shift) @ atoms.cell.array for shift in product(*ranges)])
    return int((abs(every - centre) <= size / 2 + 1e-6).all(axis=1).sum())


@pytest.mark.parametrize("pbc", [(True, True, True), (True, True, False), (False, True, False), (False, False, False)])
def test_boxes_hold_all_atoms_and_copies(pbc: tuple[bool, bool, bool]) -> None:
    atoms = bulk("Cu").repeat((2, 2, 3))  # a skewed cell
    atoms.rattle(0.1, seed=1)
    atoms.pbc = pbc
    boxes = Boxes.over(as_specimen(atoms), np.full(3, 6.0), np.full(3, 2.5))
    counts, centres = boxes.count().reshape(-1), boxes.centres.reshape(-1, 3)
    for place in range(0, len(centres), 7):
        assert counts[place] == slow_count(atoms, centres[place], 6.0, 6)
    chosen = np.flatnonzero(counts > 0)[::11]
    assert [len(box) for box in boxes.cut(chosen)] == counts[chosen].tolist()


def test_the_grid_divides_a_cell_evenly_and_is_centred_where_nothing_repeats() -> None:
    slab = fcc111("Cu", (4, 4, 3), vacuum=5)
    boxes = Boxes.over(as_specimen(slab), np.full(3, 8.0), np.array([2.0, 2.0, 3.0]))
    length = np.linalg.norm(slab.cell[0])
    assert boxes.shape == (int(np.ceil(length / 2)), int(np.ceil(length / 2)), 2)
    heights = boxes.centres[0, 0, :, 2]
    assert heights.mean() == pytest.approx(slab.positions[:, 2].mean())
    assert np.diff(heights) == pytest.approx(3.0)
    steps = np.linalg.norm(np.diff(boxes.centres[:, 0, 0], axis=0), axis=1)
    assert steps == pytest.approx(length / boxes.shape[0])


def test_a_paper_like_particle_has_as_many_boxes_as_in_the_paper(data_folder: Path) -> None:
    path = data_folder / "arise" / "nanoparticle" / "FePt_AET_2017.xyz"
    boxes = Boxes.over(as_specimen(path), np.full(3, 12.0), np.full(3, 2.0))
    assert int((boxes.count() >= matching.MIN_ATOMS).sum()) == pytest.approx(43_679, rel=1e-3)


def test_doubled_atoms_are_left_out_but_not_forgotten(two_grains: Atoms, model: str) -> None:
    atoms = two_grains + Atoms("Cu", [two_grains.positions[7] + 0.1])
    answer = match_patterns(atoms, box=11, stride=20, model=model, **OPTIONS)
    assert answer.metadata["doubled_atoms"] == 1
    assert len(answer.onto_atoms()) == len(atoms)
    heap = two_grains + two_grains
    with pytest.raises(StructureError, match="closer than"):
        match_patterns(heap, model=model, **OPTIONS)


# Answers


def test_each_grain_has_its_class(found: PatternMap, two_grains: Atoms) -> None:
    assert found.shape[0] > 8
    winners, x = found.winners, found.centres[..., 0]
    low, high = two_grains.positions[:, 0].min(), two_grains.positions[:, 0].max()
    ends = {0: x < low + 5, 1: x > high - 5}
    for label, side in ends.items():
        assert (side & found.classified).any()
        assert set(winners[side & found.classified].tolist()) == {label}
    assert np.nansum(found.probabilities.astype(float), axis=-1)[found.classified] == pytest.approx(1, abs=2e-3)
    assert (found.mutual_information[found.classified] >= 0).all()
    assert "boxes" in str(found)
    assert found.classes[0].name in str(found)


def test_a_periodic_crystal_is_the_same_everywhere(model: str) -> None:
    crystal = bulk("W", cubic=True).repeat(4)
    answer = match_patterns(crystal, box=11, stride=3.2, model=model, **OPTIONS)
    assert answer.classified.all()
    assert set(answer.winners.reshape(-1).tolist()) == {1}
    open_one = match_patterns(crystal, box=11, stride=3.2, periodic=False, model=model, **OPTIONS)
    assert open_one.n_atoms.min() < answer.n_atoms.min()


def test_boxes_with_few_atoms_are_counted_not_guessed(two_grains: Atoms, model: str) -> None:
    answer = match_patterns(two_grains, box=11, stride=8, min_atoms=70, model=model, **OPTIONS)
    few = answer.n_atoms < 70
    assert few.any()
    assert np.isnan(answer.mutual_information[few]).all()
    assert (answer.winners[few] == NOTHING).all()
    assert answer.metadata["left_out"] == {"fewer than 70 atoms": int(few.sum())}
    with pytest.raises(MagnetiteError, match="no box holds 5000 atoms"):
        match_patterns(two_grains, min_atoms=5000, model=model, **OPTIONS)


@pytest.mark.filterwarnings("ignore:.*species.*")
def test_a_refused_box_has_its_reason(model: str) -> None:
    loners = Atoms("CuAgAu", [[0, 0, 0], [2.5, 0, 0], [0, 2.5, 0]])
    answer = match_patterns(loners + bulk("Cu").repeat(1), box=3, stride=9, min_atoms=1, model=model, **OPTIONS)
    assert not answer.classified.any()
    assert any("fewer than 2 atoms of any species" in reason for reason in answer.metadata["left_out"])
    with pytest.raises(MagnetiteError, match="no box was classified"):
        answer.onto_atoms()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"box": 0}, "box must be"),
        ({"stride": (1, 2)}, "stride must be"),
        ({"stride": 0.01}, "longer stride"),
        ({"periodic": True}, "no cell vector 1"),
        ({"periodic": (True, False)}, "one or three"),
        ({"periodic": "none"}, "periodic is true or false"),
        ({"periodic": (True, True, "a")}, "periodic is true or false"),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], words: str, two_grains: Atoms, model: str) -> None:
    with pytest.raises(StructureError, match=words):
        match_patterns(two_grains, model=model, **OPTIONS, **options)


def test_numbers_of_the_wrong_kind_are_refused(two_grains: Atoms, model: str) -> None:
    for wrong in ({"min_atoms": None}, {"min_atoms": 2.5}, {"passes": 1.5}, {"passes": "9"}):
        with pytest.raises(MagnetiteError, match="whole number"):
            match_patterns(two_grains, model=model, **{**OPTIONS, **wrong})


def test_a_box_that_would_hold_millions_of_copies_is_refused_at_once(model: str) -> None:
    with pytest.raises(StructureError, match="take smaller boxes"):
        match_patterns(bulk("Cu", cubic=True), box=1e6, stride=2, model=model)
    with pytest.raises(StructureError, match="take smaller boxes"):
        match_patterns(bulk("Cu", cubic=True), box=(12, 12, 3e6), stride=2, model=model)


def test_numbers_of_numpy_and_of_ase_are_taken(two_grains: Atoms, model: str, tmp_path: Path) -> None:
    asked: dict[str, Any] = {"min_atoms": np.int64(20), "passes": np.int64(20), "run": tmp_path / "run"}
    slab = two_grains.copy()
    slab.center(vacuum=5.0)
    match_patterns(slab, periodic=(1, 1, 0), box=10, stride=12, model=model, device="cpu", **asked).save(
        tmp_path / "map.npz"
    )
    assert PatternMap.load(tmp_path / "map.npz").specimen.periodic == (True, True, False)


def test_unknown_elements_nothing_and_nan_are_refused(model: str) -> None:
    line = [[3.0 * place, 0, 0] for place in range(60)]
    with pytest.raises(StructureError, match="atomic numbers"):
        match_patterns(Atoms("Cu59X", line), model=model, **OPTIONS)
    with pytest.raises(StructureError, match="no atoms"):
        match_patterns(Atoms(), model=model, **OPTIONS)
    with pytest.raises(MagnetiteError, match="no box holds 50 atoms"):
        match_patterns(Atoms("Cu"), model=model, **OPTIONS)
    with pytest.raises(StructureError, match="NaN"):
        match_patterns(Atoms("Cu2", [[0, 0, 0], [np.nan, 0, 0]]), model=model, **OPTIONS)


# Maps there and back


def test_a_map_survives_its_file(found: PatternMap, tmp_path: Path) -> None:
    found.save(tmp_path / "map.npz")
    again = magnetite.PatternMap.load(tmp_path / "map.npz")
    for name in ("centres", "n_atoms", "probabilities", "mutual_information"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert again.classes == found.classes
    assert again.metadata == found.metadata
    np.testing.assert_array_equal(again.specimen.positions, found.specimen.positions)
    assert [path.name for path in tmp_path.iterdir()] == ["map.npz"]
    np.testing.assert_array_equal(again.probability_of(LABELS[1]), found.probabilities[..., 1])
    with pytest.raises(MagnetiteError, match="no such class"):
        again.probability_of("perovskite")


def test_other_files_are_no_maps(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(1))
    (tmp_path / "text.npz").write_text("no")
    (tmp_path / "empty.npz").touch()
    np.savez(tmp_path / "number.npz", metadata=np.array("3"))
    for name in ("other.npz", "text.npz", "missing.npz", "empty.npz", "number.npz"):
        with pytest.raises(DataError, match=name):
            PatternMap.load(tmp_path / name)


def refuse_with(name: str, array: np.ndarray, reason: str, found: PatternMap, path: Path) -> None:
    """Of a map with one array changed it is said that it is none."""
    found.save(path)
    with np.load(path) as arrays:
        changed = {**arrays, name: array}
    np.savez(path, **changed)
    with pytest.raises(DataError, match=f"is not a pattern map .*({reason})"):
        PatternMap.load(path)


@pytest.mark.parametrize(
    ("name", "array", "reason"),
    [
        ("metadata", np.array("[" * 100_000), "recursion"),
        ("probabilities", np.zeros((1, 1, 1, 2), np.float16), "probabilities has shape"),
        ("n_atoms", np.zeros(3, np.int32), "has shape"),
        ("numbers", np.array([26]), "positions has shape"),
        ("numbers", np.array("Fe"), "cannot|unsized"),
        ("positions", np.full((1, 3), np.nan), "positions has shape"),
    ],
)
def test_a_map_whose_arrays_do_not_fit_is_damaged(
    name: str, array: np.ndarray, reason: str, found: PatternMap, tmp_path: Path
) -> None:
    refuse_with(name, array, reason, found, tmp_path / "map.npz")


def test_a_map_with_nonsense_in_its_arrays_is_damaged(found: PatternMap, tmp_path: Path) -> None:
    size = len(found.specimen)
    for name, array, reason in (
        ("numbers", np.full(size, 999), "outside 1"),
        ("numbers", np.full(size, "Fe"), "numbers holds <U2"),
        ("positions", np.full((size, 3), np.nan), "not finite"),
    ):
        refuse_with(name, array, reason, found, tmp_path / "map.npz")


def test_atoms_carry_the_answer_into_extxyz(found: PatternMap, two_grains: Atoms, tmp_path: Path) -> None:
    found.onto_atoms().write(tmp_path / "atoms.extxyz")
    atoms = ase.io.read(tmp_path / "atoms.extxyz")
    np.testing.assert_allclose(atoms.positions, two_grains.positions, atol=1e-6)
    left, right = atoms.positions[:, 0].argmin(), atoms.positions[:, 0].argmax()
    assert (atoms.arrays["prototype"][left], atoms.arrays["prototype"][right]) == (0, 1)
    assert set(atoms.arrays) >= {"probability", "mutual_information"}
    assert LABELS[0] in atoms.info["prototypes"]


# Interruptions


def test_ctrl_c_keeps_what_is_finished_and_the_same_call_continues(
    two_grains: Atoms, found: PatternMap, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"box": 11, "stride": (3, 5, 5), "model": model, "run": tmp_path / "run", **OPTIONS}
    whole, seen, total = Boxes.cut, [], int(found.classified.sum())

    def interrupted(self: Boxes, chosen: Any) -> Any:
        yield from islice(whole(self, chosen), total // 2)
        raise KeyboardInterrupt

    def counted(self: Boxes, chosen: Any) -> Any:
        seen.append(len(chosen))
        return whole(self, chosen)

    monkeypatch.setattr("magnetite.pipeline.MAX_WAITING", 10)
    monkeypatch.setattr("magnetite.prototypes.answers.BOXES_PER_PART", 16)
    monkeypatch.setattr(Boxes, "cut", interrupted)
    with pytest.raises(MatchingInterrupted) as raised:
        match_patterns(two_grains, **options)
    assert 0 < raised.value.boxes <= total // 2
    monkeypatch.setattr(Boxes, "cut", counted)
    again = match_patterns(two_grains, **options)
    assert seen == [total - raised.value.boxes]
    uninterrupted = match_patterns(two_grains, **options | {"run": None})
    np.testing.assert_array_equal(again.probabilities, uninterrupted.probabilities)
    np.testing.assert_array_equal(again.mutual_information, uninterrupted.mutual_information)
    with pytest.raises(MagnetiteError, match="different: passes"):
        match_patterns(two_grains, **options | {"passes": 21})


def test_an_interruption_says_what_is_kept(
    two_grains: Atoms, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: Boxes, __: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(Boxes, "cut", interrupted)
    ase.io.write(tmp_path / "grains.xyz", two_grains)
    command = ["spm", str(tmp_path / "grains.xyz"), "--model", model, "--device", "cpu", "--quiet"]
    assert main(command) == 130
    assert "nothing is kept: give --run FOLDER" in capsys.readouterr().err
    assert main([*command, "--run", str(tmp_path / "run")]) == 130
    assert "0 boxes are kept, the same command continues" in capsys.readouterr().err


# Pictures


def test_a_map_is_drawn(found: PatternMap, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from magnetite.prototypes.plots import plot_map

    figure = plot_map(found, axis=0, slices=2)
    assert [len(axes.get_title()) > 0 for axes in figure.axes].count(True) == 4
    figure.savefig(tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 10_000
    classes, bits = (next(axes for axes in row if axes.get_title()) for row in (figure.axes[::2], figure.axes[1::2]))
    assert classes.get_position().x0 == pytest.approx(bits.get_position().x0)  # slices stand below each other
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any(text.startswith(found.classes[0].name) for text in named)
    flat = replace(
        found, centres=found.centres[:, :, :1], n_atoms=found.n_atoms[:, :, :1],
        probabilities=found.probabilities[:, :, :1], mutual_information=found.mutual_information[:, :, :1],
    )  # fmt: skip
    assert len(plot_map(flat).axes) == 3  # two maps and the scale of one


def test_slices_of_any_cell_have_their_true_height_and_width(model: str) -> None:
    pytest.importorskip("matplotlib")
    from magnetite.prototypes.plots import plot_map

    primitive = bulk("Cu").repeat(8)
    turned = bulk("Cu", cubic=True).repeat((6, 5, 4))
    turned.set_cell(turned.cell[[2, 0, 1]])
    for atoms, names in ((primitive, {"along"}), (turned, {"y"})):
        picture = plot_map(match_patterns(atoms, box=11, stride=5, model=model, **OPTIONS), slices=2)
        titled = [axes for axes in picture.axes if axes.get_title()]
        assert {axes.get_title().split()[0] for axes in titled} == names
        heights = {float(axes.get_title().split()[-2]) for axes in titled}
        assert len(heights) == 2
        for axes in titled:
            wide, high = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
            assert min(wide, high) > 10


def test_atoms_get_the_nearest_box_across_a_boundary(found: PatternMap) -> None:
    cell = np.diag([40.0, 40.0, 100.0])
    atoms = Atoms("Cu3", [[20, 20, 9], [20, 20, 85], [20, 20, 40]], cell=cell, pbc=(False, False, True))
    centres = np.array([[20.0, 20.0, 86.0], [20.0, 20.0, 40.0]]).reshape(2, 1, 1, 3)
    shares = np.array([[1.0, 0.0], [0.0, 1.0]], np.float16).reshape(2, 1, 1, 2)
    far = replace(
        found, centres=centres, n_atoms=np.full((2, 1, 1), 60), probabilities=shares,
        mutual_information=np.zeros((2, 1, 1), np.float32), specimen=as_specimen(atoms),
    )  # fmt: skip
    assert far.onto_atoms().arrays["prototype"].tolist() == [0, 0, 1]  # 23 Å back across the boundary, 31 Å ahead


def test_classes_of_one_name_are_told_apart(found: PatternMap) -> None:
    same = tuple(
        replace(entry, name="perovskite", spacegroup=group)
        for entry, group in zip(found.classes, (62, 140), strict=True)
    )
    assert distinct_names(same) == ["perovskite (A1, space group 62)", "perovskite (A2, space group 140)"]
    assert distinct_names(found.classes) == [entry.name for entry in found.classes]


def test_classify_draws_probabilities(model: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    ase.io.write(tmp_path / "copper.extxyz", bulk("Cu"))
    (tmp_path / "bad.extxyz").write_text("no\n")
    picture, files = tmp_path / "shares.svg", [str(tmp_path / "copper.extxyz"), str(tmp_path / "bad.extxyz")]
    options = ["--model", model, "--device", "cpu", "--passes", "5", "--plot", str(picture)]
    assert main(["classify", *files, *options]) == 2  # one of the files is bad
    assert picture.read_text().startswith("<?xml")
    assert main(["classify", files[1], *options]) == 2


def test_a_picture_shows_so_many_reports_and_no_more() -> None:
    pytest.importorskip("matplotlib")
    from magnetite.prototypes.report_plots import MOST_REPORTS, plot_reports

    report = PrototypeReport("Cu", "a", "a", 0.9, {"a": 0.9, "b": 0.1}, 0.1, None, None, (), "model", "copper")
    figure = plot_reports([report] * 4)
    assert [axes.get_title() for axes in figure.axes] == ["copper\nmutual information 0.100 bits"] * 4
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "probability", "probability", "probability"]
    (axes,) = plot_reports([replace(report, source="a/" * 40 + "copper.cif")]).axes
    assert axes.get_title().startswith("…")
    assert "copper.cif\nmutual" in axes.get_title()
    assert len(plot_reports([report] * (MOST_REPORTS + 1)).axes) == MOST_REPORTS
    with pytest.raises(MagnetiteError, match="nothing to draw"):
        plot_reports([])
