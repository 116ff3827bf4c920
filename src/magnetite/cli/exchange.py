"""``magnetite exchange``: what exchange constants say, in other programs' words, and the order they ask for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magnetite.cli.parsers import add_command

if TYPE_CHECKING:
    from magnetite.exchange.model import ExchangeModel

DESCRIPTION = """\
Show exchange constants shell by shell, where in the Brillouin zone J(q) is largest and the mean-field temperature;
convert them between UppASD, Vampire, Spirit, csv and json; find the classical ground state.

H = - sum over pairs (each once) J e_i.e_j, unit vectors, meV: positive is ferromagnetic. Other programs' conventions
are turned into this one on reading and back on writing.
"""
EXAMPLES = """\
examples:
  magnetite exchange uppasd_folder
  magnetite exchange uppasd_folder --to vampire.ucf
  magnetite exchange J.csv --ground-state --out order.mcif --plot J.png --plot-q Jq.png
  magnetite exchange compounds.jsonl.gz --name NiO --ground-state
"""
FORMATS = ("uppasd", "vampire", "spirit", "csv", "json")
"""Those of `magnetite.exchange.formats`, repeated to keep ``--help`` quick."""
SHELLS = 12


def add_input(parser: argparse.ArgumentParser) -> None:
    """The file of exchange constants."""
    parser.add_argument("file", type=Path, metavar="FILE", help="inpsd.dat or its folder, ucf, cfg, csv, json, jsonl")
    parser.add_argument("--format", choices=FORMATS, help="of the file, if its name does not say")
    parser.add_argument("--name", help="which record of a file with several")


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "exchange", run, "exchange constants, ground state", DESCRIPTION, EXAMPLES)
    add_input(parser)
    parser.add_argument("--to", type=Path, metavar="FILE", help="write them there (UppASD: a folder)")
    parser.add_argument("--to-format", choices=FORMATS, help="of that file, if its name does not say")
    parser.add_argument("--ground-state", action="store_true", help="relax the classical ground state")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the ground state (mcif, vasp, extxyz)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="picture of J(r)")
    parser.add_argument("--plot-q", type=Path, metavar="FILE", help="picture of J(q)")


def run(args: argparse.Namespace) -> int:
    """Show, convert, relax and draw, whatever was asked for."""
    from magnetite.exchange.formats import read, write

    model = read(args.file, args.format, name=args.name)
    _show(model)
    if args.to is not None:
        print(f"\nwritten: {write(model, args.to, args.to_format)}")  # noqa: T201
    if args.ground_state or args.out is not None:
        from magnetite.exchange.luttinger import ground_state

        found = ground_state(model)
        print(f"\nground state: {found}")  # noqa: T201
        if args.out is not None:
            print(f"written: {found.order.write(args.out)}")  # noqa: T201
    if args.plot is not None or args.plot_q is not None:
        from magnetite.exchange.plots import plot_couplings, plot_fourier

        for path, draw in ((args.plot, plot_couplings), (args.plot_q, plot_fourier)):
            if path is not None:
                draw(model).savefig(path)
                print(f"drawn: {path}")  # noqa: T201
    return 0


def _show(model: ExchangeModel) -> None:
    import numpy as np

    from magnetite.exchange.checks import warnings_of
    from magnetite.exchange.fourier import maximum
    from magnetite.exchange.meanfield import mean_field_temperature

    print(f"{model.name}: {len(model)} magnetic sites, {len(model.first)} bonds")  # noqa: T201
    print("  pair             Å        n per site   J / meV")  # noqa: T201
    labels = [
        (round(float(d), 3), "-".join(sorted((model.species[i], model.species[j]))), round(float(value), 4))
        for d, i, j, value in zip(model.distances, model.first, model.second, model.isotropic, strict=True)
    ]
    shells = sorted(set(labels))
    for shell in shells[:SHELLS]:
        distance, pair, value = shell
        print(f"  {pair:<12} {distance:8.3f} {2 * labels.count(shell) / len(model):10.2f} {value:12.4f}")  # noqa: T201
    if len(shells) > SHELLS:
        print(f"  … {len(shells) - SHELLS} more")  # noqa: T201
    best = maximum(model)
    wave = " ".join(f"{c:.4g}" for c in np.round(best.q, 6))
    print(f"J(q) is largest, {best.value:.4f} meV, at q = ({wave})")  # noqa: T201
    print(f"mean-field transition temperature {mean_field_temperature(model, best):.1f} K")  # noqa: T201
    for text in (*model.notes, *warnings_of(model, best.isotropic)):
        print(f"  ! {text}")  # noqa: T201
