"""``magnetite predict``: reports for a few files."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from magnetite.cli import BAD_INPUT, complain
from magnetite.cli.parsers import add_command, add_model, spare_structures
from magnetite.errors import MagnetiteError
from magnetite.whole import whole_path
from magnetite.zoo.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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
TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
"""How files are written: every text can be, and lines end as the format says."""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "predict", run, "predict the structures in a few files", DESCRIPTION, EXAMPLES)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="structure file")
    parser.add_argument("--format", choices=("table", "json", "jsonl", "csv"), default="table", help="(default: table)")
    add_model(parser, DEFAULT_MODEL)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write there, whole or not at all (default: stdout)"
    )


def run(args: argparse.Namespace) -> int:
    """Predict, print, and say which files are bad."""
    from magnetite.api import load_order_model
    from magnetite.cli.formatting import WRITERS
    from magnetite.pipeline import run as run_pipeline
    from magnetite.structures import as_crystal

    spare_structures(args.files, args.output)
    found = structures(args.files, as_crystal, "use magnetite screen for it")
    reports = run_pipeline(load_order_model(args.model, args.device), found, on_error="report")
    return write(reports, WRITERS[args.format], args.output)


def write(reports: Iterable[Any], writer: Callable[[Iterable[Any], TextIO], None], output: Path | None) -> int:
    """Write the good reports, name the bad ones on stderr; returns the exit code."""
    failures = 0

    def good() -> Iterator[Any]:
        nonlocal failures
        for report in reports:
            if report.error is None:
                yield report
            else:
                failures += 1
                complain(f"{report.source}: {report.error}")

    with _target(output) as stream:
        writer(good(), stream)
    return BAD_INPUT if failures else 0


def structures(files: list[Path], take: Callable[[Any, str | None], Any], hint: str) -> Iterator[Any]:
    """What `take` makes of the structures in files and, in their places, errors; the hint is for folders."""
    from magnetite.errors import ReadError
    from magnetite.sources import read_rows

    for file in files:
        if os.path.isdir(file):  # noqa: PTH112 (Path.is_dir raises where the path may not be looked at)
            yield ReadError(f"is a folder; {hint}", str(file))
        else:
            yield from (found for _, found in read_rows(file, take))


@contextmanager
def _target(path: Path | None) -> Iterator[TextIO]:
    """Where to write: stdout, a pipe or device, or a file that appears when all is written; links stay links."""
    if path is None:
        yield sys.stdout
    elif path.is_dir():
        raise MagnetiteError("is a folder", str(path))
    else:
        with whole_path(path) as partial, partial.open("w", **TEXT) as stream:
            yield stream
