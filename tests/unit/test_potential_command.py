"""`magnetite train potential` on few or bad frames: the card says what was measured, and nonsense is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from magnetite.cli import main
from magnetite.potential import train as training
from magnetite.potential.export import PROTOCOL, TRAINED_PROTOCOL
from magnetite.potential.frames import read_frames


def frame(seed: int, **labels: object) -> Atoms:
    """Two shaken iron atoms whose energy is that of springs to their places."""
    atoms = bulk("Fe", "bcc", a=2.83, cubic=True)
    ideal = atoms.positions.copy()
    atoms.rattle(0.1, seed=seed)
    away = atoms.positions - ideal
    atoms.set_initial_magnetic_moments(None)
    said = {"energy": (away**2).sum() - 16, "forces": -2 * away, "magmoms": np.array([2.0, 2.0 + 0.1 * away[0, 0]])}
    atoms.calc = SinglePointCalculator(atoms, **(said | labels))
    return atoms


def written(folder: Path, number: int) -> Path:
    write(folder / "frames.extxyz", [frame(n) for n in range(number)], format="extxyz")
    return folder / "frames.extxyz"


def train(path: Path, *more: str) -> int:
    command = ["train", "potential", "--data", str(path), "--run", str(path.parent / "run"), "--cutoff", "3.2"]
    return main([*command, "--epochs", "1", *more])


@pytest.mark.parametrize(("number", "protocol"), [(8, TRAINED_PROTOCOL), (30, PROTOCOL)])
def test_the_card_does_not_call_frames_held_out_that_trained(
    number: int, protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(written(tmp_path, number), "--members", "2") == 0
    card = json.loads((tmp_path / "run" / "model" / "own-potential.json").read_text())
    few = protocol == TRAINED_PROTOCOL
    assert card["metrics"][0]["protocol"] == protocol
    assert (card["metrics"][0]["rows"] == number) == few
    assert any("Nothing was held out" in limit for limit in card["limits"]) == few
    assert any("part more than the card says" in limit for limit in card["limits"])  # neither has frames to watch
    assert ("too few to hold some out" in capsys.readouterr().out) == few


def test_options_reach_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, Any] = {}

    def split(*given: Any, **options: Any) -> tuple[None, None]:
        said.update(options, config=given[1])
        return None, None

    monkeypatch.setattr(training, "prepare_split", split)
    monkeypatch.setattr(training, "train_potential", lambda *_, **options: said.update(options))
    monkeypatch.setattr("magnetite.potential.export.export_potential", lambda *_, **options: said.update(options))
    options = "--spin-orbit --self-consistent --without a --without b --members 3 --free-magnetic-scale"
    assert train(tmp_path / "x.extxyz", *options.split(), "--seed", "5", "--learning-rate", "0.5") == 0
    assert said == {
        "config": replace(training.EMPTY, cutoff=3.2, spin_orbit=True),
        "schedule": replace(training.SCHEDULE, epochs=1, seed=5, learning_rate=0.5),
        "self_consistent": True, "without": ("a", "b"), "members": 3, "free_magnetic_scale": True,
        "name": "own-potential", "data": "x.extxyz",
    }  # fmt: skip


def test_the_model_has_the_name_that_was_given(tmp_path: Path) -> None:
    assert train(written(tmp_path, 8), "--name", "own-prototypes") == 0
    assert (tmp_path / "run" / "model" / "own-prototypes.json").is_file()


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--learning-rate", "nan", "learning rate is a positive number"),
        ("--learning-rate", "0", "learning rate is a positive number"),
        ("--weight-decay", "inf", "weight decay"),
        ("--cutoff", "nan", "cutoff lies between 0 and 15"),
        ("--cutoff", "20", "cutoff lies between 0 and 15"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_frames_are_read(
    option: str, value: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(tmp_path / "none.extxyz", option, value) == 2
    assert says in capsys.readouterr().err


def test_a_diverging_run_writes_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(written(tmp_path, 8), "--learning-rate", "1e9", "--epochs", "3") == 2
    assert "learn" in capsys.readouterr().err
    assert not (tmp_path / "run" / "model").exists()


def test_a_magnetic_scale_needs_magnetic_forces_and_its_own_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, 8)
    for more in ((), ("--self-consistent",)):
        assert train(path, "--free-magnetic-scale", *more) == 2
        assert "no frame has magnetic forces other than zero" in capsys.readouterr().err
    images = read(path, ":")
    for image in images:
        image.set_array("magnetic_forces", np.random.default_rng(0).normal(size=(2, 3)))
    write(path, images, format="extxyz")
    assert train(path) == 0
    assert train(path, "--free-magnetic-scale") == 2
    assert "a run with other settings" in capsys.readouterr().err


def test_moments_that_are_only_a_guess_are_said_once(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    images = read(path, ":")
    for image in images[:2]:
        image.set_initial_magnetic_moments(image.calc.results.pop("magmoms"))
    write(path, images, format="extxyz")
    with pytest.warns(UserWarning, match=r"frames\.extxyz: 2 of 3 frames have no magmoms") as said:
        assert len(read_frames(path, 3.2)) == 3
    assert [each.category for each in said].count(UserWarning) == 1
