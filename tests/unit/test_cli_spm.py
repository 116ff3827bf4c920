"""``magnetite spm`` from the shell's side: what it prints, writes and refuses. The maps are tested elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from ase import Atoms

import magnetite
from magnetite.cli import build_parser, main
from magnetite.prototypes import matching
from magnetite.prototypes.boxes import as_specimen
from magnetite.prototypes.classes import StructureClass
from magnetite.prototypes.maps import PatternMap
from magnetite.prototypes.matching import MatchingInterrupted

CLASSES = (StructureClass("fcc", "fcc (Cu)", "A1", 225, 3), StructureClass("bcc", "bcc (W)", "A2", 229, 3))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks for, answered without a model."""
    seen: dict[str, Any] = {}

    def answer(structure: Path, **options: Any) -> PatternMap:
        seen.update(options)
        specimen = as_specimen(structure)
        shares = np.full((2, 1, 1, 2), np.nan, np.float16)
        shares[0, 0, 0] = 0.25, 0.75
        bits = np.array([[[0.5]], [[np.nan]]], np.float32)
        centres = np.zeros((2, 1, 1, 3))
        centres[1, ..., 0] = 3
        counts = np.array([[[60]], [[2]]], np.int32)
        told = {"box": [12.0] * 3, "left_out": {"fewer than 50 atoms": 1}}
        return PatternMap(centres, counts, shares, bits, CLASSES, specimen, told)

    monkeypatch.setattr(matching, "match_patterns", answer)
    return seen


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.xyz"
    ase.io.write(path, Atoms("Fe3", [[0, 0, 0], [2.5, 0, 0], [0, 2.5, 0]]))
    return path


def test_options_arrive(asked: dict[str, Any], sample: Path) -> None:
    arguments = ["--box", "16", "--stride", "1", "1", "16", "--periodic", "xy", "--run", "here", "--passes", "7"]
    assert main(["spm", str(sample), *arguments]) == 0
    assert asked["box"] == 16
    assert asked["stride"] == [1, 1, 16]
    assert asked["periodic"] == (True, True, False)
    assert (asked["run"], asked["passes"], asked["progress"]) == (Path("here"), 7, True)


def test_defaults_are_those_of_python(asked: dict[str, Any], sample: Path) -> None:
    assert main(["spm", str(sample), "--quiet"]) == 0
    assert (asked["box"], asked["stride"], asked["passes"], asked["min_atoms"]) == (12, 2, 100, 50)
    assert (asked["periodic"], asked["run"], asked["progress"]) == (None, None, False)


def test_it_prints_and_writes(
    asked: dict[str, Any], sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    out, atoms, plot = tmp_path / "map.npz", tmp_path / "atoms.extxyz", tmp_path / "map.svg"
    assert main(["spm", str(sample), "--out", str(out), "--atoms", str(atoms), "--plot", str(plot)]) == 0
    printed = capsys.readouterr().out
    assert "bcc (W)" in printed
    assert "fewer than 50 atoms" in printed
    assert magnetite.PatternMap.load(out).winners.reshape(-1).tolist() == [1, -1]
    assert ase.io.read(atoms).arrays["prototype"].tolist() == [1, 1, 1]
    assert plot.read_text().startswith("<?xml")
    assert asked


def test_an_interruption_says_what_is_kept(
    sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise MatchingInterrupted(1234)

    monkeypatch.setattr(matching, "match_patterns", interrupted)
    assert main(["spm", str(sample), "--run", "there"]) == 130
    assert "1,234 boxes are kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--plot", "map.foo"),
        ("--plot", "no/map.png"),
        ("--out", "no/map.npz"),
        ("--atoms", "no/a.xyz"),
        ("--out", "map.nc"),
        ("--atoms", "atoms.cif"),
        ("--out", "/proc/map.npz"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    option: str, value: str, asked: dict[str, Any], sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    for command in ("spm", "classify"):
        if command == "spm" or option == "--plot":
            with pytest.raises(SystemExit):
                main([command, str(sample), option, value])
            assert value in capsys.readouterr().err
    assert not asked


def test_bad_directions_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["spm", "a.xyz", "--periodic", "abc"])
    assert "letters of xyz" in capsys.readouterr().err
    assert build_parser().parse_args(["spm", "a.xyz", "--periodic", "none"]).periodic == (False,) * 3
    missing = tmp_path / "missing.xyz"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("magnetite.prototypes.matching.load_classifier", lambda *_: _Anything())
        assert main(["spm", str(missing)]) == 2
    assert "no such file" in capsys.readouterr().err


class _Anything:
    def with_passes(self, _: int) -> _Anything:
        return self

    def with_one_view(self) -> _Anything:
        return self

    def arrays(self) -> _Anything:
        return self
