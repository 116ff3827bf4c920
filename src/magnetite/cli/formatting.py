"""How reports are printed: a table to read, JSON, JSON lines and CSV to go on with. All of them stream."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, TextIO

from magnetite.reports import CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from magnetite.prototypes.reports import PrototypeReport
    from magnetite.reports import MagnetismReport

CSV_COLUMNS = (
    "path", "formula", "ordering", *(f"p_{name.lower()}" for name in CLASSES), "zero_k_probability", "uncertainty",
    "mutual_information", "in_domain", "max_moment", "warnings", "model",
)  # fmt: skip
PATH_WIDTH = 32


def write_table(reports: Iterable[MagnetismReport], stream: TextIO) -> None:
    """A line for each structure, its warnings below it."""
    line = f"{{:<{PATH_WIDTH}}}  {{:<14}} {{:<5}} {{:>5}} {{:>5}} {{:>5}} {{:>6}} {{:>6}} {{:>7}}  {{}}"
    model = None
    for report in reports:
        if model is None:
            model = report.model
            print(line.format("path", "formula", "order", *CLASSES, "k = 0", "|m|", "unsure", "domain"), file=stream)
        path = report.source or ""
        zero_k = None if report.label == "FM" else report.zero_k_probability
        cells = (
            path if len(path) <= PATH_WIDTH else f"…{path[1 - PATH_WIDTH :]}",
            report.formula,
            str(report.label),
            *(f"{report.probabilities[name]:.2f}" for name in CLASSES),
            *("–" if number is None else f"{number:.2f}" for number in (zero_k, report.max_moment)),
            f"{report.uncertainty:.2f}",
            "in" if report.in_domain else "OUT",
        )
        print(line.format(*cells), file=stream)
        for warning in report.warnings:
            print(f"    ! {warning}", file=stream)
    if model is not None:
        print(
            f"\nNM, AFM, FM (or FiM): probabilities; k = 0: that of a zero propagation vector if it is an "
            f"antiferromagnet; |m|: largest moment in μB; unsure: 0 (sure) to 1. Model: {model}",
            file=stream,
        )


def write_json(reports: Iterable[MagnetismReport | PrototypeReport], stream: TextIO) -> None:
    """One array."""
    separator = "[\n"
    for report in reports:
        stream.write(separator + json.dumps(report.as_row(), ensure_ascii=False))
        separator = ",\n"
    stream.write("[]\n" if separator == "[\n" else "\n]\n")


def write_jsonl(reports: Iterable[MagnetismReport | PrototypeReport], stream: TextIO) -> None:
    """One object a line."""
    stream.writelines(json.dumps(report.as_row(), ensure_ascii=False) + "\n" for report in reports)


def write_csv(reports: Iterable[MagnetismReport], stream: TextIO) -> None:
    """One row each, warnings joined by ``; ``."""
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for report in reports:
        row = report.as_row()
        shares = row.pop("probabilities")
        row |= {f"p_{name.lower()}": shares[name] for name in CLASSES}
        del row["site_moments"]  # as many as sites: a column holds the largest
        row["max_moment"] = report.max_moment
        row["warnings"] = "; ".join(row["warnings"])
        writer.writerow(row)


WRITERS: dict[str, Callable[[Iterable[MagnetismReport], TextIO], None]] = {
    "table": write_table,
    "json": write_json,
    "jsonl": write_jsonl,
    "csv": write_csv,
}
