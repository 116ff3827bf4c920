"""Exchange constants of a potential: of the state that a calculation found, wherever its atoms lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import magnetite
from magnetite.cli import main
from magnetite.cli.spin_relax import read_atoms
from magnetite.errors import StructureError
from magnetite.potential.exchange import exchange_of
from magnetite.potential.taking import as_spin_crystal

REACH = 2.6


def iron(first: float = 2.16) -> Atoms:
    atoms = bulk("Fe", "bcc", a=2.83, cubic=True)
    atoms.set_initial_magnetic_moments([first, first])
    return atoms


def test_atoms_outside_the_cell_keep_their_bonds() -> None:
    potential = magnetite.load("potential-fe", "cpu")
    inside, outside = iron(), iron()
    outside.positions[1] += 5 * outside.cell[0] - 7 * outside.cell[1]
    one, other = (exchange_of(potential, atoms, reach=REACH) for atoms in (inside, outside))
    assert len(one.bonds) == len(other.bonds) == 8
    assert np.allclose(one.shells(), other.shells())


def test_moments_that_a_calculation_found_come_before_those_it_began_with(tmp_path: Path) -> None:
    atoms = iron(3.0)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, magmoms=np.array([2.16, 2.16]))
    assert exchange_of(magnetite.load("potential-fe", "cpu"), atoms, reach=REACH).moments == pytest.approx(2.16)
    for name in ("x.traj", "x.extxyz"):
        write(tmp_path / name, atoms)
        assert read_atoms(tmp_path / name).get_initial_magnetic_moments() == pytest.approx(2.16)
    atoms.set_initial_magnetic_moments([2.5, 2.5])  # no longer the atoms that the calculator knew
    assert exchange_of(magnetite.load("potential-fe", "cpu"), atoms, reach=REACH).moments == pytest.approx(2.5)


def test_a_reach_without_bonds_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "iron.extxyz", iron())
    command = [str(tmp_path / "iron.extxyz"), "--potential", "potential-fe", "--reach", "1.0"]
    for name in ("exchange", "tc"):
        assert main([name, *command]) == 2
        assert "no two magnetic sites are within 1 Å" in capsys.readouterr().err
    with pytest.raises(StructureError, match="reach is a length"):
        exchange_of(magnetite.load("potential-fe", "cpu"), iron(), reach=float("nan"))


def test_reports_say_where_a_crystal_came_from(tmp_path: Path) -> None:
    potential, path = magnetite.load("potential-fe", "cpu"), tmp_path / "iron.extxyz"
    write(path, iron())
    item = potential.prepare(as_spin_crystal(read_atoms(path), source=str(path)))
    assert potential.predict([item])[0].source == str(path)


def test_long_work_shows_a_bar_unless_quiet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "iron.extxyz", iron())
    command = ["exchange", str(tmp_path / "iron.extxyz"), "--potential", "potential-fe", "--reach", str(REACH)]
    assert main(command) == 0
    assert "second derivatives" in capsys.readouterr().err
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr().err == ""
