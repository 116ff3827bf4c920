"""``magnetite tc``: transition temperatures of exchange constants."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from magnetite.cli.exchange import add_input, load_constants
from magnetite.cli.parsers import add_command, add_quiet, picture, seed, target
from magnetite.whole import write_text

DESCRIPTION = """\
Estimate the transition temperature of exchange constants in three ways: mean field, random phase approximation, and
classical Monte Carlo (heat bath, over-relaxation, parallel tempering; crossing of Binder's cumulants of two supercells,
or the peak of the specific heat where they do not cross), the last one also times (S + 1)/S.
"""
EXAMPLES = """\
examples:
  magnetite tc compounds.jsonl.gz --name NiO
  magnetite tc uppasd_folder --spin 1.5 --effort quick --plot curves.png --out report.json
  magnetite tc J.csv --temperatures 20 80 13 --checkpoint kept
"""
EFFORTS = ("quick", "normal", "thorough")


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "tc", run, "transition temperature of exchange constants", DESCRIPTION, EXAMPLES)
    add_input(parser)
    parser.add_argument("--spin", type=float, metavar="S", help="spin length for (S + 1)/S, if the file has none")
    parser.add_argument("--effort", choices=EFFORTS, default="normal", help="of Monte Carlo (default: %(default)s)")
    parser.add_argument(
        "--temperatures", nargs=3, type=float, metavar=("LOW", "HIGH", "N"), help="K; found by a first run if not given"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="keep simulations there, and go on from it")
    parser.add_argument("--out", type=target, metavar="FILE", help="write the report with all curves (json)")
    parser.add_argument("--plot", type=picture, metavar="FILE", help="picture of M(T), C(T) and Binder's cumulant")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Estimate, print, write and draw."""
    import numpy as np

    from magnetite.errors import ExchangeError
    from magnetite.exchange.temperature import QUICK, Effort, transition_temperature

    model = load_constants(args)
    if args.spin is not None:
        if not 0 < args.spin < float("inf"):
            raise ExchangeError("--spin takes a positive length S")
        model = replace(model, spins=np.full(len(model), args.spin))
    efforts = {"quick": QUICK, "normal": Effort(), "thorough": Effort((1000, 4000), 11, 15_000)}
    grid = None
    if args.temperatures is not None:
        low, high, number = args.temperatures
        if not 0 < low < high < float("inf") or not 2 <= number < float("inf") or number % 1:  # noqa: PLR2004
            raise ExchangeError("--temperatures takes 0 < LOW < HIGH in K and a whole number of them, at least 2")
        grid = np.linspace(low, high, int(number)).tolist()
    report = transition_temperature(
        model, effort=efforts[args.effort], temperatures=grid, seed=args.seed, progress=not args.quiet,
        checkpoint=args.checkpoint,
    )  # fmt: skip
    print(report)  # noqa: T201
    if args.out is not None:
        write_text(args.out, json.dumps(report.as_dict(), indent=1))
        print(f"written: {args.out}")  # noqa: T201
    if args.plot is not None:
        from magnetite.exchange.plots import plot_thermal
        from magnetite.pictures import save_picture

        save_picture(plot_thermal(report), args.plot)
        print(f"drawn: {args.plot}")  # noqa: T201
    return 0
