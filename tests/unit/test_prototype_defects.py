"""Prototypes, their supercells and their damage; how answers about them are counted."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, nanotube
from ase.io import write
from scipy.spatial.distance import pdist

from magnetite.clusters import Cluster, Sample
from magnetite.errors import DataError, StructureError
from magnetite.evaluation.prototypes import (
    PAPER,
    Answer,
    Score,
    descriptors,
    finished,
    keep,
    measure,
    samples,
    size,
    tally,
)
from magnetite.prototypes.defects import (
    BOTH,
    DISPLACED,
    LEVELS,
    MISSING,
    PRISTINE,
    Level,
    damaged,
    defective_samples,
    displaced,
    neighbour_distance,
    with_vacancies,
)
from magnetite.prototypes.descriptor import SIZE
from magnetite.prototypes.reports import PrototypeReport
from magnetite.prototypes.supercells import (
    MIN_ATOMS,
    Prototype,
    Variant,
    finite_samples,
    hosts,
    pristine_samples,
    read_prototypes,
    repeated,
    supercells,
)
from magnetite.structures import Crystal, as_crystal
from magnetite.zoo.model import ZooModel

FIELDS = ("number", "label", "nn_output_index", "paper_name", "paper_symmetry", "type")
ROWS = (
    (3, "tube", 2, "(3,3)", "armchair, (3,3), Å", "Nanotubes"),
    (1, "bcc", 1, "bcc (W)", "229, cubic", "Elemental_solids"),
    (2, "layer", 0, "BN", "187 (hexagonal)", "2D_materials"),
    (4, "halide", 3, "CsSnI3", "cubic", "Ternaries"),
)


def _atoms() -> dict[str, Atoms]:
    layer = Atoms(
        "BN", [[0, 0, 7], [1.4457, 0, 7]], cell=[[2.1686, 1.2520, 0], [2.1686, -1.2520, 0], [0, 0, 14]], pbc=1
    )
    halide = Atoms(
        "CsSnI3", scaled_positions=[[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
        cell=[6.1] * 3, pbc=True,
    )  # fmt: skip
    return {"bcc": bulk("W"), "layer": layer, "tube": nanotube(3, 3, length=9), "halide": halide}


def _write(folder: Path, rows: tuple[tuple[object, ...], ...] = ROWS) -> Path:
    for label, atoms in _atoms().items():
        if label == "tube":
            atoms.pbc = False
        write(folder / f"{label}.extxyz", atoms)
    with (folder / "manifest.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([FIELDS, *rows])
    return folder


@pytest.fixture
def prototypes(tmp_path: Path) -> list[Prototype]:
    return read_prototypes(_write(tmp_path))


def test_a_folder_of_prototypes_is_read_in_the_order_of_their_numbers(prototypes: list[Prototype]) -> None:
    assert [p.label for p in prototypes] == ["bcc", "layer", "tube", "halide"]
    assert [p.dimension for p in prototypes] == [3, 2, 1, 3]
    assert [p.spacegroup for p in prototypes] == [229, 187, None, None]
    assert [type(p.sample) for p in prototypes] == [Crystal, Crystal, Cluster, Crystal]


@pytest.mark.parametrize("harm", ["no manifest", "no structure", "no column", "no rows", "broken structure"])
def test_a_bad_folder_is_one_clear_error(tmp_path: Path, harm: str) -> None:
    _write(tmp_path)
    if harm == "no manifest":
        (tmp_path / "manifest.csv").unlink()
    elif harm == "no structure":
        (tmp_path / "layer.extxyz").unlink()
    elif harm == "no column":
        (tmp_path / "manifest.csv").write_text("number,label\n1,bcc\n")
    elif harm == "no rows":
        (tmp_path / "manifest.csv").write_text(",".join(FIELDS) + "\n")
    else:
        (tmp_path / "bcc.extxyz").write_text("2\n\nW 0 0 0\n")
    with pytest.raises(DataError, match=r"manifest\.csv|layer\.extxyz|bcc\.extxyz"):
        read_prototypes(tmp_path)


def test_supercells_are_the_first_of_a_hundred_atoms_and_the_next_two(prototypes: list[Prototype]) -> None:
    bcc, layer, tube, halide = prototypes
    assert [(v.repeats, len(v.sample)) for v in supercells(bcc)] == [(5, 125), (6, 216), (7, 343)]
    assert [(v.repeats, len(v.sample)) for v in supercells(halide)] == [(3, 135), (4, 320), (5, 625)]
    in_plane = supercells(layer)
    assert [(v.repeats, len(v.sample)) for v in in_plane] == [(8, 128), (9, 162), (10, 200)]
    for variant in in_plane:
        assert isinstance(variant.sample, Crystal)
        assert variant.sample.lattice[2] == pytest.approx([0, 0, 14])
    assert supercells(tube) == []


def test_every_boundary_condition_is_there(prototypes: list[Prototype]) -> None:
    pristine, damageable = pristine_samples(prototypes), hosts(prototypes)
    assert (len(pristine), len(damageable)) == (3 * 4 + 1, 3 * 6 + 1)
    assert sum(v.periodic for v in pristine) == 3
    assert sum(v.periodic for v in damageable) == 9
    assert all(len(v.sample) >= MIN_ATOMS for v in damageable)
    tube = [v for v in damageable if v.label == "tube"]
    assert len(tube) == 1
    assert tube[0].sample is prototypes[2].sample


def test_the_finite_piece_has_the_distances_of_the_crystal(prototypes: list[Prototype]) -> None:
    layer = prototypes[1]
    first = finite_samples(layer)[0].sample
    assert isinstance(first, Cluster)
    expected = _atoms()["layer"].repeat((8, 8, 1))
    assert np.sort(pdist(first.positions)) == pytest.approx(np.sort(pdist(expected.positions)), abs=1e-6)
    assert np.bincount(first.numbers).tolist() == np.bincount(expected.numbers).tolist()


def test_the_papers_numbers_of_structures(data_folder: Path) -> None:
    prototypes = read_prototypes(data_folder / "arise" / "prototypes")
    assert (len(prototypes), len(pristine_samples(prototypes)), len(hosts(prototypes))) == (108, 396, 588)
    assert size(prototypes, DISPLACED[0]) == 5_880
    assert size(prototypes, PRISTINE) == 396
    assert sorted(p.index for p in prototypes) == list(range(108))
    flat = [p.sample for p in prototypes if p.dimension == 2]
    # What is repeated in its plane must have its empty space along the third vector.
    assert all(isinstance(s, Crystal) and np.ptp(s.frac_coords[:, 2]) < 0.75 for s in flat)


def test_the_neighbour_distance_is_the_common_one_and_short_ones_weigh_more() -> None:
    assert neighbour_distance(as_crystal(bulk("Cu", a=3.6))) == pytest.approx(3.6 / np.sqrt(2))
    dimers = Atoms("N8", [[10.0 * (i // 2), 0, 1.1 * (i % 2)] for i in range(8)])
    pairs = Atoms("O8", [[10.0 * (i // 2), 9, 2.2 * (i % 2)] for i in range(8)])
    both = dimers + pairs
    found = neighbour_distance(Cluster(both.positions, both.numbers))
    assert found == pytest.approx(1.1, abs=0.011)


def test_a_single_atom_cannot_be_displaced() -> None:
    with pytest.raises(StructureError, match="single atom"):
        displaced(Cluster(np.zeros((1, 3)), np.array([26])), 0.1, np.random.default_rng(0))


def test_displacements_are_uniform_within_their_share(prototypes: list[Prototype]) -> None:
    bcc = supercells(prototypes[0])[2].sample
    assert isinstance(bcc, Crystal)
    reach = 0.04 * neighbour_distance(bcc)
    moved = displaced(bcc, 0.04, np.random.default_rng(1))
    assert isinstance(moved, Crystal)
    shift = (moved.frac_coords - bcc.frac_coords) @ bcc.lattice
    assert abs(shift).max() < reach
    assert abs(shift).max() > 0.98 * reach
    assert shift.std() == pytest.approx(reach / np.sqrt(3), rel=0.05)
    assert abs(shift.mean(axis=0)).max() < 0.15 * reach
    piece = Cluster(bcc.frac_coords @ bcc.lattice, bcc.numbers)
    same = displaced(piece, 0.04, np.random.default_rng(1))
    assert isinstance(same, Cluster)
    assert same.positions - piece.positions == pytest.approx(shift, abs=1e-9)


@pytest.mark.parametrize("periodic", [True, False])
def test_vacancies_take_whole_atoms_and_move_nothing(prototypes: list[Prototype], periodic: bool) -> None:
    halide = prototypes[3]
    full = (supercells(halide) if periodic else finite_samples(halide))[0].sample
    left = with_vacancies(full, 0.3, np.random.default_rng(2))
    assert len(left) == 135 - int(0.3 * 135)

    def places(sample: Crystal | Cluster) -> set[tuple[float, ...]]:
        where = sample.frac_coords if isinstance(sample, Crystal) else sample.positions
        return {(*row, z) for row, z in zip(where.round(6).tolist(), sample.numbers.tolist(), strict=True)}

    assert places(left) < places(full)
    assert len(with_vacancies(full, 0.005, np.random.default_rng(2))) == 135


def test_damage_repeats_and_depends_on_nothing_else(prototypes: list[Prototype]) -> None:
    level = BOTH[-1]
    every = list(defective_samples(prototypes, level, repeats=2))
    assert len(every) == 2 * len(hosts(prototypes))
    host = hosts(prototypes)[-1]
    again = damaged(host, level, repeat=1)
    assert _where(again) == pytest.approx(_where(every[-1]))
    assert _differ(again, damaged(host, level, repeat=0))
    assert _differ(again, damaged(host, level, repeat=1, seed=1))
    assert damaged(host, PRISTINE).sample is host.sample


def _where(variant: Variant) -> np.ndarray:
    return variant.sample.frac_coords if isinstance(variant.sample, Crystal) else variant.sample.positions


def _differ(one: Variant, other: Variant) -> bool:
    return _where(one).shape != _where(other).shape or bool(abs(_where(one) - _where(other)).max() > 1e-3)


def test_the_levels_are_the_papers() -> None:
    assert len(LEVELS) == len(set(LEVELS)) == 21 == len(PAPER)
    assert [level.code for level in (PRISTINE, DISPLACED[0], MISSING[-1], BOTH[4])] == ["0/0", "0/0.1", "30/0", "20/4"]
    assert str(BOTH[0]) == "missing 1%, displaced 0.1%"
    assert (PAPER[Level(0.1)], PAPER[Level(missing=0.3)], PAPER[Level(0.1, 0.3)]) == (94.56, 99.76, 92.50)


def test_samples_of_a_level(prototypes: list[Prototype]) -> None:
    assert len(list(samples(prototypes, PRISTINE, 5))) == size(prototypes, PRISTINE, 5) == 13
    assert len(list(samples(prototypes, MISSING[0], 2))) == size(prototypes, MISSING[0], 2) == 38


def test_answers_are_counted() -> None:
    score = tally(
        MISSING[3],
        [
            Answer("bcc", periodic=True, label="bcc", information=0.1),
            Answer("bcc", periodic=False, label="fcc", information=0.5),
            Answer("bcc", periodic=False, label="fcc"),
            Answer("hcp", periodic=False, label=None),
            Answer("hcp", periodic=True, label="hcp", information=0.3),
            Answer("fcc", periodic=True, label="fcc", information=0.2),
        ],
    )
    assert (score.rows, score.right, score.periodic_rows, score.periodic_right) == (6, 3, 3, 3)
    assert score.accuracy == 0.5
    assert (score.information_right, score.information_wrong) == (pytest.approx(0.2), 0.5)
    assert score.worst == [("bcc", pytest.approx(1 / 3)), ("hcp", 0.5)]
    assert score.mistakes == [("bcc", "fcc", 2), ("hcp", "", 1)]
    assert Score.from_dict(json.loads(json.dumps(score.as_dict()))) == score


class _AlwaysBcc(ZooModel[Sample, PrototypeReport]):
    """Calls everything bcc and refuses carbon."""

    family = "test"

    def take(self, structure: Sample) -> Sample:
        return structure

    @classmethod
    def from_weights(cls, card: object, tensors: object, device: object) -> _AlwaysBcc:
        raise NotImplementedError

    def prepare(self, crystal: Sample) -> Sample:
        if (crystal.numbers == 6).any():
            raise StructureError("carbon")
        return crystal

    def cost(self, prepared: Sample) -> int:
        return len(prepared)

    def predict(self, batch: Sequence[Sample]) -> list[PrototypeReport]:
        return [PrototypeReport("", "bcc", "bcc", 1.0, {}, 0.25, None, None, (), "test") for _ in batch]

    def failure(self, error: str, source: str | None) -> PrototypeReport:
        return PrototypeReport.failed(error, source, "test")


def test_a_model_is_measured_on_every_structure_of_a_level(prototypes: list[Prototype]) -> None:
    score = measure(_AlwaysBcc(None, torch.device("cpu")), prototypes, BOTH[2], repeats=2)  # type: ignore[arg-type]
    assert (score.rows, score.right, score.periodic_rows, score.periodic_right) == (38, 12, 18, 6)
    assert score.class_rows == {"bcc": 12, "layer": 12, "tube": 2, "halide": 12}
    assert set(score.mistakes) == {("layer", "bcc", 12), ("halide", "bcc", 12), ("tube", "", 2)}
    assert (score.information_right, score.information_wrong) == (0.25, 0.25)


def test_descriptors_keep_the_order_of_the_structures(prototypes: list[Prototype]) -> None:
    some = pristine_samples(prototypes)[:3]
    together = descriptors(some)
    assert together.shape == (3, SIZE)
    assert torch.equal(together.isfinite(), torch.ones(3, SIZE, dtype=torch.bool))
    alone = torch.cat([descriptors([variant]) for variant in some])
    assert torch.allclose(together, alone, atol=1e-6)
    assert not torch.allclose(together[0], together[2], atol=1e-3)


def test_finished_levels_survive_a_torn_line_and_other_studies_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "scores.jsonl"
    assert finished(path, {"seed": 0}) == {}
    first, second = (tally(level, [Answer("bcc", periodic=True, label="bcc")]) for level in MISSING[:2])
    keep(path, {"seed": 0}, first)
    keep(path, {"seed": 1}, second)
    with path.open("ab") as handle:
        handle.write(path.read_bytes()[:40])
    keep(path, {"seed": 0}, second)
    assert finished(path, {"seed": 0}) == {MISSING[0]: first, MISSING[1]: second}
    assert finished(path, {"seed": 1}) == {MISSING[1]: second}


def test_a_supercell_repeats_the_cell() -> None:
    cell = as_crystal(bulk("NaCl", "rocksalt", a=5.6))
    large = repeated(cell, (2, 3, 1))
    assert (len(large), large.volume) == (12, pytest.approx(6 * cell.volume))
    assert len(large.primitive[0]) == 2
