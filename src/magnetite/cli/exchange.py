"""``magnetite exchange``: what exchange constants say, in other programs' words, and the order they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magnetite.cli.parsers import add_command, add_quiet, amount, picture, target

if TYPE_CHECKING:
    from magnetite.exchange.model import ExchangeModel

DESCRIPTION = """\
Show exchange constants shell by shell, where in the Brillouin zone J(q) is largest and the mean-field temperature;
convert them between UppASD, Vampire, Spirit, csv and json; find the classical ground state. With --potential they are
second derivatives of a magnetic potential's energy in the magnetic state of a structure: the moments that a
calculation found, if the file has them, otherwise those that it began with.

H = - sum over pairs (each once) J e_i.e_j, unit vectors, meV: positive is ferromagnetic. Other programs' conventions
are turned into this one on reading and back on writing.

With --fit the file holds what DFT computed of one crystal, one frame a magnetic state, with energy and magmoms (and,
for --magnetic-forces, the array magnetic_forces): least squares find the constants, with errors.
"""
EXAMPLES = """\
examples:
  magnetite exchange uppasd_folder
  magnetite exchange uppasd_folder --to vampire.ucf
  magnetite exchange J.csv --ground-state --out order.mcif --plot J.png --plot-q Jq.png
  magnetite exchange compounds.jsonl.gz --name NiO --ground-state
  magnetite exchange relaxed.extxyz --potential potential-nio --to J.csv    after spin-relax, whose moments fit
  magnetite exchange orders.extxyz --fit 4.5 --to J.csv
  magnetite exchange constrained.extxyz --fit 4.5 --magnetic-forces
"""
FORMATS = ("uppasd", "vampire", "spirit", "csv", "json")
"""Those of `magnetite.exchange.formats`, repeated to keep ``--help`` quick."""
SHELLS = 12


def add_input(parser: argparse.ArgumentParser) -> None:
    """The file of exchange constants, or of what they are taken from."""
    parser.add_argument("file", type=Path, metavar="FILE", help="inpsd.dat or its folder, ucf, cfg, csv, json, jsonl")
    parser.add_argument("--format", choices=FORMATS, help="of the file, if its name does not say")
    parser.add_argument("--name", help="which record of a file with several")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--potential",
        metavar="CARD",
        help="the file is a structure with moments: take the constants from this potential",
    )
    source.add_argument(
        "--fit",
        type=amount,
        metavar="Å",
        help="the file holds magnetic states: fit to their energies, up to this distance",
    )
    parser.add_argument("--magnetic-forces", action="store_true", help="fit to −dE/dm of constrained moments instead")
    parser.add_argument("--reach", type=amount, metavar="Å", help="longest bond of the potential (default: its cutoff)")


def load_constants(args: argparse.Namespace) -> ExchangeModel:
    """The exchange constants of a file or, in the state of a structure's moments, of a potential.

    Tensors where the potential knows spin–orbit coupling, numbers otherwise.

    Raises:
        ExchangeError: an option says something of another source.
        ZooError: no such potential.
    """
    _check_options(args)
    if args.fit is not None:
        from magnetite.exchange.states import fit_file, with_errors

        return with_errors(fit_file(args.file, args.fit, to_forces=args.magnetic_forces))
    if args.potential is None:
        from magnetite.exchange.formats import read

        return read(args.file, args.format, name=args.name)
    from magnetite.cli.spin_relax import read_atoms
    from magnetite.errors import ExchangeError
    from magnetite.exchange import ExchangeModel
    from magnetite.potential.exchange import exchange_of
    from magnetite.potential.model import PotentialModel
    from magnetite.zoo.loading import load_kind

    potential = load_kind(PotentialModel, "a potential", args.potential, "cpu")
    atoms = read_atoms(args.file)
    found = exchange_of(potential, atoms, reach=args.reach, progress=not args.quiet)
    if not len(found.bonds):
        within = potential.network.config.cutoff if args.reach is None else args.reach
        raise ExchangeError(f"no two magnetic sites are within {within:g} Å of each other", str(args.file))
    values = found.tensors if potential.network.config.spin_orbit else found.couplings
    notes = (f"of {potential.card}, in the state given", *found.warnings)
    return ExchangeModel.from_bonds(
        found.lattice, found.frac_coords, found.bonds, values, species=found.species, moments=found.moments,
        name=args.file.stem, notes=notes,
    )  # fmt: skip


def _check_options(args: argparse.Namespace) -> None:
    """An option that the source does not read must not look as if it had been heeded."""
    from magnetite.errors import ExchangeError

    if args.magnetic_forces and args.fit is None:
        raise ExchangeError("--magnetic-forces says what to fit to: give --fit Å as well")
    if args.reach is not None and args.potential is None:
        raise ExchangeError("--reach is of a potential: give --potential CARD as well")
    if (args.format or args.name) and (args.fit is not None or args.potential is not None):
        raise ExchangeError("--format and --name are of files of exchange constants, not of structures")


def _state_file(text: str) -> Path:
    """Type of ``--out``, by the endings that `MagneticOrder.write` tells formats by."""
    return target(text, ".mcif", ".vasp", ".extxyz")


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "exchange", run, "exchange constants, ground state", DESCRIPTION, EXAMPLES)
    add_input(parser)
    parser.add_argument("--to", type=Path, metavar="FILE", help="write them there (UppASD: a folder)")
    parser.add_argument("--to-format", choices=FORMATS, help="of that file, if its name does not say")
    parser.add_argument("--ground-state", action="store_true", help="relax the classical ground state")
    parser.add_argument("--out", type=_state_file, metavar="FILE", help="write the ground state (mcif, vasp, extxyz)")
    parser.add_argument("--plot", type=picture, metavar="FILE", help="picture of J(r)")
    parser.add_argument("--plot-q", type=picture, metavar="FILE", help="picture of J(q)")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Show, convert, relax and draw, whatever was asked for."""
    from magnetite.errors import ExchangeError

    if args.to_format and args.to is None:
        raise ExchangeError("--to-format goes with --to FILE")
    model = load_constants(args)
    _show(model)
    if args.to is not None:
        from magnetite.exchange.formats import write

        print(f"\nwritten: {write(model, args.to, args.to_format)}")  # noqa: T201
    if args.ground_state or args.out is not None:
        from magnetite.exchange.luttinger import ground_state

        found = ground_state(model)
        print(f"\nground state: {found}")  # noqa: T201
        if args.out is not None:
            print(f"written: {found.order.write(args.out)}")  # noqa: T201
    if args.plot is not None or args.plot_q is not None:
        from magnetite.exchange.plots import plot_couplings, plot_fourier
        from magnetite.pictures import save_picture

        for path, draw in ((args.plot, plot_couplings), (args.plot_q, plot_fourier)):
            if path is not None:
                save_picture(draw(model), path)
                print(f"drawn: {path}")  # noqa: T201
    return 0


def _show(model: ExchangeModel) -> None:
    import numpy as np

    from magnetite.exchange.checks import warnings_of
    from magnetite.exchange.fourier import maximum
    from magnetite.exchange.meanfield import mean_field_temperature
    from magnetite.exchange.shells import shells

    print(f"{model.name}: {len(model)} magnetic sites, {len(model.first)} bonds")  # noqa: T201
    print("  pair             Å        n per site   J / meV")  # noqa: T201
    found = shells(model)
    for shell in found[:SHELLS]:
        spread = f" ± {shell.spread:.4f}" if shell.spread >= 5e-5 else ""  # noqa: PLR2004
        print(f"  {shell.pair:<12} {shell.distance:8.3f} {shell.neighbours:10.2f} {shell.mean:12.4f}{spread}")  # noqa: T201
    if len(found) > SHELLS:
        print(f"  … {len(found) - SHELLS} more")  # noqa: T201
    best = maximum(model)
    wave = " ".join(f"{c:.4g}" for c in np.round(best.q, 6))
    print(f"J(q) is largest, {best.value:.4f} meV, at q = ({wave})")  # noqa: T201
    print(f"mean-field transition temperature {mean_field_temperature(model, best):.1f} K")  # noqa: T201
    for text in (*model.notes, *warnings_of(model, best.isotropic)):
        print(f"  ! {text}")  # noqa: T201
