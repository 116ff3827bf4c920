"""``magnetite kvectors``: propagation vectors of magnetic order, ranked."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from magnetite.cli.parsers import add_command, add_device, positive, spare_structures
from magnetite.zoo.registry import DEFAULT_MODEL, DEFAULT_RANKER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from magnetite.propagation.reports import PropagationReport

DESCRIPTION = """\
Rank the commensurate propagation vectors that the magnetic order of each structure may have, as fractions of the
reciprocal basis of the primitive cell and of the cell in the file, with the name of the point or line of symmetry
(Setyawan and Curtarolo). Probabilities hold if the crystal orders at all; how probable k = 0 is, the model of
magnetism says (all but certain for a sure ferro- or ferrimagnet), the other vectors share the rest.

A file that cannot be used is named on stderr with the reason; the others are answered all the same,
and the exit code is then 2.
"""
EXAMPLES = """\
examples:
  magnetite kvectors NiO.cif
  magnetite kvectors *.cif --limit 3 --format jsonl
"""
LINE = "{:<32}  {:<14} {:>5}  {:<16} {:<16} {:<9} {:>4}"


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "kvectors", run, "rank propagation vectors", DESCRIPTION, EXAMPLES)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="structure file")
    parser.add_argument("--format", choices=("table", "jsonl"), default="table", help="(default: table)")
    parser.add_argument("--limit", type=positive, default=5, metavar="N", help="vectors at most (default: %(default)s)")
    parser.add_argument("--model", default=DEFAULT_RANKER, help="that ranks; name or card (default: %(default)s)")
    parser.add_argument(
        "--zero-model", default=DEFAULT_MODEL, metavar="MODEL",
        help="that says how probable k = 0 is; likewise (default: %(default)s)",
    )  # fmt: skip
    add_device(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write there, all or nothing (default: stdout)")


def run(args: argparse.Namespace) -> int:
    """Rank, print, and say which files are bad."""
    from magnetite.cli.predict import structures, write
    from magnetite.structures import as_crystal

    found = structures(args.files, as_crystal, "name the files in it")
    writer = write_table if args.format == "table" else write_jsonl
    spare_structures(args.files, args.output)
    return write(_reports(found, args), writer, args.output)


def _reports(found: Iterator[Any], args: argparse.Namespace) -> Iterator[PropagationReport]:
    """One report for each structure or, in its place, for what is wrong with it."""
    from magnetite.api import analyze_magnetism
    from magnetite.errors import MagnetiteError
    from magnetite.propagation.model import load_ranker

    ranker = load_ranker(args.model, args.device)
    for crystal in found:
        try:
            if isinstance(crystal, MagnetiteError):
                raise crystal
            magnetism = analyze_magnetism(crystal, model=args.zero_model, device=args.device)
            yield ranker.report(ranker.prepare(crystal), magnetism.zero_k_if_ordered, args.limit)
        except MagnetiteError as error:
            yield ranker.failure(error.reason, error.source or getattr(crystal, "source", None))


def write_table(reports: Iterable[PropagationReport], stream: TextIO) -> None:
    """A line for each vector, the most probable first."""
    model = None
    for report in reports:
        if model is None:
            model = report.model
            print(LINE.format("path", "formula", "p", "k (primitive)", "k (given cell)", "point", "star"), file=stream)
        if not report.vectors:
            print(LINE.format(report.source or "", report.formula, "–", "no magnetic atoms", "", "", ""), file=stream)
        for rank, vector in enumerate(report.vectors):
            title = ("", "") if rank else (report.source or "", report.formula)
            words = (" ".join(vector.k), " ".join(vector.k_input), vector.point, vector.star_size)
            print(LINE.format(*title, f"{vector.probability:.2f}", *words), file=stream)
    if model is not None:
        print(
            f"\np: probability if it orders; star: arms, k and -k counted once. Model: {model}",
            file=stream,
        )


def write_jsonl(reports: Iterable[PropagationReport], stream: TextIO) -> None:
    """One object a line."""
    stream.writelines(json.dumps(report.as_row(), ensure_ascii=False) + "\n" for report in reports)
