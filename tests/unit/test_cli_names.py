"""File names that are no text: rows and lines like all others, at every door."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from magnetite.cli import formatting, main

if TYPE_CHECKING:
    from pathlib import Path

    from pymatgen.core import Structure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for files of any name."""
    folder = tmp_path / "files"
    folder.mkdir()
    try:
        (folder / os.fsdecode(b"\xff")).touch()
    except OSError:
        pytest.skip("file names are text here")
    return folder


def odd(folder: Path, name: bytes) -> Path:
    return folder / os.fsdecode(name)


def test_screening_a_folder(nio: Structure, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nio.to(str(folder / "a.cif"))
    (folder / "b.cif").symlink_to(folder / "nowhere.cif")
    (folder / "c.jsonl").symlink_to(folder / "nowhere.jsonl")
    odd(folder, b"d\xff.cif").write_text(nio.to(fmt="cif"))
    odd(folder, b"e\xff.mcif").write_text(nio.to(fmt="cif"))
    out = tmp_path / "out.parquet"
    assert main(["screen", str(folder), str(odd(folder, b"d\xff.cif")), "--out", str(out)]) == 0
    assert "6 rows, 3 errors" in capsys.readouterr().out
    rows = pq.read_table(out).to_pylist()
    names = ["a.cif", "b.cif", "c.jsonl", r"d\udcff.cif", r"e\udcff.mcif", r"d\udcff.cif"]
    assert [row["source"] for row in rows] == [f"{folder}/{name}" for name in names]
    assert [row["error"] for row in rows[:4]] == [None, "no such file", "no such file", None]
    assert "lists no moments" in rows[4]["error"]


@pytest.mark.parametrize("kind", formatting.WRITERS)
def test_predicting(
    kind: str, rutile: Structure, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = odd(folder, b"\xff.cif"), tmp_path / "out"
    path.write_text(rutile.to(fmt="cif"))
    assert main(["predict", str(path), "--format", kind]) == 0
    assert main(["predict", str(path), "--format", kind, "--output", str(output)]) == 0
    written = output.read_text(encoding="utf-8")
    assert written == capsys.readouterr().out
    assert r"\udcff.cif" in written.replace(r"\\", "\\")
