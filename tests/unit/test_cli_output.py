"""``--output``: whole files or none, through links, into pipes, never over a folder."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import ase.build
import ase.io
import pyarrow.parquet as pq
import pytest

from magnetite.cli import formatting, main

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator


def test_output_is_whole(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out.json"
    assert main(["predict", *files, "--format", "json", "--output", str(output)]) == 0
    assert capsys.readouterr().out == ""
    assert len(json.loads(output.read_text())) == 3


def test_output_is_left_alone_if_anything_fails(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumble(reports: Iterator[object], stream: io.TextIOBase) -> None:
        stream.write(f"half of {next(reports)}")
        raise RuntimeError("stumbled")

    monkeypatch.setitem(formatting.WRITERS, "csv", stumble)
    output = tmp_path / "out.csv"
    output.write_text("before")
    before = sorted(tmp_path.iterdir())
    assert main(["predict", *files, "--format", "csv", "--output", str(output)]) == 1
    assert "stumbled" in capsys.readouterr().err
    assert output.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == before


def test_output_that_cannot_be_written(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", *files, "--output", str(tmp_path / "no" / "out.csv")]) == 2
    assert "csv: No such file or directory" in capsys.readouterr().err  # not a name that nobody gave


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through(there: bool, files: list[str], tmp_path: Path) -> None:
    real, link = tmp_path / "elsewhere" / "real.csv", tmp_path / "link.csv"
    real.parent.mkdir()
    if there:
        real.write_text("before")
    link.symlink_to("elsewhere/real.csv")
    assert main(["predict", *files, "--format", "csv", "--output", str(link)]) == 0
    assert link.is_symlink()
    assert len(real.read_text().splitlines()) == 4
    assert list(real.parent.iterdir()) == [real]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_pipe_is_written_into(files: list[str], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # so that nobody waits; the answers fit into the pipe
    try:
        assert main(["predict", *files, "--format", "csv", "--output", str(pipe)]) == 0
        assert len(os.read(reader, 60_000).splitlines()) == 4
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", [".", "folder"])
def test_a_folder_is_no_output(
    name: str, files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    assert main(["predict", *files, "--output", name]) == 2
    assert capsys.readouterr().err == f"magnetite: {name}: is a folder\n"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["predict", "classify", "kvectors", "represent"])
def test_no_table_is_written_over_a_structure(
    command: str, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = [Path(file).read_bytes() for file in files]
    first, *others = files
    for arguments in (["--output", first, *others], [first, "--output", first]):  # the first as a shell makes of *.cif
        assert main([command, *arguments]) == 2
        assert f"{first}: is a " in capsys.readouterr().err
    assert [Path(file).read_bytes() for file in files] == before


def test_a_map_is_not_written_over_its_sample(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    sample = Path(files[0]).with_suffix(".extxyz")
    ase.io.write(sample, ase.build.bulk("Cu", cubic=True))
    assert main(["spm", str(sample), "--atoms", str(sample), "--quiet"]) == 2
    assert "is a file to read" in capsys.readouterr().err


# magnetite screen --out


def test_the_table_is_written_through_a_link(files: list[str], tmp_path: Path) -> None:
    real, link = tmp_path / "elsewhere" / "real.parquet", tmp_path / "link.parquet"
    real.parent.mkdir()
    link.symlink_to("elsewhere/real.parquet")
    arguments = ["screen", *files, "--out", str(link), "--quiet"]
    assert main(arguments) == 0
    assert main(arguments) == 2, "it exists now"
    real.write_text("before")
    assert main([*arguments, "--overwrite"]) == 0
    assert link.is_symlink()
    assert pq.read_metadata(real).num_rows == 3
    assert list(real.parent.iterdir()) == [real]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_pipe_takes_no_table(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert main(["screen", *files, "--out", str(pipe), "--overwrite", "--quiet"]) == 2
    assert capsys.readouterr().err == f"magnetite: {pipe}: is a pipe or a device; the table needs a file\n"
    assert pipe.is_fifo()
