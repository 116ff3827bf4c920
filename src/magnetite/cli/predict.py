"""``magnetite predict``: reports for a few files."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from magnetite.cli import BAD_INPUT, complain
from magnetite.zoo.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from magnetite.reports import MagnetismReport

DESCRIPTION = """\
Predict the magnetism of the structures in files that pymatgen or ASE reads (cif, POSCAR, extxyz, xsf,
pymatgen's JSON, jsonl, ASE databases …). A file that holds several gives one report each, named
FILE#POSITION from 1. Moments in the files are ignored.

A file that cannot be used is named on stderr with the reason; the others are answered all the same,
and the exit code is then 2.
"""
EXAMPLES = """\
examples:
  magnetite predict NiO.cif
  magnetite predict runs/*/CONTCAR --format csv --output magnetism.csv
  magnetite predict NiO.cif --format jsonl | jq .probabilities
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "predict",
        help="predict the structures in a few files",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="structure file")
    parser.add_argument("--format", choices=("table", "json", "jsonl", "csv"), default="table", help="(default: table)")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or path of a card (default: %(default)s)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda … (default: auto)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write there, whole or not at all (default: stdout)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Predict, print, and say which files are bad."""
    from magnetite.cli.formatting import WRITERS
    from magnetite.pipeline import run as run_pipeline
    from magnetite.zoo.loading import load

    model = load(args.model, args.device)
    failures = 0

    def good(reports: Iterable[MagnetismReport]) -> Iterator[MagnetismReport]:
        nonlocal failures
        for report in reports:
            if report.error is None:
                yield report
            else:
                failures += 1
                complain(f"{report.source}: {report.error}")

    with _target(args.output) as stream:
        WRITERS[args.format](good(run_pipeline(model, _structures(args.files), on_error="report")), stream)
    return BAD_INPUT if failures else 0


def _structures(files: list[Path]) -> Iterator[Any]:
    """Crystals and, in their places, errors."""
    from magnetite.errors import ReadError
    from magnetite.sources import read_rows

    for file in files:
        if os.path.isdir(file):  # noqa: PTH112 (Path.is_dir raises where the path may not be looked at)
            yield ReadError("is a folder; use magnetite screen for it", str(file))
        else:
            yield from (crystal for _, crystal in read_rows(file))


@contextmanager
def _target(path: Path | None) -> Iterator[TextIO]:
    """Where to write: stdout, or a file that appears when all is written."""
    if path is None:
        yield sys.stdout
        return
    partial = path.with_name(f".{path.name}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
