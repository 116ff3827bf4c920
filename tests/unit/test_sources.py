"""Files, databases and folders as streams: every structure named, every failure in its place."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import sys
from typing import TYPE_CHECKING

import ase
import ase.db
import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from magnetite import formats
from magnetite.errors import MagnetiteError, ReadError, StructureError
from magnetite.sources import check, count_entries, read_entries, read_one, read_rows, read_structures
from magnetite.structures import Crystal, as_crystal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ase import Atoms


@pytest.fixture
def atoms(nio: Structure) -> Atoms:
    return AseAtomsAdaptor.get_atoms(nio)


def line(structure: Structure, **more: str) -> str:
    return json.dumps({**structure.as_dict(), **more}) + "\n"


def write(path: Path, text: str) -> None:
    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get(path.suffix.lower(), bytes)
    path.write_bytes(pack(text.encode()))


def formulas(path: Path) -> list[tuple[str, str]]:
    """Names relative to the path's folder, and formulas or the first word of the reason."""
    return [
        (
            name.removeprefix(f"{path.parent}/"),
            row.reduced_formula if isinstance(row, Crystal) else row.reason.split()[0],
        )
        for name, row in read_rows(path)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "NiO.cif",
        "NiO.CIF",
        "NiO.cif.gz",
        "NiO.cif.bz2",
        "NiO.cif.xz",
        "POSCAR",
        "POSCAR.gz",
        "a.vasp",
        "NiO.json",
        "a.json.gz",
        "a.xsf",
        "a.extxyz",
        "a@2.xyz",
        "a.traj",
    ],
)
def test_one_structure_by_many_names(name: str, nio: Structure, atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / name
    if name.endswith(("xyz", "traj")):
        ase.io.write(path, atoms, format="traj" if name.endswith("traj") else "extxyz")
    else:
        kind = next(k for k in ("cif", "poscar", "vasp", "json", "xsf") if k in name.lower())
        write(path, nio.to(fmt="poscar" if kind == "vasp" else kind))
    assert as_crystal(path).reduced_formula == "NiO"
    assert formulas(path) == [(name, "NiO")]
    assert as_crystal(str(path)).source == str(path)


def test_several_structures_are_numbered_from_one(atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / "run.extxyz"
    ase.io.write(path, [atoms] * 3)
    assert formulas(path) == [(f"run.extxyz#{n}", "NiO") for n in (1, 2, 3)]
    with pytest.raises(ReadError, match="several structures"):
        read_one(path)


@pytest.mark.parametrize("name", ["two.cif", "two.cif.gz", "TWO.CIF.GZ"])
def test_data_blocks_of_a_cif(name: str, nio: Structure, rutile: Structure, tmp_path: Path) -> None:
    path = tmp_path / name
    text = "data_global\n_journal_name_full 'x'\n" + nio.to(fmt="cif") + rutile.to(fmt="cif")
    write(path, text.replace("\n", "\r\n"))
    assert formulas(path) == [(f"{name}#1", "NiO"), (f"{name}#2", "MnF2")]
    assert [entry.read()[0] for entry in read_entries(path)] == ["NiO", "MnF2"]


@pytest.mark.parametrize("head", ["data_", "DATA_", "  data_", "\tData_"])
def test_a_data_block_may_be_indented_and_in_capitals(
    head: str, nio: Structure, rutile: Structure, tmp_path: Path
) -> None:
    path = tmp_path / "two.cif"
    write(path, (nio.to(fmt="cif") + rutile.to(fmt="cif")).replace("data_", head))
    assert formulas(path) == [("two.cif#1", "NiO"), ("two.cif#2", "MnF2")]


def test_json_of_one_and_of_many(nio: Structure, rutile: Structure, atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / "many.json"
    path.write_text(json.dumps([nio.as_dict(), 3, {"id": 7, "structure": rutile.as_dict()}]))
    assert formulas(path) == [("many.json#1", "NiO"), ("many.json#2", "is"), ("many.json#3", "MnF2")]
    assert [entry.read()[0] for entry in read_entries(path)] == [None, None, "7"]
    ase.io.write(tmp_path / "ase.json", atoms)
    assert formulas(tmp_path / "ase.json") == [("ase.json", "NiO")]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz", "rows.JSONL.GZ"])
def test_one_bad_row_among_many(name: str, nio: Structure, rutile: Structure, tmp_path: Path) -> None:
    plain = {"lattice": rutile.lattice.matrix.tolist(), "species": ["Mn"] * 2 + ["F"] * 4}
    plain["frac_coords"] = rutile.frac_coords.tolist()
    text = (
        line(nio, id="a") + '{"lattice": [1,\n' + "\n[1, 2]\n" + json.dumps(plain) + "\n" + line(nio, material_id="b")
    )
    path = tmp_path / name
    write(path, text)
    rows = [(entry.source.split("#")[1], *entry.read()) for entry in read_entries(path)]
    assert [row[0] for row in rows] == ["1", "2", "4", "5", "6"]
    assert [row[1] for row in rows] == ["a", None, None, None, "b"]
    assert [isinstance(row[2], Crystal) for row in rows] == [True, False, False, True, True]
    assert "line is not JSON" in rows[1][2].reason
    assert rows[2][2].reason == "is not a JSON object"
    assert rows[1][2].source == f"{path}#2"
    assert count_entries(path) == len(rows)


def test_a_gzip_file_cut_short_gives_what_it_holds_then_says_so(nio: Structure, tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl.gz"
    whole = gzip.compress(os.urandom(3).hex().join(["", line(nio)]).encode()[6:] * 50)
    path.write_bytes(whole[:-9])
    rows = formulas(path)
    assert rows[-1] == ("cut.jsonl.gz", "cannot")
    assert rows[0] == ("cut.jsonl.gz#1", "NiO")


@pytest.mark.parametrize("name", ["run.xyz", "run.extxyz", "run.extxyz.gz"])
def test_a_broken_frame_costs_no_other(name: str, atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / name
    ase.io.write(tmp_path / "whole.extxyz", [atoms] * 4)
    frames = (tmp_path / "whole.extxyz").read_text()
    length = frames.index("\n8\n") + 1 if "\n8\n" in frames else len(frames) // 4
    first, second = frames[:length], frames[length : 2 * length]
    write(path, first + second.replace("\nNi ", "\nXx ", 1) + "\n\n" + frames[2 * length :])
    assert formulas(path) == [(f"{name}#{n}", "cannot" if n == 2 else "NiO") for n in (1, 2, 3, 4)]
    write(path, first + "two\n" + frames[length:])
    assert formulas(path) == [(f"{name}#1", "NiO"), (f"{name}#2", "cannot")]
    assert "nothing after it is read" in list(read_rows(path))[1][1].reason


def test_frames_say_what_they_are_called(atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / "run.extxyz"
    ase.io.write(path, [atoms, atoms])
    path.write_bytes(path.read_bytes().replace(b"Properties", "id=Zürich Properties".encode("latin-1"), 1))
    assert [entry.read()[0] for entry in read_entries(path)] == ["Z\ufffdrich", None]


def test_a_packed_run_cut_short_gives_its_frames_and_one_reason(atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / "cut.extxyz.gz"
    ase.io.write(tmp_path / "whole.extxyz", [atoms] * 3)
    path.write_bytes(gzip.compress((tmp_path / "whole.extxyz").read_bytes())[:-9])
    rows = formulas(path)
    assert [kind for _, kind in rows] == [*["NiO"] * (len(rows) - 1), "cannot"]
    assert "nothing after that is read" in list(read_rows(path))[-1][1].reason


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_frames_with_line_ends_of_other_systems(end: str, atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / "run.extxyz"
    ase.io.write(path, [atoms] * 2)
    path.write_bytes(path.read_text().replace("\n", end).encode())
    assert formulas(path) == [("run.extxyz#1", "NiO"), ("run.extxyz#2", "NiO")]
    assert next(read_entries(path)).read()[1].lattice == pytest.approx(atoms.cell.array)


def test_old_frames_with_vectors_of_the_cell(tmp_path: Path) -> None:
    path = tmp_path / "old.xyz"
    path.write_text("  1 \nold\nFe 0 0 0\n VEC1 2.4 0 0\n VEC2 0 2.4 0\nVEC3 0 0 2.4\n" * 2)
    assert formulas(path) == [("old.xyz#1", "Fe"), ("old.xyz#2", "Fe")]


def test_a_byte_order_mark_is_no_content(nio: Structure, atoms: Atoms, tmp_path: Path) -> None:
    ase.io.write(tmp_path / "a.extxyz", atoms)
    cif = nio.to(fmt="cif").partition("\n")[2]
    texts = {"json": line(nio), "jsonl": line(nio), "cif": cif, "extxyz": (tmp_path / "a.extxyz").read_text()}
    for ending, text in texts.items():
        (tmp_path / f"a.{ending}").write_text(text, encoding="utf-8-sig")
        assert read_one(tmp_path / f"a.{ending}").reduced_formula == "NiO"


def test_frames_before_a_broken_one_are_read(atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / "cut.extxyz"
    ase.io.write(path, [atoms] * 3)
    path.write_text("\n".join(path.read_text().splitlines()[:-3]))
    assert formulas(path) == [("cut.extxyz#1", "NiO"), ("cut.extxyz#2", "NiO"), ("cut.extxyz#3", "cannot")]


def test_a_source_without_structures_says_so(tmp_path: Path) -> None:
    with ase.db.connect(tmp_path / "none.db") as database:
        database.delete([database.write(ase.Atoms("H"))])
    (tmp_path / "blank.jsonl").write_text("\n\n")
    for name in ("none.db", "blank.jsonl"):
        ((_, error),) = read_rows(tmp_path / name)
        assert error.reason == "holds no structure"


def test_rows_with_vectors_for_moments_are_read(atoms: Atoms, tmp_path: Path) -> None:
    path = tmp_path / "spins.db"
    vectors = np.ones((len(atoms), 3))
    atoms.set_initial_magnetic_moments(vectors)
    atoms.calc = SinglePointCalculator(atoms, magmoms=vectors)
    with ase.db.connect(path) as database:
        database.write(atoms)
    (structure,) = read_structures(path)
    assert len(structure) == len(atoms)


def test_a_database_in_the_order_of_its_ids(atoms: Atoms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "DATABASE_PAGE", 2)
    path = tmp_path / "a.db"
    with ase.db.connect(path) as database:
        for n in range(7):
            database.write(atoms, mp_id=f"mp-x{n}")
        database.delete([3, 4])
    entries = list(read_entries(path))
    assert [entry.source.split("#")[1] for entry in entries] == ["1", "2", "5", "6", "7"]
    assert entries[2].read()[0] == "mp-x4"
    assert entries[2].read()[1].reduced_formula == "NiO"
    assert count_entries(path) == 5


def test_a_folder_sorted_with_its_subfolders(nio: Structure, rutile: Structure, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    for name in ("b.cif", "a.cif", "sub/POSCAR", "sub/notes.txt", "also/rows.jsonl", "c.cif"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
    nio.to(str(folder / "b.cif"))
    rutile.to(str(folder / "a.cif"))
    (folder / "c.cif").write_text("nonsense")
    nio.to(str(folder / "sub/POSCAR"), fmt="poscar")
    (folder / "also/rows.jsonl").write_text(line(nio) * 2)
    (folder / "sub/notes.txt").write_text("not a structure")
    assert formulas(folder) == [
        ("all/a.cif", "MnF2"), ("all/b.cif", "NiO"), ("all/c.cif", "cannot"),
        ("all/also/rows.jsonl#1", "NiO"), ("all/also/rows.jsonl#2", "NiO"), ("all/sub/POSCAR", "NiO"),
    ]  # fmt: skip
    assert count_entries(folder) == 6


def test_structures_are_parsed_only_when_asked_for(nio: Structure, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("not json\n" * 3 + line(nio))
    entries = list(read_entries(path))
    assert isinstance(entries[0].read()[1], ReadError)
    assert isinstance(entries[3].read()[1], Crystal)


def test_read_structures_stops_at_the_first_bad_one(nio: Structure, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(line(nio) + "{}\n" + line(nio))
    rows = read_structures(path)
    assert next(rows).source == f"{path}#1"
    with pytest.raises(StructureError, match=r"rows\.jsonl#2: dictionary lacks"):
        next(rows)


# Single files that cannot be used


def cut(structure: Structure, lines: int) -> str:
    return "\n".join(structure.to(fmt="cif").splitlines()[:-lines])


DAMAGED = gzip.compress(b"", mtime=0)[:10] + b"\xff" * 90
"""A sound head and no data that can be unpacked."""


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.cif", b"", "is empty"),
        ("blank.jsonl", b"\n\n", "holds no structure"),
        ("list.json", b"[]", "holds no structure"),
        ("none.jsonl.gz", gzip.compress(b"", mtime=0), "holds no structure"),
        ("blank.xyz", b"\n\n", "holds no structure"),
        ("broken.json", b'{"lattice": [', "is not JSON"),
        ("garbage.cif", bytes(range(256)) * 4, "cannot be read"),
        ("garbage.xyz", bytes(range(255, 0, -1)) * 4, "cannot be read"),
        ("digits.xyz", b"9" * 5000 + b"\n\nFe 0 0 0\n", "line 1 should be a number of atoms"),
        ("billions.xyz", b"1000000000000\n\nFe 0 0 0\n", "cannot be read: ends 999,999,999,999 lines before"),
        ("garbage.db", bytes(range(256)) * 40, "cannot be read as an ASE database"),
        ("garbage.jsonl.gz", bytes(range(256)), "cannot be read"),
        ("garbage.cif.gz", bytes(range(256)), "cannot be read"),
        ("none.cif.gz", gzip.compress(b"", mtime=0), "cannot be read"),
        ("short.cif.gz", gzip.compress(b"data_x\n" * 99, mtime=0)[:-9], "cannot be read"),
        ("damaged.cif.gz", DAMAGED, "cannot be read"),
        ("damaged.jsonl.gz", DAMAGED, "cannot be read"),
        ("damaged.json.gz", DAMAGED, "cannot be read"),
        ("damaged.mcif.gz", DAMAGED, "cannot be read"),
        ("garbage.cif.bz2", bytes(range(256)), "cannot be read"),
        ("short.cif.bz2", bz2.compress(b"data_x\n" * 99)[:-9], "cannot be read"),
        ("garbage.cif.xz", bytes(range(256)), "cannot be read"),
        ("garbage.bin", bytes(range(256)), "cannot be read"),
        ("POSCAR", b"NiO\n1.0\n4 0 0\n", "cannot be read"),
        ("prose.cif", b"Dear reader, this is a letter.\n" * 9, "cannot be read"),
        ("notes.txt", b"Dear reader, this is a letter.\n" * 9, "cannot be read"),
    ],
)
def test_files_that_cannot_be_used(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ReadError, match=reason) as caught:
        as_crystal(path)
    assert caught.value.source.startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["cut.cif", "cut.cif.gz"])
@pytest.mark.parametrize("lines", [1, 2, 4, 8, 9, 10, 12])
def test_a_cif_cut_short_is_never_read_as_another_crystal(
    lines: int, name: str, nio: Structure, tmp_path: Path
) -> None:
    path = tmp_path / name
    write(path, cut(nio, lines))
    with pytest.raises(ReadError, match=rf"{name}: (cannot be read|lists atoms of .* but states the formula NiO)"):
        as_crystal(path)


def test_hydrogen_may_be_missing_from_a_cif(nio: Structure, tmp_path: Path) -> None:
    path = tmp_path / "hydrate.cif"
    text = nio.to(fmt="cif")
    assert "Ni4 O4" in text
    path.write_text(text.replace("Ni4 O4", "Ni4 O4 H8"))
    assert len(as_crystal(path)) == len(nio)


@pytest.mark.parametrize(("listed", "stated"), [(["H", "O"], "H4"), (["H", "H"], "H1 O1")])
def test_hydrogen_alone_is_no_other_compound(listed: list[str], stated: str, tmp_path: Path) -> None:
    text = Structure(Lattice.cubic(4), listed, [[0, 0, 0], [0.5, 0.5, 0.5]]).to(fmt="cif")
    lines = [f"_chemical_formula_sum '{stated}'" if "_formula_sum" in line else line for line in text.splitlines()]
    (tmp_path / "x.cif").write_text("\n".join(lines))
    with pytest.raises(ReadError, match="states the formula"):
        as_crystal(tmp_path / "x.cif")


def test_the_wrong_extension(nio: Structure, tmp_path: Path) -> None:
    path = tmp_path / "NiO.vasp"
    path.write_text(nio.to(fmt="cif"))
    with pytest.raises(ReadError, match=r"NiO\.vasp: cannot be read"):
        as_crystal(path)


def test_missing_files_folders_and_devices(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"no\.cif: no such file"):
        as_crystal(tmp_path / "no.cif")
    with pytest.raises(ReadError, match="is a folder"):
        as_crystal(tmp_path)
    with pytest.raises(ReadError, match="name too long"):
        as_crystal("x" * 5000)
    assert [row[1].reason.split(" (")[0] for row in read_rows(tmp_path)] == ["folder holds no structure files"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.cif")
        with pytest.raises(ReadError, match="not a regular file"):  # and does not wait for a writer
            as_crystal(tmp_path / "pipe.cif")
        os.mkfifo(tmp_path / "pipe.jsonl")
        assert count_entries(tmp_path) == 2  # nor is its end looked for


@pytest.fixture
def powerless() -> Iterator[None]:
    """Give up root's right to read everything."""
    if sys.platform == "win32":
        pytest.skip("permissions of POSIX")
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


@pytest.fixture
def locked(nio: Structure, tmp_path: Path) -> Path:
    folder = tmp_path / "locked"
    folder.mkdir()
    nio.to(str(folder / "NiO.cif"))
    folder.chmod(0)
    return folder


def test_permission_denied(locked: Path, powerless: None) -> None:  # noqa: ARG001
    for path in (locked, locked / "NiO.cif"):
        rows = [row for _, row in read_rows(path)]
        assert len(rows) == 1
        assert isinstance(rows[0], MagnetiteError)
        assert rows[0].reason == "cannot be opened (Permission denied)"
        assert count_entries(path) in {0, 1}
    with pytest.raises(ReadError, match="Permission denied"):
        check(locked / "NiO.cif")
