"""``magnetite screen``: every row, in order, once, whatever happens in between."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

import magnetite
from magnetite import screening
from magnetite.cli import main
from magnetite.errors import MagnetiteError
from magnetite.parts import Parts
from magnetite.screening import SCHEMA, ScreeningInterrupted, screen
from magnetite.zoo import find_card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pymatgen.core import Structure

COUNT = 25


@pytest.fixture
def source(nio: Structure, rutile: Structure, tmp_path: Path) -> Path:
    """A file of many rows, of which the eighth is bad."""
    path = tmp_path / "in.jsonl"
    shapes = itertools.cycle([nio.as_dict(), rutile.as_dict()])
    lines = [json.dumps({"id": f"row-{n}", "structure": next(shapes)}) for n in range(COUNT)]
    lines[7] = '{"id": "bad", "lattice": 1}'
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "ROWS_PER_PART", 4)
    monkeypatch.setattr("magnetite.parts.ROWS_PER_GROUP", 10)
    monkeypatch.setattr("magnetite.pipeline.MAX_WAITING", 3)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def check_rows(rows: list[dict[str, Any]], source: Path) -> None:
    assert [row["source"] for row in rows] == [f"{source}#{n + 1}" for n in range(COUNT)]
    assert [row["id"] for row in rows] == [f"row-{n}" if n != 7 else "bad" for n in range(COUNT)]
    expected = ["NiO" if n % 2 == 0 else "MnF2" for n in range(COUNT)]
    expected[7] = None
    assert [row["formula"] for row in rows] == expected


def test_slow_rows_are_safe_before_a_part_is_full(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screening, "ROWS_PER_PART", 1000)
    monkeypatch.setattr(screening, "SECONDS_PER_PART", -1.0)
    stored: list[int] = []
    append = Parts.append
    monkeypatch.setattr(Parts, "append", lambda self, rows: stored.append(len(rows)) or append(self, rows))
    screen([source], tmp_path / "out.parquet", device="cpu", progress=False)
    assert stored == [1] * COUNT
    check_rows(rows_of(tmp_path / "out.parquet"), source)
    stored.clear()
    clock = itertools.count()  # a second passes whenever it is looked at
    monkeypatch.setattr(screening, "time", SimpleNamespace(monotonic=lambda: next(clock), perf_counter=lambda: 0.0))
    monkeypatch.setattr(screening, "SECONDS_PER_PART", 4.5)
    screen([source], tmp_path / "other.parquet", device="cpu", progress=False)
    assert stored == [5] * (COUNT // 5), "the clock starts anew with each part"


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make the pipeline stop with an exception after some rows; gives the list of rows it was asked for."""
    original, asked = screening.run, []

    def arm(after: int, error: BaseException) -> list[int]:
        def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
            for n, report in enumerate(original(*args, **kwargs)):
                if n == after:
                    raise error
                asked.append(n)
                yield report

        monkeypatch.setattr(screening, "run", run)
        return asked

    yield arm
    monkeypatch.setattr(screening, "run", original)


def test_every_row_in_order(source: Path, rutile: Structure, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    summary = screen([source], out)
    table = pq.read_table(out)
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist()
    check_rows(rows, source)
    report = magnetite.analyze_magnetism(rutile)
    assert rows[1]["p_afm"] == pytest.approx(report.probabilities["AFM"], abs=1e-5)
    assert rows[1]["max_moment"] == pytest.approx(max(report.site_moments or ()), abs=1e-4)
    assert rows[1]["warnings"] == list(report.warnings)
    assert (rows[1]["ordering"], rows[1]["error"], rows[1]["model"]) == (report.label, None, report.model)
    assert "dictionary lacks species" in rows[7]["error"]
    assert all(rows[7][key] is None for key in ("formula", "ordering", "p_nm", "in_domain", "max_moment", "warnings"))
    assert (summary.rows, summary.computed, summary.errors) == (COUNT, COUNT, 1)
    assert summary.classes.total() == COUNT - 1
    assert summary.examples == [f"{source}#8: {rows[7]['error']}"]
    assert pq.ParquetFile(out).num_row_groups == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.jsonl", "out.parquet"]


@pytest.mark.parametrize("after", [0, 3, 4, 11, 24])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("power cut")])
def test_an_interrupted_screening_continues(
    after: int, error: BaseException, source: Path, tmp_path: Path, interrupt: Any
) -> None:
    out = tmp_path / "out.parquet"
    asked = interrupt(after, error)
    with pytest.raises((ScreeningInterrupted, RuntimeError)):
        screen([source], out)
    assert not out.exists()
    asked = interrupt(10**9, error)
    asked.clear()
    summary = screen([source], out)
    assert len(asked) == summary.computed == COUNT - after
    check_rows(rows_of(out), source)


def test_ctrl_c_on_the_command_line(
    source: Path, tmp_path: Path, interrupt: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.parquet"
    interrupt(6, KeyboardInterrupt())
    assert main(["screen", str(source), "--out", str(out), "--quiet"]) == 130
    assert capsys.readouterr().err == "magnetite: interrupted; 6 rows are kept, the same command continues\n"
    interrupt(10**9, KeyboardInterrupt())
    assert main(["screen", str(source), "--out", str(out)]) == 0
    captured = capsys.readouterr()
    assert f"{out}: 25 rows, 1 errors; " in captured.out
    assert "(6 rows were there already)" in captured.out
    assert "25/25" in captured.err  # the bar, which knows the total
    assert f"magnetite: {source}#8: dictionary lacks" in captured.err
    check_rows(rows_of(out), source)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_process_loses_only_the_unfinished_part(stop: signal.Signals, source: Path, tmp_path: Path) -> None:
    out, parts = tmp_path / "out.parquet", tmp_path / "out.parquet.parts"
    code = (
        # A shell that starts the tests in the background makes them, and so this child, ignore Ctrl-C.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "import sys, time; from magnetite import pipeline, screening; from magnetite.cli import main;"
        "screening.ROWS_PER_PART = 4; pipeline.MAX_WAITING = 3; predict = pipeline._predict;"
        "pipeline._predict = lambda *a: time.sleep(0.5) or predict(*a); sys.exit(main(sys.argv[1:]))"
    )
    arguments = ["screen", str(source), "--out", str(out), "--quiet"]
    with subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while len(list(parts.glob("part-*.parquet"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.005)
        with pytest.raises(MagnetiteError, match="written by another process"):
            screen([source], out)
        process.send_signal(stop)
        _, text = process.communicate(timeout=30)
    assert process.returncode == (-stop if stop == signal.SIGKILL else 130), text
    kept = sum(pq.read_metadata(path).num_rows for path in parts.glob("part-*.parquet"))
    assert 8 <= kept < COUNT
    assert screen([source], out).computed == COUNT - kept
    check_rows(rows_of(out), source)


def shortened(path: Path) -> bytes:
    return path.read_bytes()[:-20]


def altered(path: Path) -> bytes:
    """One bit among a column's values."""
    column, content = pq.read_metadata(path).row_group(0).column(0), bytearray(path.read_bytes())
    content[(column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1] ^= 1
    return bytes(content)


@pytest.mark.parametrize("damaged", [shortened, altered])
def test_damaged_and_missing_parts_are_computed_again(
    damaged: Callable[[Path], bytes], source: Path, tmp_path: Path, interrupt: Any
) -> None:
    out, parts = tmp_path / "out.parquet", tmp_path / "out.parquet.parts"
    interrupt(20, RuntimeError("power cut"))
    with pytest.raises(RuntimeError):
        screen([source], out)
    files = sorted(parts.glob("part-*.parquet"))
    files[1].write_bytes(damaged(files[1]))
    (parts / "part-000000000099.parquet.tmp").write_bytes(b"half")
    interrupt(10**9, RuntimeError())
    assert screen([source], out).computed == COUNT - 4
    check_rows(rows_of(out), source)


def test_only_the_same_screening_continues(
    source: Path, tmp_path: Path, interrupt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.parquet"
    interrupt(6, RuntimeError("power cut"))
    with pytest.raises(RuntimeError):
        screen([source], out)
    text, changed = source.read_text(), source.stat().st_mtime_ns
    for other in (text * 2, text.replace("row-1", "row-x")):  # the second as long as the first was
        source.write_text(other)
        os.utime(source, ns=(changed + 1, changed + 1))
        with pytest.raises(
            MagnetiteError, match=r"out\.parquet\.parts: holds an unfinished table .* \(different: inputs\)"
        ):
            screen([source], out)
    source.write_text(text)
    os.utime(source, ns=(changed, changed))
    card = find_card("magnetism")
    monkeypatch.setitem(card.content, "sha256", "0" * 64)
    with pytest.raises(MagnetiteError, match=r"\(different: model\)"):
        screen([source], out)


def test_existing_output_is_not_overwritten_unasked(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("precious")
    arguments = ["screen", str(source), "--out", str(out), "--quiet"]
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"magnetite: {out}: exists; give --overwrite to replace it\n"
    assert out.read_text() == "precious"
    assert main([*arguments, "--overwrite"]) == 0
    check_rows(rows_of(out), source)


@pytest.mark.parametrize(
    ("inputs", "out", "model", "reason"),
    [
        ("no.jsonl", "out.parquet", "magnetism", "no such file"),
        ("in.jsonl", "no/out.parquet", "magnetism", "does not exist"),
        ("in.jsonl", ".", "magnetism", "is a folder"),
        ("in.jsonl", "out.parquet", "propagation", "not of magnetic order"),
    ],
)
def test_refused_before_anything_is_done(
    inputs: str, out: str, model: str, reason: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    assert main(["screen", str(source.parent / inputs), "--out", str(tmp_path / out), "--model", model]) == 2
    assert reason in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_inside_the_folder_that_is_screened(nio: Structure, tmp_path: Path, interrupt: Any) -> None:
    for n in range(6):
        nio.to(str(tmp_path / f"{n}.cif"))
    out = tmp_path / "out.parquet"
    interrupt(3, KeyboardInterrupt())
    with pytest.raises(ScreeningInterrupted):
        screen([tmp_path], out)
    interrupt(10**9, KeyboardInterrupt())
    summary = screen([tmp_path], out)
    assert (summary.rows, summary.computed, summary.errors) == (6, 3, 0)


def test_a_table_that_another_process_finishes_meanwhile_stays(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.parquet"

    def load(*arguments: Any) -> Any:
        out.write_text("finished while the model was loaded")
        return magnetite.load(*arguments)

    monkeypatch.setattr(screening, "load_order_model", load)
    with pytest.raises(MagnetiteError, match=r"out\.parquet: exists"):
        screen([source], out, device="cpu")
    assert out.read_text() == "finished while the model was loaded"
    assert not Path(f"{out}.parts").exists()


def test_an_empty_folder_makes_no_table(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MagnetiteError, match="holds no structure files"):
        screen([tmp_path / "empty"], tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_table_is_called_parquet(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["screen", str(source), "--out", str(tmp_path / "t.csv")])
    assert "end its name in .parquet" in capsys.readouterr().err


def test_several_inputs_and_nothing_but_errors(source: Path, nio: Structure, tmp_path: Path) -> None:
    folder = tmp_path / "cifs"
    folder.mkdir()
    nio.to(str(folder / "a.cif"))
    (folder / "b.cif").write_text("nonsense")
    out = tmp_path / "out.parquet"
    screen([folder, source], out)
    rows = rows_of(out)
    assert [row["source"] for row in rows[:3]] == [f"{folder}/a.cif", f"{folder}/b.cif", f"{source}#1"]
    assert [row["error"] is None for row in rows[:3]] == [True, False, True]
    assert main(["screen", str(folder / "b.cif"), "--out", str(tmp_path / "none.parquet"), "--quiet"]) == 2


def test_what_a_folder_is_known_by_stays(tmp_path: Path) -> None:
    """Or no interrupted screening of an earlier version would continue."""
    for name in ("a.cif", "é.cif"):
        (tmp_path / name).write_text("data_")
        os.utime(tmp_path / name, ns=(0, 1_700_000_000_123_456_789))
    found = screening._fingerprint(tmp_path)
    assert found == {
        "path": str(tmp_path),
        "files": "334096c3039af763ab318e74f7113fe8f487a2bee00a2e99a6ff6894dbb0a88d",
    }


def test_the_stream_is_read_no_faster_than_it_is_answered(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead, most = 0, 0
    original, row = screening.read_entries, screening._row

    def entries(path: Path) -> Iterator[Any]:
        nonlocal ahead, most
        for entry in original(path):
            ahead += 1
            most = max(most, ahead)
            yield entry

    def answered(*args: Any) -> dict[str, Any]:
        nonlocal ahead
        ahead -= 1
        return row(*args)

    monkeypatch.setattr(screening, "read_entries", entries)
    monkeypatch.setattr(screening, "_row", answered)
    screen([source], tmp_path / "out.parquet")
    assert ahead == 0
    assert most <= 4


def test_parts_without_a_manifest_are_leftovers(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    row = {"source": "s", "model": "m"}
    with Parts(out, SCHEMA, {"a": 1}) as parts:
        parts.append([row] * 3)
    (parts.folder / "manifest.json").unlink()
    with Parts(out, SCHEMA, {"a": 2}) as parts:
        assert parts.rows == 0
        parts.append([row])
        assert sum(map(len, parts.finish())) == 1
    assert not parts.folder.exists()
    assert len(rows_of(out)) == 1
