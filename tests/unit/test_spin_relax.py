"""`magnetite spin-relax`: moments go in as they are and come out in every file that it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bcc100, bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from magnetite.cli import main
from magnetite.cli.spin_relax import KEPT_BY_ASE, KEPT_BY_ORDERS, _as_order, read_atoms
from magnetite.errors import ReadError
from magnetite.orderings.order import MagneticOrder

TURNED = ((2.0, 0.0, 0.0), (0.0, 2.0, 0.0))


@pytest.fixture
def iron(tmp_path: Path) -> Path:
    atoms = bulk("Fe", "bcc", a=2.83, cubic=True)
    atoms.set_initial_magnetic_moments([2.2, 2.2])
    write(tmp_path / "fe.extxyz", atoms)
    return tmp_path / "fe.extxyz"


def turned(path: Path, fmt: str | None = None) -> Path:
    """Two moments at a right angle."""
    order = MagneticOrder(
        "FiM", 1.0, 2.83 * np.eye(3), ("Fe", "Fe"), ((0, 0, 0), (0.5, 0.5, 0.5)), TURNED, np.eye(3, dtype=int),
        ("0", "0", "0"), ("0", "0", "0"),
    )  # fmt: skip
    return order.write(path, fmt)


@pytest.mark.parametrize("ending", ["mcif", "MCIF", "extxyz"])
def test_moments_are_read_as_vectors(ending: str, tmp_path: Path) -> None:
    atoms = read_atoms(turned(tmp_path / f"turned.{ending}", ending.lower()))
    assert atoms.get_initial_magnetic_moments() == pytest.approx(np.array(TURNED), abs=1e-6)


def test_one_number_takes_the_place_of_vectors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = turned(tmp_path / "turned.mcif")
    assert main(["spin-relax", str(path), "--moment", "2.2", "--model", "potential-fe", "--device", "cpu"]) == 0
    assert "(  0.0000   0.0000   2." in capsys.readouterr().out


@pytest.mark.parametrize("began", [[1.0, 1.0], TURNED])
@pytest.mark.parametrize("found", [[2.0, 2.0], TURNED])
def test_moments_that_were_found_take_the_place_of_any(began: object, found: object, iron: Path) -> None:
    atoms = bulk("Fe", "bcc", a=2.83, cubic=True)
    atoms.set_initial_magnetic_moments(None)
    atoms.set_initial_magnetic_moments(began)
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, magmoms=np.array(found))
    write(iron.with_suffix(".traj"), atoms)
    assert read_atoms(iron.with_suffix(".traj")).get_initial_magnetic_moments() == pytest.approx(np.array(found))


def test_one_frame_of_several_must_be_named(iron: Path) -> None:
    first = read(iron)
    second = first.copy()
    second.set_initial_magnetic_moments([1.0, -1.0])
    write(iron, [first, second])
    with pytest.raises(ReadError, match=r"holds 2 frames.*fe\.extxyz@0"):
        read_atoms(iron)
    assert read_atoms(Path(f"{iron}@1")).get_initial_magnetic_moments().tolist() == [1, -1]


@pytest.mark.parametrize("ending", [*KEPT_BY_ASE, *KEPT_BY_ORDERS])
def test_every_file_it_writes_has_the_moments(ending: str, iron: Path) -> None:
    out = iron.with_name(f"out{ending}")
    assert main(["spin-relax", str(iron), "--model", "potential-fe", "--device", "cpu", "--out", str(out)]) == 0
    if ending == ".vasp":
        assert out.read_text().startswith("MAGMOM = 2*2.163\n")
        return
    moments = read_atoms(out).get_initial_magnetic_moments()
    assert np.abs(moments).reshape(2, -1).max(axis=1) == pytest.approx([2.163] * 2, abs=0.002)


@pytest.mark.parametrize("cell", [True, False])
def test_the_cell_relaxes_where_it_is_asked_to(cell: bool, iron: Path) -> None:
    dense, out = read(iron), iron.with_name("out.extxyz")
    dense.set_cell([2.78] * 3, scale_atoms=True)
    write(iron, dense)
    command = ["spin-relax", str(iron), "--model", "potential-fe", "--device", "cpu", "--quiet", "--out", str(out)]
    assert main([*command, "--cell" if cell else "--positions"]) == 0
    assert read(out).cell.lengths() == pytest.approx([2.83 if cell else 2.78] * 3, abs=0.01)


@pytest.mark.parametrize(
    ("moments", "kind"), [((2, 2), "FM"), ((2, -2), "AFM"), ((2, -0.3), "FiM"), ((0, 0), "NM"), (TURNED, "FiM")]
)
def test_orders_that_are_written_are_called_by_their_moments(moments: object, kind: str) -> None:
    atoms = bulk("Fe", "bcc", a=2.83, cubic=True)
    atoms.set_initial_magnetic_moments(None)
    atoms.set_initial_magnetic_moments(moments)
    assert _as_order(atoms).kind == kind


@pytest.mark.parametrize("name", ["out.cif", "out.foo", "POSCAR"])
def test_files_that_lose_moments_are_refused_before_the_work(
    name: str, iron: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["spin-relax", str(iron), "--model", "no such model", "--out", str(iron.with_name(name))]
    with pytest.raises(SystemExit):
        main(command)
    assert "must end in" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*what is usual", "ignore:volume of")
def test_a_layer_without_a_full_cell_relaxes_its_moments_but_no_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layer = bcc100("Fe", (1, 1, 2), a=2.83)
    layer.info.clear()  # of ASE, which extxyz cannot hold
    layer.set_initial_magnetic_moments([2.2] * 2)
    write(tmp_path / "layer.extxyz", layer)
    command = ["spin-relax", str(tmp_path / "layer.extxyz"), "--model", "potential-fe", "--device", "cpu"]
    assert main(command) == 0
    for more in (["--cell"], ["--out", str(tmp_path / "out.mcif")]):
        assert main([*command, *more]) == 2
        assert "lacks a cell vector" in capsys.readouterr().err


def test_a_file_without_moments_is_told_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    atoms = bulk("Fe")
    atoms.set_initial_magnetic_moments(None)  # ASE gives iron some
    write(tmp_path / "bare.extxyz", atoms)
    assert main(["spin-relax", str(tmp_path / "bare.extxyz"), "--model", "potential-fe"]) == 2
    assert "bare.extxyz: has no moments to start from; give --moment" in capsys.readouterr().err
