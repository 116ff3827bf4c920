"""``magnetite spin-relax``: relax moments, atoms and cell with a potential."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from magnetite.cli import INTERRUPTED
from magnetite.cli.parsers import add_command, add_device, add_quiet, positive, target

DESCRIPTION = """\
Relax the moments of a crystal with a magnetic potential; with --positions also its atoms, with --cell also its cell.
Moments to start from are those of the file (extxyz, mcif …) or one number for all magnetic atoms (--moment).

A relaxation finds the nearest minimum: start from every magnetic order that is of interest. Ctrl-C ends it where it
is, which is printed and written all the same.
"""
EXAMPLES = """\
examples:
  magnetite spin-relax own.extxyz --moment 2.2 --model runs/p/model/own-potential.json --cell --out relaxed.extxyz
  magnetite spin-relax NiO-1-AFM.extxyz --model potential-nio
"""


STOPPED = "stopped before it was relaxed"


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "spin-relax", run, "relax moments, atoms and cell", DESCRIPTION, EXAMPLES)
    parser.add_argument("file", type=Path, metavar="FILE", help="structure file, with moments or --moment")
    parser.add_argument("--model", default="potential-nio", help="potential, name or card (default: %(default)s)")
    parser.add_argument("--moment", type=float, help="μB, for each atom of an element that carries moments")
    parser.add_argument("--positions", action="store_true", help="relax the atoms too")
    parser.add_argument("--cell", action="store_true", help="relax atoms and cell too")
    parser.add_argument("--force", type=float, default=0.01, help="largest that is left, eV/Å (default: %(default)s)")
    parser.add_argument("--steps", type=positive, default=200, help="of atoms and cell at most (default: %(default)s)")
    parser.add_argument("--out", type=target, help="file to write, any format of ASE's that keeps moments")
    add_quiet(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Relax and print."""
    import numpy as np
    from ase.io import write

    from magnetite_ase.potential import SpinPotential

    atoms = read_atoms(args.file)
    calculator = SpinPotential(args.model, moments="relaxed", device=args.device)
    if args.moment is not None:
        carrying = np.isin(atoms.numbers, calculator.potential.network.magnetic_numbers)
        atoms.set_initial_magnetic_moments(np.where(carrying, args.moment, 0.0))
    atoms.calc = calculator
    unfinished = _move(atoms, args) if args.positions or args.cell else None
    energy = atoms.get_potential_energy()
    report = calculator.report
    assert report is not None
    print(f"{atoms.symbols}  {energy:.6f} eV  {energy / len(atoms):.6f} eV/atom  {calculator.potential.card}")  # noqa: T201
    print(f"volume {atoms.get_volume() / len(atoms):.4f} Å³/atom, largest force {_largest(report.forces):.2g} eV/Å")  # noqa: T201
    print(f"largest −dE/dm {_largest(report.magnetic_forces):.2g} eV/μB")  # noqa: T201
    if report.energy_spread is not None:
        apart = 1e3 * report.energy_spread / len(atoms)
        print(f"between networks {apart:.2g} meV/atom, {_largest(report.force_spread):.2g} eV/Å")  # noqa: T201
    for number, (symbol, moment) in enumerate(zip(atoms.get_chemical_symbols(), report.moments, strict=True)):
        vector = " ".join(f"{m:8.4f}" for m in moment)
        print(f"  {number:>4} {symbol:<2} |m| {np.linalg.norm(moment):7.4f} μB  ({vector})")  # noqa: T201
    for warning in (*report.warnings, *([unfinished] if unfinished else [])):
        print(f"  ! {warning}")  # noqa: T201
    if args.out is not None:
        final = atoms.copy()
        final.set_initial_magnetic_moments(calculator.results["magmoms"])
        write(args.out, final)
        print(f"wrote {args.out}")  # noqa: T201
    return INTERRUPTED if unfinished == STOPPED else 0


def _move(atoms: Any, args: argparse.Namespace) -> str | None:
    """Relax atoms, and cell if asked for; why they are not relaxed, if so. Ctrl-C leaves them where they are."""
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS
    from tqdm.auto import tqdm

    moving: Any = FrechetCellFilter(atoms) if args.cell else atoms
    optimizer = BFGS(moving, logfile=None)
    with tqdm(desc="relaxing", unit=" steps", disable=args.quiet) as bar:
        optimizer.attach(bar.update)
        try:
            relaxed = optimizer.run(fmax=args.force, steps=args.steps)
        except KeyboardInterrupt:
            return STOPPED
    return None if relaxed else f"not relaxed after {args.steps} steps"


def _largest(values: Any) -> float:
    return float(abs(values).max())


def read_atoms(path: Path) -> Any:
    """The file's only structure with its moments.

    Raises:
        ReadError: ASE and pymatgen cannot read it.
    """
    from ase.io import read

    from magnetite.errors import ReadError

    try:
        if path.suffix == ".mcif":
            from pymatgen.core.structure import Structure
            from pymatgen.io.ase import AseAtomsAdaptor

            return AseAtomsAdaptor.get_atoms(Structure.from_file(path, primitive=False))
        atoms: Any = read(path)
    except Exception as error:
        raise ReadError(f"cannot be read ({type(error).__name__}: {error})", str(path)) from error
    if atoms.calc is not None and "magmoms" in atoms.calc.results and not atoms.has("initial_magmoms"):
        atoms.set_initial_magnetic_moments(atoms.calc.results["magmoms"])
    return atoms
