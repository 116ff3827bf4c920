"""``magnetite train``: from a data folder to weights and a card."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Train a model of the zoo. The run's folder keeps a checkpoint after every epoch and the metrics in
metrics.jsonl; the same command continues an interrupted run. At the end weights (.safetensors) and
card (.json) lie in RUN/model, ready for `magnetite predict --model RUN/model/magnetism.json`.

  magnetite train order   --data DATA --run runs/a      the body, then the order readout
  magnetite train kvector --data DATA --run runs/a      the propagation-vector ensemble on that body

DATA holds the folders dft_magnetic/ and magndata/ described in docs/data.md.
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a model from data",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=("order", "kvector"), help="what to train")
    parser.add_argument("--data", type=Path, required=True, help="folder with the training data")
    parser.add_argument("--run", type=Path, required=True, dest="folder", help="folder of the run; made if missing")
    parser.add_argument("--epochs", type=int, default=None, help="length of the (first) stage")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights and the draws (default: 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda … (default: auto)")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (default: torch's)")
    parser.add_argument("--compile", action="store_true", help="compile the convolutions; needs a C compiler on a CPU")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, then export."""
    from dataclasses import replace

    import torch

    from magnetite.order import train
    from magnetite.order.network import NetworkConfig
    from magnetite.runtime import resolve_device

    device = resolve_device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    examples = train.read_examples(args.data)
    changes = {"seed": args.seed} | ({"epochs": args.epochs} if args.epochs else {})
    if args.task == "order":
        schedule = replace(train.BODY, **changes)
        network = train.train_order(examples, args.folder, device, schedule=schedule, compiled=args.compile)
    else:
        order = train.load_stage(args.folder, "order", device, NetworkConfig())
        network = train.train_kvector(examples, order, args.folder, device, schedule=replace(train.KVECTOR, **changes))
    path = train.export_run(network, examples, args.folder / "model", device)
    print(f"wrote {path} and its weights")  # noqa: T201
    return 0
