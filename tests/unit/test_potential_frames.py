"""Which frames are held out, which an epoch draws, and what self-consistent moments say besides dE/dm = 0."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from pymatgen.core import Lattice, Structure
from pymatgen.electronic_structure.core import Magmom

from magnetite.errors import DataError, StructureError
from magnetite.potential import export, splits
from magnetite.potential.committee import Committee
from magnetite.potential.export import export_potential
from magnetite.potential.frames import Frame, groups_of, read_frames, without_moments_of
from magnetite.potential.network import PotentialConfig, PotentialNetwork
from magnetite.potential.splits import Split, split_frames
from magnetite.potential.start import units_of
from magnetite.potential.taking import as_spin_crystal
from magnetite.potential.tasks import PotentialTask, assemble, measure

CUTOFF = 3.5


def image(group: str, a: float, seed: int, sign: float = 1.0) -> Atoms:
    """Two iron atoms with labels that mean nothing."""
    atoms = bulk("Fe", "bcc", a=a, cubic=True)
    atoms.rattle(0.05, seed=seed)
    atoms.set_initial_magnetic_moments(None)
    atoms.info["group"] = group
    atoms.calc = SinglePointCalculator(
        atoms, energy=-16.0, forces=np.zeros((2, 3)), magmoms=np.array([2.0, 2.0 * sign])
    )
    return atoms


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Many crystals of all volumes and few antiferromagnets of one."""
    rng = np.random.default_rng(0)
    wide = [image("wide", rng.uniform(2.4, 3.2), n) for n in range(60)]
    narrow = [image("narrow", 2.8, 100 + n, sign=-1.0) for n in range(15)]
    found = tmp_path / "frames.extxyz"
    write(found, wide + narrow, format="extxyz")
    return found


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_packed_files_are_read_as_plain_ones(path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    packed = path.with_suffix(f".extxyz.{ending}")
    packed.write_bytes(pack(path.read_bytes()))
    plain, unpacked = read_frames(path, CUTOFF), read_frames(packed, CUTOFF)
    assert len(plain) == len(unpacked) == 75
    for one, other in zip(plain, unpacked, strict=True):
        np.testing.assert_array_equal(one.around.vectors, other.around.vectors)
        np.testing.assert_array_equal(one.around.moments, other.around.moments)
        assert one.group == other.group
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(DataError, match=f"{packed.name}: cannot be read"):
        read_frames(packed, CUTOFF)


def test_open_sides_of_frames_are_open(tmp_path: Path) -> None:
    layer = image("layer", 2.83, 0)
    layer.pbc = [True, True, False]
    layer.calc.results["stress"] = np.array([0.01, 0, 0, 0, 0, 0])
    write(tmp_path / "layer.extxyz", layer, format="extxyz")
    (frame,) = read_frames(tmp_path / "layer.extxyz", CUTOFF)
    assert abs(frame.around.vectors[:, 2]).max() < 2  # from one layer to the other, and never across
    assert frame.around.volume == pytest.approx(2.83**3)  # what the file's stress is per
    assert frame.stress is not None


def test_clusters_and_lone_atoms_train_but_have_no_stress(tmp_path: Path) -> None:
    crystal, cluster, lone = image("a", 2.83, 0), image("b", 2.83, 1), image("c", 2.83, 2)[:1]
    cluster.pbc = False
    lone.set_cell([20.0] * 3)
    lone.calc = SinglePointCalculator(lone, energy=-3.0, forces=np.zeros((1, 3)), magmoms=np.array([4.0]))
    for atoms in (crystal, cluster, lone):
        atoms.calc.results["stress"] = np.zeros(6)
    write(tmp_path / "frames.extxyz", [crystal, cluster, lone], format="extxyz")
    frames = read_frames(tmp_path / "frames.extxyz", CUTOFF)
    assert [len(frame.around.receivers) > 0 for frame in frames] == [True, True, False]
    assert len(frames[1].around.receivers) == 2  # each sees the other, and no copy of it
    assert [frame.stress is None for frame in frames] == [False, True, False]
    assert export.sizes(frames) == {"volume_range": pytest.approx([2.83**3 / 2] * 2), "clusters": 1}
    assert export.sizes(frames[1:]) == {"clusters": 1}


def test_frames_that_cannot_be_used_are_left_out_and_counted(path: Path) -> None:
    text = path.read_text()
    broken = path.with_name("broken.extxyz")
    broken.write_text(text.replace("energy=-16.0", "energy=nan", 1).replace("magmoms:R:1", "magmom:R:1", 2))
    with pytest.warns(UserWarning, match=r"^2 of 75 frames are left out; the first: .*broken\.extxyz, frame 0: energy"):
        frames = read_frames(broken, CUTOFF)
    assert [frame.source.rpartition(" ")[2] for frame in frames] == [str(number) for number in range(2, 75)]


def test_only_groups_that_are_there_are_left_out(path: Path) -> None:
    assert {frame.group for frame in read_frames(path, CUTOFF, without=["narrow"])} == {"wide"}
    with pytest.raises(DataError, match=r"no group Narrow that could be left out; there are: narrow, wide"):
        read_frames(path, CUTOFF, without=["wide", "Narrow"])
    with pytest.raises(DataError, match="holds no frames of other groups"):
        read_frames(path, CUTOFF, without=["wide", "narrow"])


def test_each_group_is_held_out_and_trained(path: Path) -> None:
    split = split_frames(read_frames(path, CUTOFF), test=0.3)
    train, test = groups_of(split.train), groups_of(split.test)
    assert train.keys() == test.keys() == {"wide", "narrow"}
    for name, total in (("wide", 60), ("narrow", 15)):
        assert 0 < len(test[name]) <= np.ceil(0.3 * total)


def test_frames_are_not_counted_anew_for_each_cluster(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tens of thousands of frames would take minutes."""
    frames = read_frames(path, CUTOFF)
    looked: list[Frame] = []
    kind = splits._kind
    monkeypatch.setattr(splits, "_kind", lambda frame: (looked.append(frame), kind(frame))[1])
    split = split_frames(frames, test=0.3, validation=0.1)
    assert len(looked) == len(frames)
    assert len(split.train) + len(split.validation) + len(split.test) == len(frames)


def test_errors_are_measured_on_what_tests_if_anything_does(path: Path) -> None:
    one, two, three = read_frames(path, CUTOFF)[:3]
    assert Split([one], [two], [three]).held_out == [three]
    assert Split([one], [two], []).held_out == [two]
    assert Split([one], [], []).held_out == []


def test_more_frames_than_are_clustered_at_once_are_parted_by_volume(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splits, "_LARGEST", 20)
    frames = groups_of(read_frames(path, CUTOFF))["wide"]
    labels = splits._clusters(frames)
    assert len(set(labels)) == len(frames) // splits.FRAMES_PER_CLUSTER
    parts = np.argsort(np.argsort([frame.around.volume for frame in frames])) // 20
    assert len({*zip(labels, parts, strict=True)}) == len(set(labels)), "no cluster is of two parts"


def test_small_groups_are_drawn_more_often(path: Path) -> None:
    task = task_of(read_frames(path, CUTOFF))
    chance = {frame.group: share for frame, share in zip(task.train, task.chances, strict=True)}
    assert chance["narrow"] / chance["wide"] == pytest.approx(2)  # the root of 60 / 15
    drawn = groups_of([frame for epoch in range(3) for batch in task.batches(epoch) for frame in batch])
    assert len(drawn["narrow"]) == 3 * 15


def task_of(frames: list[Frame]) -> PotentialTask:
    return PotentialTask(frames, [], units_of(frames), torch.device("cpu"))


@pytest.mark.parametrize("self_consistent", [True, False])
def test_self_consistent_moments_are_asked_to_be_minima(path: Path, self_consistent: bool) -> None:
    frames = read_frames(path, CUTOFF, self_consistent=self_consistent)[:4]
    task = task_of(frames)
    losses = []
    for slope in (50.0, -50.0):  # eV per unit of |m|²: it only counts whether lengths have a minimum
        torch.manual_seed(1)  # draws which lengths are changed
        model = PotentialNetwork(PotentialConfig((26,), (3.0,), (0.4444,), (0.2,), cutoff=CUTOFF))
        with torch.no_grad():
            model.explicit.linear[0, 1] = slope  # about the moments of all frames, a parabola up or down
            crystals = assemble(frames, model, torch.device("cpu"))
            model.references[0] = -8.0 - float(model(crystals).mean())
        losses.append(float(task.loss(model, frames).detach()))
    up, down = losses
    assert (down > up + 1) == self_consistent


def test_magnetic_forces_that_are_known_are_not_taken_for_zero(tmp_path: Path) -> None:
    driven, free = image("a", 2.83, 0), image("a", 2.83, 1)
    driven.arrays["magnetic_forces"] = np.full((2, 3), 0.5)
    write(tmp_path / "frames.extxyz", [driven, free], format="extxyz")
    frames = read_frames(tmp_path / "frames.extxyz", CUTOFF, self_consistent=True)
    assert [float(frame.magnetic.max()) for frame in frames if frame.magnetic is not None] == [0.5, 0]
    (mute, _), (same, _) = (without_moments_of(frames, numbers) for numbers in ({26}, {8}))
    assert not np.any([mute.around.moments, mute.magnetic])
    assert np.array_equal([same.around.moments, same.magnetic], [frames[0].around.moments, frames[0].magnetic])


def test_an_at_sign_in_a_name_chooses_no_frame(path: Path) -> None:
    assert len(read_frames(path.rename(path.with_name("frames@2.extxyz")), CUTOFF)) == 75


def test_frames_whose_energy_is_no_number_are_left_out(path: Path) -> None:
    for wrong in ("none", '"1 2"'):
        broken = path.with_name("broken.extxyz")
        broken.write_text(path.read_text().replace("energy=-16.0", f"energy={wrong}", 1))
        with pytest.warns(UserWarning, match="frame 0: energy must be one number"):
            assert len(read_frames(broken, CUTOFF)) == 74


def test_moments_may_be_mixed_and_have_an_axis_of_their_own() -> None:
    iron = Structure(Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    for moments in ([Magmom(2.0, saxis=[1, 0, 0]), -1.0], [[2.0, 0, 0], Magmom(-1.0)]):
        iron.add_site_property("magmom", moments)
        np.testing.assert_allclose(as_spin_crystal(iron).moments, [[2, 0, 0], [0, 0, -1]], atol=1e-12)
    for wrong in (["up", "down"], [1.0], [[1.0, 2.0]] * 2, 3.0, [np.nan, 1.0]):
        with pytest.raises(StructureError, match="moments"):
            as_spin_crystal(iron, wrong)
    again = as_spin_crystal(as_spin_crystal(iron), [1.0, 1.0])
    np.testing.assert_array_equal(again.moments, [[0, 0, 1], [0, 0, 1]])


def test_figures_count_the_frames_that_know_them(path: Path) -> None:
    frames = [replace(frame, magnetic=np.ones((2, 3))) for frame in read_frames(path, CUTOFF)[:4]]
    oxygen = replace(frames[0], around=replace(frames[0].around, numbers=np.array([8, 8])))
    config = PotentialConfig((8, 26), (0.0, 2.0), (0.0, 0.5), (0.02, 0.4), cutoff=CUTOFF, radial=2, channels=4)
    network, cpu = Committee([PotentialNetwork(config)]), torch.device("cpu")
    assert "magnetic" not in measure(network, [oxygen], cpu)  # none carries a moment: no mean of nothing
    split = Split(frames, [], [*frames, replace(frames[0], magnetic=None)])
    with torch.no_grad():
        card = export_potential(network, split, path.parent, cpu, name="x", data="toy")
    rows = {entry["name"]: entry["rows"] for entry in json.loads(card.read_text())["metrics"]}
    assert (rows["RMSE energy"], rows["RMSE magnetic"]) == (5, 4)


def test_a_potential_that_cannot_be_measured_leaves_the_one_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.parent / "x.safetensors"
    before.write_bytes(b"weights")
    config = PotentialConfig((26,), (2.0,), (0.5,), (0.4,), cutoff=CUTOFF, radial=2, channels=4)
    monkeypatch.setattr(export, "measure", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_potential(
            Committee([PotentialNetwork(config)]), Split(read_frames(path, CUTOFF), [], []), path.parent,
            torch.device("cpu"), name="x", data="toy",
        )  # fmt: skip
    assert before.read_bytes() == b"weights"
