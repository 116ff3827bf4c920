"""``magnetite screen``: many structures into one parquet table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from magnetite.cli import BAD_INPUT, INTERRUPTED, complain
from magnetite.cli.parsers import add_command, add_model, add_quiet, is_special
from magnetite.zoo.registry import DEFAULT_MODEL

DESCRIPTION = """\
Predict many structures into one parquet table, one row each in the order of the input, in constant
memory. INPUT is a jsonl or jsonl.gz file (pymatgen's dictionaries or plain lattice / species /
frac_coords, with an id if you like), an extxyz file, an ASE database, a cif … or a folder of these.

A structure that cannot be used gets a row that says why in the column error. Interrupted by Ctrl-C or
a crash, the same command continues where it was; finished rows wait in OUT.parts/.
"""
EXAMPLES = """\
examples:
  magnetite screen mp.jsonl.gz --out mp.parquet
  magnetite screen relaxed.db cifs/ --out all.parquet --device cuda

columns: source, id, formula, ordering, p_nm, p_afm, p_fm, zero_k_probability, uncertainty,
  mutual_information, in_domain, max_moment (μB), warnings, error, model
"""


def _table(text: str) -> Path:
    """Type of ``--out``: another ending would promise another format. `screen` checks the rest."""
    path = Path(text)
    if path.suffix.lower() not in {".parquet", ".pq"} and not path.is_dir() and not is_special(path):
        raise argparse.ArgumentTypeError(f"{text}: the table is parquet; end its name in .parquet")
    return path


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(
        subparsers, "screen", run, "predict many structures into a parquet table", DESCRIPTION, EXAMPLES
    )
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="file, database or folder")
    parser.add_argument("--out", type=_table, required=True, metavar="OUT.parquet", help="the table")
    add_model(parser, DEFAULT_MODEL)
    parser.add_argument("--overwrite", action="store_true", help="replace OUT.parquet if it exists")
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Screen, then sum up."""
    from magnetite.screening import ScreeningInterrupted, screen

    try:
        summary = screen(
            args.inputs,
            args.out,
            model=args.model,
            device=args.device,
            overwrite=args.overwrite,
            progress=not args.quiet,
        )
    except ScreeningInterrupted as interruption:
        complain(f"interrupted; {interruption.rows:,} rows are kept, the same command continues")
        return INTERRUPTED
    speed = summary.computed / summary.seconds if summary.seconds else 0.0
    kept = summary.rows - summary.computed
    print(  # noqa: T201
        f"{args.out}: {summary.rows:,} rows, {summary.errors:,} errors; {speed:,.0f} rows/s"
        + (f" ({kept:,} rows were there already)" if kept else "")
    )
    print("  ".join(f"{name} {count:,}" for name, count in sorted(summary.classes.items())))  # noqa: T201
    for example in summary.examples:
        complain(example)
    if summary.errors > len(summary.examples):
        complain(f"… and {summary.errors - len(summary.examples):,} more errors, in the column error")
    return BAD_INPUT if summary.errors == summary.rows else 0
