"""``magnetite classify``: structure types of a few files."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from magnetite.cli import complain
from magnetite.cli.formatting import PATH_WIDTH, write_json, write_jsonl
from magnetite.cli.parsers import add_command, add_device, picture, positive, spare_structures, target
from magnetite.cli.predict import structures, write
from magnetite.zoo.registry import DEFAULT_CLASSIFIER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from magnetite.prototypes.reports import PrototypeReport

DESCRIPTION = """\
Find which structure type (of 108: bulk crystals, 2D materials, carbon nanotubes) the structures in files
resemble most, with a probability and the mutual information in bits, which is large where the network does
not know. Files that pymatgen or ASE reads, periodic or not (cif, POSCAR, extxyz, xyz …). A file that holds
several gives one report each, named FILE#POSITION from 1.

One answer is for one arrangement: polycrystals, particles and periodic cells of more than 20,000 atoms are for
`magnetite spm`, which maps them place by place.

A file that cannot be used is named on stderr with the reason; the others are answered all the same,
and the exit code is then 2.
"""
EXAMPLES = """\
examples:
  magnetite classify unknown.cif
  magnetite classify *.vasp --format csv --output types.csv
  magnetite classify trajectory.extxyz --format jsonl --passes 100 | jq .prototype
  magnetite classify --classes                   the structure types it knows
"""
CSV_COLUMNS = (
    "path", "formula", "prototype", "name", "probability", "top5", "mutual_information", "spacegroup",
    "strukturbericht", "warnings", "model",
)  # fmt: skip


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "classify", run, "find the structure types of a few files", DESCRIPTION, EXAMPLES)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="structure file")
    parser.add_argument(
        "--classes", action="store_true", help="list the model's classes: label, name, Strukturbericht, space group"
    )
    parser.add_argument("--format", choices=("table", "json", "jsonl", "csv"), default="table", help="(default: table)")
    parser.add_argument("--model", default=DEFAULT_CLASSIFIER, help="name or path of a card (default: %(default)s)")
    parser.add_argument(
        "--passes",
        type=positive,
        default=None,
        help="passes with dropout, 100 or more for a mutual information to trust (default: the model's, 1000)",
    )
    add_device(parser)
    parser.add_argument(
        "--output", type=target, metavar="FILE", help="write there, whole or not at all (default: stdout)"
    )
    parser.add_argument("--plot", type=picture, metavar="PICTURE", help="draw the probabilities (png, pdf, svg …)")


def run(args: argparse.Namespace) -> int:
    """Classify, print, and say which files are bad."""
    from magnetite.api import classify_many
    from magnetite.clusters import as_sample
    from magnetite.errors import MagnetiteError

    if args.classes:
        if args.files or args.output:
            raise MagnetiteError("--classes prints what a model knows: give no files and no --output")
        print(describe_classes(args.model))  # noqa: T201
        return 0
    if not args.files:
        raise MagnetiteError("give structure files, or --classes for what they can be")
    spare_structures(args.files, args.output)
    found = structures(args.files, as_sample, "pass its files")
    reports = classify_many(found, model=args.model, device=args.device, passes=args.passes, on_error="report")
    if args.plot is None:
        return write(reports, WRITERS[args.format], args.output)
    from magnetite.pictures import save_picture
    from magnetite.prototypes.report_plots import MOST_REPORTS, plot_reports

    kept = list(reports)
    code = write(kept, WRITERS[args.format], args.output)
    drawn = [report for report in kept if report.error is None]
    save_picture(plot_reports(drawn), args.plot)
    if len(drawn) > MOST_REPORTS:
        complain(f"{args.plot} shows the first {MOST_REPORTS} of {len(drawn):,} structures")
    return code


def describe_classes(model: str) -> str:
    """A Markdown table of the classes of a model.

    Raises:
        ZooError: no such model, or one of another family.
    """
    from magnetite.prototypes.classes import classes_of
    from magnetite.zoo.registry import find_card

    kinds = {3: "bulk", 2: "layer", 1: "tube", 0: "cluster"}
    lines = ["| label | name | Strukturbericht | space group | kind |", "| --- | --- | --- | --: | --- |"]
    for entry in classes_of(find_card(model)):
        cells = (entry.label, entry.name, entry.strukturbericht or "", entry.spacegroup or "", kinds[entry.dimension])
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def write_table(reports: Iterable[PrototypeReport], stream: TextIO) -> None:
    """A line for each structure, its warnings below it."""
    line = f"{{:<{PATH_WIDTH}}}  {{:<14}} {{:<34}} {{:>5}} {{:>6}} {{:>5}} {{:<5}}"
    model = None
    for report in reports:
        if model is None:
            model = report.model
            print(line.format("path", "formula", "prototype", "P", "bits", "group", "type").rstrip(), file=stream)
        path = report.source or ""
        cells = (
            path if len(path) <= PATH_WIDTH else f"…{path[1 - PATH_WIDTH :]}",
            report.formula,
            str(report.prototype),
            f"{report.probability:.2f}",
            f"{report.mutual_information:.3f}",
            report.spacegroup or "–",
            report.strukturbericht or "–",
        )
        print(line.format(*cells).rstrip(), file=stream)
        for warning in report.warnings:
            print(f"    ! {warning}", file=stream)
    if model is not None:
        print(
            "\nP: probability; bits: mutual information, 0 where the network is sure; group, type: space group and "
            f"Strukturbericht of the prototype. Model: {model}",
            file=stream,
        )


def write_csv(reports: Iterable[PrototypeReport], stream: TextIO) -> None:
    """One row each; the best classes as ``label probability``, they and the warnings joined by ``; ``."""
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for report in reports:
        row = report.as_row()
        row["top5"] = "; ".join(f"{label} {share:.4f}" for label, share in report.top5.items())
        row["warnings"] = "; ".join(row["warnings"])
        writer.writerow(row)


WRITERS: dict[str, Callable[[Iterable[Any], TextIO], None]] = {
    "table": write_table,
    "json": write_json,
    "jsonl": write_jsonl,
    "csv": write_csv,
}
