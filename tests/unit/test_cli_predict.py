"""``magnetite predict``: every format, the good beside the bad, whole files or none."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from pymatgen.core import Lattice, Structure

import magnetite
from magnetite.cli import formatting, main

KEYS = {
    "path", "formula", "ordering", "probabilities", "zero_k_probability", "uncertainty", "mutual_information",
    "in_domain", "site_moments", "warnings", "model",
}  # fmt: skip


STRUCTURES = Path(__file__).parents[2] / "examples" / "structures"


def paths(files: list[str]) -> list[str]:
    return [f"{files[0]}#1", f"{files[0]}#2", files[1]]


def test_jsonl(files: list[str], rutile: Structure, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", *files, "--format", "jsonl"]) == 0
    captured = capsys.readouterr()
    rows = [json.loads(line) for line in captured.out.splitlines()]
    assert captured.err == ""
    assert all(row.keys() == KEYS for row in rows)
    assert [row["path"] for row in rows] == paths(files)
    assert [row["formula"] for row in rows] == ["NiO", "MnF2", "MnF2"]
    for row in rows:
        assert set(row["probabilities"]) == {"NM", "AFM", "FM"}
        assert sum(row["probabilities"].values()) == pytest.approx(1)
    assert [len(row["site_moments"]) for row in rows] == [8, 6, 6]
    assert rows[2]["site_moments"][:3] == pytest.approx([4.6, 4.6, 0], abs=0.2)
    expected = magnetite.analyze_magnetism(rutile).as_row()
    assert rows[2]["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-3)  # a cif has few digits
    assert rows[2]["ordering"] == expected["ordering"]


def test_json(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", *files, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in rows] == paths(files)


def test_csv(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", *files, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["path"] for row in rows] == paths(files)
    assert tuple(rows[0]) == formatting.CSV_COLUMNS
    assert sum(float(rows[0][key]) for key in ("p_nm", "p_afm", "p_fm")) == pytest.approx(1)
    assert float(rows[2]["max_moment"]) == pytest.approx(4.6, abs=0.2)


def test_table(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", *files, str(STRUCTURES / "Fe.cif")]) == 0
    out = capsys.readouterr().out
    fluoride, iron = (line.split() for line in out.splitlines()[3:5])
    assert [float(fluoride[7]), float(iron[7])] == pytest.approx([4.6, 2.3], abs=0.2)
    assert iron[6] == "–", "k = 0 is not a question for a ferromagnet"
    assert out.splitlines()[0].split()[:3] == ["path", "formula", "order"]
    assert "two.extxyz#2" in out
    assert out.rstrip().endswith(str(magnetite.load().card))


@pytest.mark.parametrize("kind", formatting.WRITERS)
def test_every_format_of_nothing(kind: str) -> None:
    stream = io.StringIO()
    formatting.WRITERS[kind]([], stream)
    assert stream.getvalue() == {"json": "[]\n", "csv": ",".join(formatting.CSV_COLUMNS) + "\n"}.get(kind, "")


def test_warnings_in_every_format(nio: Structure) -> None:
    report = magnetite.analyze_magnetism(nio)
    object.__setattr__(report, "warnings", ('one, "two"', "three"))
    streams = {kind: io.StringIO() for kind in formatting.WRITERS}
    for kind, stream in streams.items():
        formatting.WRITERS[kind]([report], stream)
    assert '    ! one, "two"\n    ! three\n' in streams["table"].getvalue()
    assert next(csv.DictReader(io.StringIO(streams["csv"].getvalue())))["warnings"] == 'one, "two"; three'
    assert json.loads(streams["jsonl"].getvalue())["warnings"] == ['one, "two"', "three"]


def test_the_good_are_answered_beside_the_bad(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "no.cif")
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"lattice": 1}\n')
    assert main(["predict", missing, files[1], str(rows), str(tmp_path), "--format", "jsonl"]) == 2
    captured = capsys.readouterr()
    assert [json.loads(line)["path"] for line in captured.out.splitlines()] == [files[1]]
    assert captured.err.splitlines() == [
        f"magnetite: {missing}: no such file",
        f"magnetite: {rows}#1: dictionary lacks species, frac_coords",
        f"magnetite: {tmp_path}: is a folder; use magnetite screen for it",
    ]


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--model", "no-such", "no model is called"),
        ("--model", "prototypes", "not of magnetic order"),
        ("--device", "abacus", "not available here"),
    ],
)
def test_unknown_model_or_device(
    option: str, value: str, reason: str, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", *files, option, value]) == 2
    captured = capsys.readouterr()
    assert reason in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


# Bad input, all the way through

CUBE = Lattice.cubic(4)


def bad_files(folder: Path) -> dict[str, str]:
    """Files that cannot be used, each with a part of the reason."""
    cell = [[4, 0, 0], [0, 4, 0], [0, 0, 4]]
    records = {
        "nan": ({"lattice": cell, "species": ["Fe"], "frac_coords": [[0, 0, None]]}, "NaN"),
        "flat": (
            {"lattice": [[4, 0, 0], [4, 0, 0], [0, 0, 4]], "species": ["Fe"], "frac_coords": [[0, 0, 0]]},
            "Å³ per",
        ),
        "dummy": ({"lattice": cell, "species": ["X"], "frac_coords": [[0, 0, 0]]}, "unknown element 'X'"),
        "nothing": ({"lattice": cell, "species": [], "frac_coords": []}, "no atoms"),
        "same": ({"lattice": cell, "species": ["Fe", "O"], "frac_coords": [[0, 0, 0.1], [1, 1, 0.1]]}, "0.000 Å apart"),
        "types": ({"lattice": "cubic", "species": [3], "frac_coords": {}}, "not arrays of numbers"),
        "keys": ({"species": ["Fe"]}, "lacks lattice, frac_coords"),
        "thin": (
            {"lattice": [[0.1, 0, 0], [0, 30, 0], [0, 0, 30]], "species": ["Fe"], "frac_coords": [[0, 0, 0]]},
            "thin",
        ),
        "disordered": (Structure(CUBE, [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]]).as_dict(), "partly occupied"),
    }
    expected = {}
    for name, (record, reason) in records.items():
        (folder / f"{name}.json").write_text(json.dumps(record))
        expected[f"{name}.json"] = reason
    texts = {
        "empty.cif": (b"", "is empty"),
        "cut.cif": (Structure(CUBE, ["Fe", "O"], [[0, 0, 0], [0.5] * 3]).to(fmt="cif").encode()[:-60], "cut.cif: "),
        "garbage.cif": (bytes(range(256)), "cannot be read"),
        "garbage": (bytes(range(256)), "cannot be read"),
        "wrong.db": (b"lattice", "cannot be read as an ASE database"),
    }
    for name, (content, reason) in texts.items():
        (folder / name).write_bytes(content)
        expected[name] = reason
    ase.io.write(folder / "molecule.xyz", Atoms("OH", positions=[[0, 0, 0], [0, 0, 1]]))
    return expected | {"molecule.xyz": "not periodic", "missing.cif": "no such file"}


def test_bad_files_each_give_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = bad_files(tmp_path)
    assert main(["predict", *(str(tmp_path / name) for name in expected), "--format", "jsonl"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == len(expected)
    for line, (name, reason) in zip(lines, expected.items(), strict=True):
        assert line.startswith(f"magnetite: {tmp_path / name}: ")
        assert reason in line


def test_bad_files_raise_our_error_in_python(tmp_path: Path) -> None:
    for name, reason in bad_files(tmp_path).items():
        with pytest.raises(magnetite.MagnetiteError) as caught:
            magnetite.analyze_magnetism(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert reason in str(caught.value)


def test_permission_denied(
    nio: Structure, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "win32":
        pytest.skip("permissions of POSIX")
    folder = tmp_path / "locked"
    folder.mkdir()
    nio.to(str(folder / "NiO.cif"))
    folder.chmod(0)
    # Before giving up the right to read anything, the package's own files too.
    assert main(["predict", str(STRUCTURES / "NiO.cif")]) == 0
    capsys.readouterr()
    model = magnetite.load()
    monkeypatch.setattr("magnetite.zoo.loading.load", lambda *_: model)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        assert main(["predict", str(folder / "NiO.cif")]) == 2
    finally:
        if root:
            os.seteuid(0)
    assert capsys.readouterr().err == f"magnetite: {folder / 'NiO.cif'}: cannot be opened (Permission denied)\n"


def test_thousands_of_atoms_in_one_cell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count = 2_000
    grid = np.stack(np.meshgrid(*[np.arange(13) / 13] * 3), -1).reshape(-1, 3)[:count]
    path = tmp_path / "large.json"
    record = {"lattice": (np.eye(3) * 32.5).tolist(), "species": ["Fe"] * count, "frac_coords": grid.tolist()}
    path.write_text(json.dumps(record))
    assert main(["predict", str(path), "--format", "jsonl"]) == 0
    assert json.loads(capsys.readouterr().out)["formula"] == "Fe"
