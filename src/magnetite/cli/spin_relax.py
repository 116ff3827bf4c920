"""``magnetite spin-relax``: relax moments, atoms and cell with a potential."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magnetite.cli import INTERRUPTED
from magnetite.cli.parsers import add_command, add_device, add_quiet, amount, positive, target
from magnetite.whole import whole_path

if TYPE_CHECKING:
    from magnetite.orderings.order import MagneticOrder

DESCRIPTION = """\
Relax the moments of a crystal with a magnetic potential; with --positions also its atoms, with --cell also its cell.
Moments to start from are those of the file (extxyz, mcif …; those that a calculation found before those that it
began with) or one number for all magnetic atoms (--moment).
Of a file with several frames name one, counted from 0: run.traj@3.

A relaxation finds the nearest minimum: start from every magnetic order that is of interest. Ctrl-C ends it where it
is, which is printed and written all the same.
"""
EXAMPLES = """\
examples:
  magnetite spin-relax own.extxyz --moment 2.2 --model runs/p/model/own-potential.json --cell --out relaxed.extxyz
  magnetite spin-relax NiO-1-AFM.extxyz --model potential-nio --out relaxed.extxyz
"""

STOPPED = "stopped before it was relaxed"
KEPT_BY_ASE = {".extxyz": "extxyz", ".extxyz.gz": "extxyz", ".xyz": "extxyz", ".traj": "traj", ".json": "json"}
"""Endings of files in which ASE keeps moments, and its names for them."""
KEPT_BY_ORDERS = (".mcif", ".vasp")
"""Endings of further ones, which `MagneticOrder` writes."""
SMALL = 1e-3
"""Share of Σ|m| that counts as none."""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "spin-relax", run, "relax moments, atoms and cell", DESCRIPTION, EXAMPLES)
    parser.add_argument("file", type=Path, metavar="FILE", help="structure file, with moments or --moment")
    parser.add_argument("--model", default="potential-nio", help="potential, name or card (default: %(default)s)")
    parser.add_argument("--moment", type=float, help="μB, for each atom of an element that carries moments")
    parser.add_argument("--positions", action="store_true", help="relax the atoms too")
    parser.add_argument("--cell", action="store_true", help="relax atoms and cell too")
    parser.add_argument("--force", type=amount, default=0.01, help="largest that is left, eV/Å (default: %(default)s)")
    parser.add_argument("--steps", type=positive, default=200, help="of atoms and cell at most (default: %(default)s)")
    endings = ", ".join((*KEPT_BY_ASE, *KEPT_BY_ORDERS))
    parser.add_argument("--out", type=_out, metavar="FILE", help=f"file to write, ends in {endings}")
    add_quiet(parser)
    add_device(parser)


def run(args: argparse.Namespace) -> int:
    """Relax and print."""
    import numpy as np

    from magnetite.errors import StructureError
    from magnetite.potential.taking import has_volume, replace_moments
    from magnetite_ase.potential import SpinPotential

    atoms = read_atoms(args.file)
    if args.moment is None and not atoms.has("initial_magmoms"):
        raise StructureError("has no moments to start from; give --moment", str(args.file))
    calculator = SpinPotential(args.model, moments="relaxed", device=args.device)
    if args.moment is not None:
        carrying = np.isin(atoms.numbers, calculator.potential.network.magnetic_numbers)
        replace_moments(atoms, np.where(carrying, args.moment, 0.0))
    _check_height(atoms, args)
    atoms.calc = calculator
    unfinished = _move(atoms, args) if args.positions or args.cell else None
    energy = atoms.get_potential_energy()
    report = calculator.report
    assert report is not None
    print(f"{atoms.symbols}  {energy:.6f} eV  {energy / len(atoms):.6f} eV/atom  {calculator.potential.card}")  # noqa: T201
    volume = f"volume {atoms.get_volume() / len(atoms):.4f} Å³/atom, " if has_volume(atoms) else ""
    print(f"{volume}largest force {_largest(report.forces):.2g} eV/Å")  # noqa: T201
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
        _write(args.out, final)
        print(f"wrote {args.out}")  # noqa: T201
    return INTERRUPTED if unfinished == STOPPED else 0


def _check_height(atoms: Any, args: argparse.Namespace) -> None:
    """What a layer without a full cell cannot do is refused before the work.

    Raises:
        StructureError: a cell vector is missing or nothing is periodic, and the cell is to be relaxed or written.
    """
    from magnetite.errors import StructureError
    from magnetite.potential.taking import has_volume

    written = args.out is not None and args.out.name.lower().endswith(KEPT_BY_ORDERS)
    if not has_volume(atoms) and (args.cell or written):
        missing = "lacks a cell vector" if atoms.pbc.any() else "has no cell that is periodic"
        raise StructureError(f"{missing}, which --cell, {' and '.join(KEPT_BY_ORDERS)} need", str(args.file))


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


def _out(text: str) -> Path:
    """Type of ``--out``: a format that would lose the moments is refused before the work, too."""
    return target(text, *KEPT_BY_ASE, *KEPT_BY_ORDERS)


def _write(path: Path, atoms: Any) -> None:
    from ase.io import write

    kept = [name for ending, name in KEPT_BY_ASE.items() if path.name.lower().endswith(ending)]
    if kept:
        with whole_path(path) as partial:
            write(partial, atoms, format=kept[0])
    else:
        _as_order(atoms).write(path)


def _as_order(atoms: Any) -> MagneticOrder:
    """The atoms' cell with its moments, as an order that only this cell repeats."""
    import numpy as np

    from magnetite.orderings.order import MagneticOrder

    moments = atoms.get_initial_magnetic_moments()
    vectors = moments.reshape(len(atoms), -1)
    total, net = np.linalg.norm(vectors, axis=1).sum(), np.linalg.norm(vectors.sum(axis=0))
    kind = "NM" if not total else "AFM" if net < SMALL * total else "FM" if net > (1 - SMALL) * total else "FiM"
    same, zero = ((1, 0, 0), (0, 1, 0), (0, 0, 1)), ("0", "0", "0")
    return MagneticOrder(
        kind, 1.0, atoms.cell.array.tolist(), tuple(atoms.get_chemical_symbols()),
        atoms.get_scaled_positions().tolist(), moments.tolist(), same, zero, zero,
    )  # fmt: skip


def read_atoms(path: Path) -> Any:
    """The file's only structure, or the one that ``FILE@NUMBER`` names, with its moments.

    Where a calculation left both, these are the moments that it found, not those that it began with.

    Raises:
        ReadError: it cannot be read, or holds several frames.
        StructureError: an mcif's structure is modulated, disordered or at odds with its symmetry.
    """
    from ase.io import read
    from ase.io.formats import parse_filename

    from magnetite.datasets.mcif import read_mcif
    from magnetite.errors import ReadError
    from magnetite.potential.taking import found_moments, replace_moments

    if path.suffix.lower() == ".mcif":
        from pymatgen.io.ase import AseAtomsAdaptor

        return AseAtomsAdaptor.get_atoms(read_mcif(path).structure)
    try:
        name, index = parse_filename(str(path))
        frames: Any = read(name, ":" if index is None else index)
    except Exception as error:
        raise ReadError(f"cannot be read ({type(error).__name__}: {error})", str(path)) from error
    if isinstance(frames, list) and len(frames) != 1:
        raise ReadError(f"holds {len(frames)} frames; name one, counted from 0: {name}@0", str(path))
    atoms: Any = frames[0] if isinstance(frames, list) else frames
    found = found_moments(atoms)
    if found is not None:
        replace_moments(atoms, found)
    return atoms
