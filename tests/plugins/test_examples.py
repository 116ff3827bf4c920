"""The examples run as they stand, and what they print makes sense."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from magnetite.structures import as_crystal

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STRUCTURES = sorted((EXAMPLES / "structures").iterdir())


def run(name: str, folder: Path) -> str:
    """Run a script elsewhere, so that it may rely on nothing but its own place."""
    script = [sys.executable, EXAMPLES / name]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}  # as in the tests' own process
    result = subprocess.run(script, capture_output=True, text=True, check=False, cwd=folder, env=one_thread)
    assert result.returncode == 0, result.stderr
    assert "Warning" not in result.stderr
    assert list(folder.iterdir()) == []
    return result.stdout


def test_pymatgen_door(tmp_path: Path) -> None:
    out = run("pymatgen_door.py", tmp_path)
    assert out.startswith("NiO\n  order ")
    assert re.search(r"ordering: Ordering\.(NM|AFM|FM)  magnetic: (True|False)\n", out)
    assert "decorated: magnetite_report, predicted_magmom_magnitude\n" in out


def test_ase_door(tmp_path: Path) -> None:
    out = run("ase_door.py", tmp_path)
    blocks = out.split("\n\n")
    assert [block.split("\n")[0] for block in blocks[:3]] == ["Fe", "MnF2", "NaCl"]
    for block in blocks[:3]:
        order = re.search(r"order +(NM|AFM|FM),", block)
        moments = re.search(r"moments +(.*)", block)
        assert order is not None
        assert moments is not None
        if order[1] == "AFM":
            assert "which sites point up is not predicted" in moments[1]
        else:
            assert moments[1].endswith("μB in all")
            assert (order[1] == "NM") == (" 0.00 μB in all" in moments[1])
    assert re.search(r"read back: (NM|AFM|FM) by magnetism ", blocks[3])


def test_matminer_door(tmp_path: Path) -> None:
    head, *rows = run("matminer_door.py", tmp_path).splitlines()
    assert "magnetite P(AFM)" in head
    assert "density" in head
    assert [row.split()[0] for row in rows] == [path.stem for path in STRUCTURES if path.suffix == ".cif"]
    for row in rows:
        values = [float(value) for value in row.split()[1:]]
        assert len(values) == 10
        assert sum(values[:3]) == pytest.approx(1, abs=0.02)


def test_screen_many(tmp_path: Path) -> None:
    lines = run("screen_many.py", tmp_path).splitlines()
    assert [line.split()[0] for line in lines[:-1]] == [path.name for path in STRUCTURES]
    for line in lines[:-1]:
        found = re.search(r" (NM|AFM|FM) +\[NM ([\d.]+)  AFM ([\d.]+)  FM ([\d.]+)\]  largest \|m\| [\d.]+ μB$", line)
        assert found is not None
        shares = dict(zip(("NM", "AFM", "FM"), map(float, found.groups()[1:]), strict=True))
        assert sum(shares.values()) == pytest.approx(1, abs=0.02)
        assert shares[found[1]] == max(shares.values())
    assert lines[-1] == "not_there.cif   no such file"


def test_initial_moments(tmp_path: Path) -> None:
    first, *rest = run("initial_moments.py", tmp_path).split("\n\n")
    assert re.match(r"NiO, predicted (NM|AFM|FM): (NM|AFM|FM|FiM) +k = .*\n  MAGMOM = ", first)
    assert len(re.findall(r"^  (AFM|FM|FiM) +k = ", rest[0], flags=re.MULTILINE)) == 4
    assert re.search(r"bcc iron starts from \[\d\.\d", rest[1])


def test_representations(tmp_path: Path) -> None:
    vectors, rest = run("representations.py", tmp_path).split("\n\n")
    found = re.findall(r"^(\S+) +(\d+) numbers, MnF2 and NiO alike to (-?[\d.]+)$", vectors, flags=re.MULTILINE)
    assert [(name, int(length)) for name, length, _ in found] == [
        ("one-hot", 103), ("mat2vec", 200), ("soap", 1200), ("order-body", 240)
    ]  # fmt: skip
    assert float(found[0][2]) == 0  # no element in common
    assert all(-1 <= float(cosine) < 1 for _, _, cosine in found)
    assert "32 numbers" in rest
    assert re.search(r"most like iron to SkipAtom: ([A-Z][a-z]? 0\.\d\d(, )?){3}\n", rest)


def test_structure_types(tmp_path: Path) -> None:
    report, rest = run("structure_types.py", tmp_path).split("\n\n")
    assert re.search(r"prototype +NaCl \(B1, space group 225\)\n +label +RockSalt_NaCl, probability 1\.00\n", report)
    shaken, piece = rest.splitlines()
    assert shaken == "shaken iron: bcc_W_A_cI2_229_a"
    bits = re.fullmatch(r"a piece with vacancies: bcc_W_A_cI2_229_a, (\d\.\d{3}) bits", piece)
    assert float(bits[1]) < 0.1


def test_every_example_is_run_here() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    assert not [script.name for script in EXAMPLES.glob("*.py") if f'"{script.name}"' not in tests]


def test_the_structures_are_those_of_the_script(tmp_path: Path) -> None:
    script = runpy.run_path(str(EXAMPLES / "make_structures.py"))
    script["main"](tmp_path)
    assert [path.name for path in STRUCTURES] == sorted(script["STRUCTURES"])
    for path in STRUCTURES:
        kept, made = as_crystal(path), as_crystal(tmp_path / path.name)
        assert kept.reduced_formula == path.stem
        assert kept.volume == pytest.approx(made.volume, rel=1e-6)
        assert kept.frac_coords == pytest.approx(made.frac_coords, abs=1e-6)
        assert len(kept) == len(kept.primitive[0]), "chemical cells are primitive"


def test_iron_potential(tmp_path: Path) -> None:
    out = run("iron_potential.py", tmp_path)
    lattice = [float(value) for value in re.findall(r"(?:state|relaxed): a = ([\d.]+) Å", out)]
    assert lattice == pytest.approx([2.83, 2.83], abs=0.03)
    assert float(re.search(r"relaxed: .* ([\d.]+) μB", out)[1]) == pytest.approx(2.2, abs=0.15)
    assert abs(float(re.search(r"differs by (\S+) meV", out)[1])) < 0.2


def test_nickel_oxide_spins(tmp_path: Path) -> None:
    out = run("nickel_oxide_spins.py", tmp_path)
    assert float(re.search(r"turned by ([\d.]+)°", out)[1]) > 10
    assert abs(float(re.search(r"differs by (\S+) meV", out)[1])) < 0.001
    assert float(re.search(r"are at ([\d.]+)°", out)[1]) == pytest.approx(180, abs=0.5)
    assert float(re.search(r"\|m\| = ([\d.]+) μB", out)[1]) == 1.2737
