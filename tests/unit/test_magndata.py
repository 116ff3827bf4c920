"""From a folder of magnetic CIF files to rows: content, interruption, resumption, bad files."""

import gzip
import json
import os
import shutil
import sys

import numpy as np
import pytest
from mcif_text import mcif_text

from magnetite.cli import main
from magnetite.datasets import magndata
from magnetite.datasets.journal import Journal
from magnetite.datasets.magndata import build_magndata
from magnetite.datasets.mcif import read_mcif
from magnetite.datasets.records import read_records
from magnetite.errors import DataError, MagnetiteError
from magnetite.structures import as_crystal

HEAD = "data_x\n_transition_temperature 300\n"
IDENTITY = "x,y,z,+1"


def iron(*centering, k="0 0 0"):
    """bcc iron: ferromagnetic, or with the centre turned round, k = (0, 0, 1)."""
    return mcif_text(
        [2.87] * 3,
        operations=[IDENTITY],
        centerings=[IDENTITY, *centering],
        sites=["Fe1 0 0 0 1"],
        moments=["Fe1 0 0 2.2"],
        head=HEAD,
        parent=("I m -3 m", 229, f"[{k}]"),
    )


MNO = mcif_text(
    (3.9, 3.9, 7.2),
    operations=[IDENTITY],
    centerings=[IDENTITY, "x,y,z+1/2,-1"],
    sites=["Mn1 0 0 0 1", "O1 0.5 0.5 0 1"],
    moments=["Mn1 3.0 0 0"],
    head=HEAD,
    parent=("P 4/m m m", 123, "[0 0 1/2]"),
)
FILES = {
    "0.1_Fe.mcif": iron("x+1/2,y+1/2,z+1/2,+1"),
    "1.2_Fe.mcif": iron("x+1/2,y+1/2,z+1/2,-1", k="0 0 1"),
    "sub/1.3_MnO.mcif": MNO,
    "0.4_conflict.mcif": iron("x+1/2,y+1/2,z+1/2,+1", k="0 0 1/2"),
    "0.5_disordered.mcif": iron().replace("Fe1 0 0 0 1", "Fe1 0 0 0 0.5"),
    "0.6_cut.mcif": iron()[:500],
    "0.7_binary.mcif": "\0\0",
}
BAD = ["0.5_disordered.mcif", "0.6_cut.mcif", "0.7_binary.mcif"]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "mcif"
    (folder / "sub").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def test_rows(folder, tmp_path):
    out = tmp_path / "magndata.jsonl.gz"
    count, failures = build_magndata(folder, out)
    rows = {row["id"]: row for row in read_records(out)}
    assert count == len(rows) == 4
    assert list(failures) == BAD
    assert "partly occupied" in failures["0.5_disordered.mcif"]
    labels = {i: (r["order"], r["zero_k"], r["usable"], r["k_vectors"], r["group_compound"]) for i, r in rows.items()}
    assert labels == {
        "0.1": ("FM", True, True, [["0", "0", "0"]], "Fe|229"),
        "1.2": ("AFM", False, True, [["0", "0", "1"]], "Fe|229"),  # an I lattice: 001 is no lattice vector
        "1.3": ("AFM", False, True, [["0", "0", "1/2"]], "MnO|123"),
        "0.4": ("FM", None, False, [["0", "0", "1/2"]], "Fe|229"),
    }
    # The input cell must not show whether the magnetic one is larger.
    assert [len(rows[i]["parent_cell"]["species"]) for i in ("0.1", "1.2", "1.3")] == [1, 1, 2]
    assert len(rows["1.3"]["magnetic_cell"]["species"]) == 4
    assert np.allclose(np.abs(rows["1.3"]["magnetic_cell"]["moments_cart"]).sum(axis=0), [6, 0, 0])
    assert as_crystal(rows["1.3"]["parent_cell"]).reduced_formula == "MnO"
    assert rows["1.3"]["TN_K"] == 300
    sidecar = list(read_records(tmp_path / "magndata.jsonl.gz.errors.jsonl"))
    assert [row["key"] for row in sidecar] == BAD
    assert not (tmp_path / "magndata.jsonl.gz.partial").exists()


def test_interrupted_build_continues(folder, tmp_path, monkeypatch):
    read = []

    def interrupted(path):
        if len(read) == 2:
            raise KeyboardInterrupt
        read.append(path.name)
        return read_mcif(path)

    out = tmp_path / "m.jsonl.gz"
    with monkeypatch.context() as patch:
        patch.setattr(magndata, "read_mcif", interrupted)
        with pytest.raises(KeyboardInterrupt):
            build_magndata(folder, out)
    assert not out.exists()
    partial = out.with_name("m.jsonl.gz.partial")
    # A machine that lost power may leave half a line.
    with partial.open("ab") as file:
        file.write(b'{"key": "1.2_Fe.mcif", "rec')
    again = []
    monkeypatch.setattr(magndata, "read_mcif", lambda path: again.append(path.name) or read_mcif(path))
    count, failures = build_magndata(folder, out)
    assert (count, list(failures)) == (4, BAD)
    assert sorted({*read, *again}) == sorted(name.rsplit("/", 1)[-1] for name in FILES)
    assert set(read) & set(again) == set()
    fresh = tmp_path / "fresh.jsonl.gz"
    build_magndata(folder, fresh)
    assert sorted(map(json.dumps, read_records(out))) == sorted(map(json.dumps, read_records(fresh)))


def test_mended_files_are_tried_again(folder, tmp_path):
    out = tmp_path / "m.jsonl"
    with Journal(out, f"magndata {folder.resolve()}") as journal:
        journal.fail("0.5_disordered.mcif", "partly occupied")
    (folder / "0.5_disordered.mcif").write_text(iron())
    count, failures = build_magndata(folder, out)
    assert (count, list(failures)) == (5, BAD[1:])


def test_journal_refuses_another_task_and_bad_places(folder, tmp_path):
    out = tmp_path / "m.jsonl.gz"
    with Journal(out, "something else"):
        pass
    with pytest.raises(DataError, match="unfinished build of something else"):
        build_magndata(folder, out)
    with pytest.raises(DataError, match="must end in"):
        build_magndata(folder, tmp_path / "m.csv")
    with pytest.raises(DataError, match="no such folder"):
        build_magndata(folder, tmp_path / "missing" / "m.jsonl")
    with pytest.raises(DataError, match="no such folder"):
        build_magndata(tmp_path / "missing", out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no \.mcif files"):
        build_magndata(tmp_path / "empty", out)


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_do_not_build_the_same(folder, tmp_path):
    out = tmp_path / "m.jsonl"
    with Journal(out, f"magndata {folder.resolve()}"), pytest.raises(MagnetiteError, match="by another process"):
        build_magndata(folder, out)
    assert build_magndata(folder, out)[0] == 4
    assert {path.name for path in tmp_path.glob("m.*")} == {"m.jsonl", "m.jsonl.errors.jsonl"}


def test_names_of_other_systems_are_spelled_out(folder, tmp_path):
    strange = tmp_path / os.fsdecode(b"\xff")
    try:
        shutil.copytree(folder, strange)
    except OSError:
        pytest.skip("file names are text here")
    (strange / os.fsdecode(b"0-\xff.mcif")).write_text(FILES["0.1_Fe.mcif"])
    build_magndata(strange, tmp_path / "m.jsonl")
    assert r"0-\udcff" in {row["id"] for row in read_records(tmp_path / "m.jsonl")}


def test_files_of_one_number_keep_their_names(folder, tmp_path):
    (folder / "sub" / "0.1_Fe_again.mcif").write_text(FILES["0.1_Fe.mcif"])
    build_magndata(folder, tmp_path / "m.jsonl")
    ids = sorted(row["id"] for row in read_records(tmp_path / "m.jsonl"))
    assert ids == ["0.1_Fe", "0.1_Fe_again", "0.4", "1.2", "1.3"]


def test_command(folder, tmp_path, capsys, monkeypatch):
    out = tmp_path / "m.jsonl.gz"
    assert main(["data", "magndata", str(folder), "--out", str(out), "--quiet"]) == 0
    said = capsys.readouterr()
    assert "wrote 4 rows" in said.out
    assert "0.5_disordered.mcif: site Fe1 is partly occupied" in said.err
    assert "3 cannot be used" in said.err
    with gzip.open(out) as file:
        assert len(file.readlines()) == 4
    assert main(["data", "magndata", str(tmp_path / "no"), "--out", str(out)]) == 2
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.mcif").write_text("data_\n")
    assert main(["data", "magndata", str(tmp_path / "bad"), "--out", str(tmp_path / "bad.jsonl"), "--quiet"]) == 2
    assert "wrote 0 rows" in capsys.readouterr().out

    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(magndata, "read_mcif", stop)
    assert main(["data", "magndata", str(folder), "--out", str(out), "--quiet"]) == 130
    assert "same command continues" in capsys.readouterr().err
