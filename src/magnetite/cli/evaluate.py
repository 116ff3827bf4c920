"""``magnetite evaluate``: the figures of a model on data that it never saw."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magnetite.cli.parsers import add_command, add_model, add_quiet
from magnetite.zoo.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from magnetite.order.model import OrderModel

DESCRIPTION = """\
Measure an order model of the zoo on formulas that it never trained on, and print a table (or JSON):
accuracy, F1, calibration and coverage on order, magnetic or not outside GGA+U chemistry, the order
against experiment, |m|, and zero or non-zero k out of fold.

  magnetite evaluate --data DATA                     the default model on the test split
  magnetite evaluate --data DATA --split validation  what choices are made on
  magnetite evaluate --paper --data DATA --out docs  every table and figure of Merker et al. 2022

--paper writes OUT/paper-2022.md and OUT/images/paper-*.png. What it works out is kept in OUT/work, so
that an interrupted study continues, and a later model only repeats what depends on the model.

DATA holds the folders dft_magnetic/ and magndata/ described in docs/data.md.
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "evaluate", run, "measure a model on unseen data", DESCRIPTION)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="(default: test)")
    add_model(parser, DEFAULT_MODEL)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    paper = parser.add_argument_group("the 2022 paper, table by table")
    paper.add_argument("--paper", action="store_true", help="do the paper's study and write a document")
    paper.add_argument("--out", type=Path, default=None, help="folder for the document (with --paper)")
    paper.add_argument("--quick", action="store_true", help="fewer and shorter trainings, not for quoting")
    add_quiet(paper)  # type: ignore[arg-type]  # a group adds arguments as a parser does


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from magnetite.api import load_order_model
    from magnetite.errors import MagnetiteError

    if args.paper != (args.out is not None):
        raise MagnetiteError("--paper and --out go together: --paper --out FOLDER")
    if args.quick and not args.paper:
        raise MagnetiteError("--quick is of the paper's study: give --paper --out FOLDER as well")
    if args.paper and (args.json or args.split != "test"):
        raise MagnetiteError("--paper writes documents, of the test split: it takes no --json and no other --split")
    model = load_order_model(args.model, args.device)
    return _study(model, args) if args.paper else _measure(model, args)


def _measure(model: OrderModel, args: argparse.Namespace) -> int:
    from magnetite.evaluation.order import SPLITS, measure
    from magnetite.order.train import read_examples

    examples = read_examples(args.data, folds=[SPLITS[args.split]])
    metrics = measure(model.network, examples, model.calibration, model.device, args.split)
    if args.json:
        print(json.dumps([metric.as_dict() for metric in metrics], indent=2, ensure_ascii=False))  # noqa: T201
        return 0
    print(f"{model.card}, split: {args.split}")  # noqa: T201
    for metric in metrics:
        print(f"{metric.name:<42} {metric.value:7.4f} {metric.unit:<3} {metric.rows:>7,} rows  {metric.protocol}")  # noqa: T201
    return 0


def _study(model: OrderModel, args: argparse.Namespace) -> int:
    from magnetite.evaluation.paper.document import write_study
    from magnetite.evaluation.paper.settings import FULL, QUICK

    settings = QUICK if args.quick else FULL
    path, seconds = write_study(model, args.data, args.out, settings, quick=args.quick, progress=not args.quiet)
    print(f"{path} ({model.card}; {seconds / 60:.1f} min of processor time)")  # noqa: T201
    return 0
