"""From frames to a potential: reading, splitting, least squares, training, card and the ways to use it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.md.verlet import VelocityVerlet
from ase.neighborlist import neighbor_list
from ase.optimize import BFGS

import magnetite
from magnetite.cli import main
from magnetite.errors import DataError, StructureError, ZooError
from magnetite.potential.exchange import exchange_of
from magnetite.potential.frames import read_frames
from magnetite.potential.splits import split_frames
from magnetite.potential.train import EMPTY, prepare_split
from magnetite_ase import SpinPotential

RANGE, FIRST, SPRING, LENGTH = 3.2, 0.03, 4.0, 2.5
"""Å, eV (J of the nearest pair in unit vectors), eV/Å² and the natural length in Å of a toy iron."""


def toy(atoms: Atoms, moments: np.ndarray) -> dict[str, object]:
    """Springs and Heisenberg exchange between near neighbours, with exact derivatives; |m| = 2 costs nothing."""
    i, j, d, vectors = neighbor_list("ijdD", atoms, RANGE)
    fade = (1 - (d / RANGE) ** 2) ** 3
    slope = -6 * d / RANGE**2 * (1 - (d / RANGE) ** 2) ** 2
    overlap = (moments[i] * moments[j]).sum(1) / 4
    pair = SPRING / 2 * (d - LENGTH) ** 2 - FIRST * overlap
    along = SPRING * (d - LENGTH) * fade + pair * slope
    forces = np.zeros((len(atoms), 3))
    np.add.at(forces, i, (along / d)[:, None] * vectors)
    stress = np.einsum("e,ea,eb->ab", along / d, vectors, vectors) / 2 / atoms.get_volume()
    field = np.zeros((len(atoms), 3))
    np.add.at(field, i, (FIRST / 4 * fade)[:, None] * moments[j])
    x = (moments**2).sum(1, keepdims=True) / 4
    magnetic = field - 0.1 * (x - 1) * moments
    energy = (pair * fade).sum() / 2 + 0.1 * ((x - 1) ** 2).sum() - 3.0 * len(atoms)
    return {"energy": energy, "forces": forces, "stress": stress, "magnetic": magnetic}


def frames(number: int) -> list[Atoms]:
    rng = np.random.default_rng(0)
    found = []
    for count in range(number):
        atoms = bulk("Fe", "bcc", a=2.87 * rng.uniform(0.98, 1.02), cubic=True)
        if count % 2:  # in a single cell the second shell is the atom itself, and its exchange part of the moment's own
            atoms = atoms.repeat((2, 1, 1))
        atoms.rattle(0.05, seed=count)
        moments = rng.normal(size=(len(atoms), 3))
        moments *= rng.uniform(1.6, 2.4, size=(len(atoms), 1)) / np.linalg.norm(moments, axis=1, keepdims=True)
        said = toy(atoms, moments)
        atoms.set_array("magnetic_forces", said["magnetic"])
        atoms.calc = SinglePointCalculator(
            atoms, energy=said["energy"], forces=said["forces"], stress=said["stress"], magmoms=moments
        )
        found.append(atoms)
    return found


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A potential that the command trained on toy iron; the path of its card."""
    folder = tmp_path_factory.mktemp("potential")
    write(folder / "toy.extxyz", frames(40), format="extxyz")
    arguments = ["train", "potential", "--data", str(folder / "toy.extxyz"), "--run", str(folder / "run")]
    arguments += ["--epochs", "3", "--learning-rate", "0.0005", "--cutoff", "3.6"]
    assert main([*arguments, "--members", "2", "--name", "toy"]) == 0
    for metrics in ("metrics.jsonl", "member-2/metrics.jsonl"):
        assert len((folder / "run" / metrics).read_text().splitlines()) == 3
    return folder / "run" / "model" / "toy.json"


def bare(a: float = 2.87) -> Atoms:
    """Iron without the moments that ASE gives it."""
    atoms = bulk("Fe", "bcc", a=a, cubic=True)
    atoms.set_initial_magnetic_moments(None)
    return atoms


def iron(moments: object = (2.0, 2.0), a: float = 2.87) -> Atoms:
    atoms = bare(a)
    atoms.set_initial_magnetic_moments(np.array(moments))
    return atoms


def test_the_card_says_what_was_measured(trained: Path) -> None:
    card = json.loads(trained.read_text())
    figures = {entry["name"]: entry["value"] for entry in card["metrics"]}
    assert set(figures) == {"RMSE energy", "RMSE forces", "RMSE stress", "RMSE magnetic"}
    assert figures["RMSE energy"] < 5  # meV/atom; the energies spread over some 50
    assert figures["RMSE magnetic"] < 5  # meV/μB
    low, high = card["settings"]["moment_ranges"]["Fe"]
    assert 1.5 < low < high < 2.5


def test_exchange_is_what_the_toy_was_made_of(trained: Path) -> None:
    atoms = iron()
    found = exchange_of(magnetite.load(str(trained), "cpu"), atoms, reach=3.1)
    (near, count, value, spread), (far, far_count, far_value, _) = found.shells()
    assert (count, far_count) == (8, 6)  # 2 atoms, each pair once
    assert near == pytest.approx(2.87 * 3**0.5 / 2, abs=1e-6)
    assert far == pytest.approx(2.87)
    for distance, j in ((near, value), (far, far_value)):
        assert j == pytest.approx(1e3 * FIRST * (1 - (distance / RANGE) ** 2) ** 3, abs=0.1)
    assert spread < 1e-3
    np.testing.assert_allclose(found.moments, 2)


def test_the_calculator_drives_relaxation_of_all_three(trained: Path) -> None:
    atoms = iron(((0, 0, 2.2), (0, 0.6, 1.9)), a=2.85)
    atoms.rattle(0.02, seed=1)
    atoms.calc = SpinPotential(str(trained), moments="relaxed", tolerance=1e-4)
    before = atoms.get_potential_energy()
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.02, steps=60)
    assert atoms.get_potential_energy() < before
    moments = atoms.get_magnetic_moments()
    assert moments.shape == (2, 3)
    assert np.cross(*moments) == pytest.approx(0, abs=0.05)  # parallel: the toy's exchange is positive
    assert abs(atoms.calc.get_magnetic_forces(atoms)).max() < 1e-3
    assert abs(atoms.calc.report.stress).max() < 1e-3


def test_the_calculator_conserves_energy_and_answers_in_shape(trained: Path) -> None:
    atoms = iron() * (2, 1, 1)
    atoms.calc = SpinPotential(str(trained))
    assert atoms.get_magnetic_moments() == pytest.approx([2.0] * 4)
    assert atoms.get_magnetic_moment() == pytest.approx(8)
    assert atoms.get_stress().shape == (6,)
    atoms.rattle(0.05, seed=2)
    first = atoms.get_total_energy()
    VelocityVerlet(atoms, timestep=1.0 * units.fs, logfile=None).run(20)
    assert atoms.get_kinetic_energy() > 1e-3
    assert atoms.get_total_energy() == pytest.approx(first, abs=1e-4)


def test_what_the_potential_does_not_know_is_said(trained: Path) -> None:
    silent = bare()
    silent.calc = SpinPotential(str(trained))
    with pytest.raises(StructureError, match="no moments"):
        silent.get_potential_energy()
    nickel = bulk("Ni")
    nickel.set_initial_magnetic_moments(None)
    nickel.set_initial_magnetic_moments([0.6])
    nickel.calc = SpinPotential(str(trained))
    with pytest.raises(StructureError, match="does not know Ni"):
        nickel.get_potential_energy()
    large = iron((4.0, 4.0))
    large.calc = SpinPotential(str(trained))
    with pytest.warns(UserWarning, match="leaves the trained range"):
        large.get_potential_energy()
    with pytest.raises(ZooError, match="not a potential"):
        _ = SpinPotential("magnetism").potential


def test_it_says_how_far_its_networks_part(trained: Path) -> None:
    near = iron()
    near.calc = SpinPotential(str(trained))
    near.get_potential_energy()
    report = near.calc.report
    usual = json.loads(trained.read_text())["settings"]["usual_spread"]["energy"]
    assert 0 < report.energy_spread < 2 * usual
    assert report.force_spread.shape == (2,)
    assert not report.warnings
    again = type(report).from_dict(report.as_dict())
    assert (again.energy_spread, list(again.force_spread)) == (report.energy_spread, list(report.force_spread))
    far = magnetite.load(str(trained), "cpu")
    (said,) = far.predict([far.prepare(far.take(iron(a=1.7)))])
    assert said.energy_spread > 2 * usual
    assert "energies of its networks differ by" in said.warnings[-1]


def test_the_command_relaxes_and_writes(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "fe.extxyz", tmp_path / "out.extxyz"
    write(source, bare())
    command = ["spin-relax", str(source), "--model", str(trained), "--moment", "1.9", "--out", str(out)]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "largest −dE/dm" in said
    assert "between networks" in said
    written = read(out)
    assert abs(written.get_initial_magnetic_moments()).max() == pytest.approx(2.2, abs=0.3)
    assert main(["spin-relax", str(source), "--model", str(trained)]) == 2  # no moments


def test_interrupted_relaxation_is_kept(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "fe.extxyz", tmp_path / "out.extxyz"
    start = bare()
    start.positions[0, 0] += 0.1
    write(source, start)
    steps = itertools.count(1)

    def twice(optimizer: BFGS) -> None:
        if next(steps) == 2:
            raise KeyboardInterrupt
        step(optimizer)

    step = BFGS.step
    monkeypatch.setattr(BFGS, "step", twice)
    command = ["spin-relax", str(source), "--model", str(trained), "--moment", "1.9", "--positions", "--out", str(out)]
    assert main(command) == 130
    assert "stopped before it was relaxed" in capsys.readouterr().out
    assert abs(read(out).positions - start.positions).max() > 1e-3
    assert main([*command, "--steps", "1"]) == 0
    assert "not relaxed after 1 steps" in capsys.readouterr().out


def test_training_goes_on_where_it_stopped(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = trained.parent.parent
    data = run.parent / "toy.extxyz"
    before = trained.with_suffix(".safetensors").read_bytes()
    arguments = ["--run", str(run), "--epochs", "3", "--learning-rate", "0.0005", "--cutoff", "3.6", "--name", "toy"]
    assert main(["train", "potential", "--data", str(data), *arguments, "--members", "2"]) == 0
    assert "epoch" not in capsys.readouterr().out
    assert trained.with_suffix(".safetensors").read_bytes() == before
    write(data.with_name("others.extxyz"), frames(39), format="extxyz")
    assert main(["train", "potential", "--data", str(data.with_name("others.extxyz")), *arguments]) == 2
    assert "other data" in capsys.readouterr().err


def test_frames_without_labels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.extxyz"
    write(path, bare(), format="extxyz")
    with pytest.raises(DataError, match="no energy"):
        read_frames(path, 4.0)
    atoms = bulk("Fe")
    atoms.set_initial_magnetic_moments(None)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, magmoms=np.zeros((1, 3)))
    write(path, atoms, format="extxyz")
    with pytest.raises(DataError, match="no moment"):
        prepare_split(path)


def test_near_duplicates_stay_together(tmp_path: Path) -> None:
    path = tmp_path / "twins.extxyz"
    originals = frames(20)
    twins = []
    for atoms in originals:
        twin = atoms.copy()
        twin.positions += 1e-4 * np.random.default_rng(1).normal(size=(len(atoms), 3))
        twin.calc = SinglePointCalculator(twin, **{k: atoms.calc.results[k] for k in ("energy", "forces", "magmoms")})
        twins.append(twin)
    write(path, [*originals, *twins], format="extxyz")
    found = read_frames(path, EMPTY.cutoff)
    split = split_frames(found, test=0.3)
    assert split.test
    side = {frame.source: name for name in ("train", "validation", "test") for frame in getattr(split, name)}
    assert len(side) == 40
    for number in range(20):
        assert side[f"{path}, frame {number}"] == side[f"{path}, frame {number + 20}"]


def test_it_trains_goes_on_and_answers_on_either_device(tmp_path: Path, device: str) -> None:
    write(tmp_path / "toy.extxyz", frames(40), format="extxyz")
    arguments = ["train", "potential", "--data", str(tmp_path / "toy.extxyz"), "--run", str(tmp_path / "run")]
    assert main([*arguments, "--cutoff", "3.6", "--epochs", "1", "--name", "toy", "--device", device]) == 0
    card = str(tmp_path / "run" / "model" / "toy.json")
    found = exchange_of(magnetite.load(card, device), iron(), reach=3.1)
    expected = exchange_of(magnetite.load(card, "cpu"), iron(), reach=3.1)
    np.testing.assert_allclose(found.couplings, expected.couplings, atol=1e-9)
    atoms = iron(((0, 0, 2.2), (0, 0.6, 1.9)))
    atoms.calc = SpinPotential(card, moments="relaxed", tolerance=1e-4, device=device)
    atoms.get_potential_energy()
    assert abs(atoms.calc.get_magnetic_forces(atoms)).max() < 1e-3
