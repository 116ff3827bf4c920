"""``magnetite evaluate``: the figures of a model on data that it never saw."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from magnetite.cli.parsers import add_command, add_device

DESCRIPTION = """\
Measure an order model of the zoo on formulas that it never trained on, and print a table (or JSON):
accuracy, F1, calibration and coverage on order, magnetic or not outside GGA+U chemistry, the order
against experiment, |m|, and zero or non-zero k out of fold.

  magnetite evaluate --data DATA                     the default model on the test split
  magnetite evaluate --data DATA --split validation  what choices are made on

DATA holds the folders dft_magnetic/ and magndata/ described in docs/data.md.
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "evaluate", run, "measure a model on unseen data", DESCRIPTION)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    parser.add_argument("--model", default=None, help="name or card (default: the default model)")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="(default: test)")
    add_device(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Measure and print."""
    from magnetite.errors import ZooError
    from magnetite.evaluation.order import SPLITS, measure
    from magnetite.order.model import OrderModel
    from magnetite.order.train import read_examples
    from magnetite.zoo import DEFAULT_MODEL
    from magnetite.zoo.loading import load

    model = load(args.model or DEFAULT_MODEL, args.device)
    if not isinstance(model, OrderModel):
        raise ZooError(
            f"model {model.card.name!r} is of family {model.card.family!r}; only order models can be evaluated"
        )
    examples = read_examples(args.data, folds=[SPLITS[args.split]])
    metrics = measure(model.network, examples, model.card.settings["calibration"], model.device, args.split)
    if args.json:
        print(json.dumps([metric.as_dict() for metric in metrics], indent=2, ensure_ascii=False))  # noqa: T201
        return 0
    print(f"{model.card}, split: {args.split}")  # noqa: T201
    for metric in metrics:
        print(f"{metric.name:<42} {metric.value:7.4f} {metric.unit:<3} {metric.rows:>7,} rows  {metric.protocol}")  # noqa: T201
    return 0
