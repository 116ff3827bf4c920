"""``magnetite data``: training data from the public originals."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from magnetite.cli import BAD_INPUT, INTERRUPTED, complain
from magnetite.cli.parsers import add_command, add_quiet, target

DESCRIPTION = """\
Build training data from its public originals. Finished rows are kept while a build runs: the same
command continues after an interruption. What cannot be used is listed, with the reason, at the end
and in OUT.errors.jsonl. Formats, traps and splits: docs/data.md.
"""
EXAMPLES = """\
examples:
  magnetite data magndata mcif/ --out DATA/magndata/magndata.jsonl.gz
  MP_API_KEY=… magnetite data mp --out DATA/dft_magnetic/mp.jsonl.gz
  MP_API_KEY=… magnetite data mp --out mp.jsonl.gz --order-set DATA/dft_magnetic/TRAIN_merker_like_ggau.jsonl.gz
"""
LISTED = 20
"""Failures that are printed; the others stand in the file."""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(
        subparsers, "data", run, "build training data from the Materials Project or MAGNDATA", DESCRIPTION, EXAMPLES
    )
    sources = parser.add_subparsers(title="sources", dest="data_source", metavar="SOURCE", required=True)
    magndata = sources.add_parser("magndata", help="magnetic structures from a folder of .mcif files")
    magndata.add_argument("folder", type=Path, help="searched with its subfolders")
    mp = sources.add_parser("mp", help="structures with DFT moments, with the key in MP_API_KEY (needs mp-api)")
    mp.add_argument(
        "--chemistry",
        choices=("ggau", "magnetic", "all"),
        default="ggau",
        help="GGA+U chemistry, any compound with a magnetic element, or everything (default: ggau)",
    )
    mp.add_argument("--order-set", type=target, metavar="FILE", help="also write the labelled primitive cells")
    for source in (magndata, mp):
        source.add_argument("--out", type=Path, required=True, help="a .jsonl or .jsonl.gz file")
        add_quiet(source)


def run(args: argparse.Namespace) -> int:
    """Build, then say what came of it."""
    try:
        count, failures = _build(args)
    except KeyboardInterrupt:
        complain("interrupted; finished rows are kept, the same command continues")
        return INTERRUPTED
    for name, reason in list(failures.items())[:LISTED]:
        complain(f"{name}: {reason}")
    if failures:
        complain(f"{len(failures):,} cannot be used; see {args.out}.errors.jsonl")
    print(f"wrote {count:,} rows to {args.out}")  # noqa: T201
    if not count:
        return BAD_INPUT
    if args.data_source == "mp" and args.order_set is not None:
        _write_order_set(args)
    return 0


def _build(args: argparse.Namespace) -> tuple[int, dict[str, str]]:
    if args.data_source == "magndata":
        from magnetite.datasets.magndata import build_magndata

        return build_magndata(args.folder, args.out, progress=not args.quiet)
    from magnetite.datasets.materials_project import connect, fetch

    return fetch(connect(), args.out, chemistry=args.chemistry, progress=not args.quiet)


def _write_order_set(args: argparse.Namespace) -> None:
    from magnetite.datasets.order_set import build_order_set
    from magnetite.datasets.records import read_records, write_records

    built = build_order_set(read_records(args.out))
    write_records(args.order_set, built.rows)
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in built.left_out.items()) or "none"
    print(f"wrote {len(built.rows):,} labelled cells to {args.order_set} (left out: {reasons})")  # noqa: T201
