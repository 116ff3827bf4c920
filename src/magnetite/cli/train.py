"""``magnetite train``: from a data folder to weights and a card."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magnetite.cli.parsers import add_command, add_device, positive, seed, unwritable
from magnetite.zoo.registry import DEFAULT_CLASSIFIER

if TYPE_CHECKING:
    import torch

TASKS = ("order", "propagation", "prototypes", "potential")
ONLY = {
    "order": ("pretrain", "compile", "companion"),
    "prototypes": ("damage", "add", "from", "tune", "tune_epochs"),
    "potential": (
        "cutoff", "learning_rate", "weight_decay", "spin_orbit", "self_consistent", "without", "members",
        "free_magnetic_scale",
    ),
}  # fmt: skip
"""Options of one task alone."""
OWN = {task: f"own-{task}" for task in TASKS} | {"order": "own-magnetism"}
"""Names of what is trained, which tell it from what ships."""
DESCRIPTION = """\
Train a model of the zoo. The run's folder keeps a checkpoint after every epoch and the metrics in
metrics.jsonl; the same command continues an interrupted run. At the end weights (.safetensors) and
card (.json) lie in RUN/model, ready for `--model RUN/model/NAME.json` of the commands that predict.

  magnetite train order       --data DATA --run runs/a   order, moments and zero propagation vector
  magnetite train order       --data DATA --run runs/b --pretrain --companion runs/a
                                                         both models as they ship, by names of their own;
                                                         runs/a is the second body
  magnetite train propagation --data DATA --run runs/k   the ranker of propagation vectors, in minutes
  magnetite train prototypes  --data DATA --run runs/c   the classifier of structure types
  magnetite train prototypes  --data DATA --run runs/c --damage   after it, the one for damaged samples
  magnetite train potential   --data frames.extxyz --run runs/p   an interatomic potential with moments

DATA holds the folders dft_magnetic/ and magndata/ described in docs/data.md, for prototypes arise/.

Own structure types: this adds two to the classifier that comes with Magnetite, in some minutes and
without its data. Layers are files with an empty slice of 8 Å along the third cell vector.

  magnetite train prototypes --add fluorite=CaF2.cif --add rutile=TiO2.cif --run runs/d
  magnetite classify unknown.cif --model runs/d/model/own-prototypes.json
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "train", run, "train a model from data", DESCRIPTION)
    parser.add_argument("task", choices=TASKS, help="what to train")
    parser.add_argument("--data", type=Path, default=None, help="folder with the training data; not for --add")
    parser.add_argument("--run", type=Path, required=True, dest="folder", help="folder of the run; made if missing")
    parser.add_argument(
        "--epochs", type=positive, default=None,
        help="length of the (first) stage (default: order 15, prototypes 300, --add 150, potential 100;"
        " propagation has none)",
    )  # fmt: skip
    parser.add_argument("--seed", type=seed, default=0, help="of the initial weights and the draws (default: 0)")
    add_device(parser)
    parser.add_argument("--threads", type=positive, default=None, help="CPU threads (default: torch's)")
    parser.add_argument(
        "--pretrain", action="store_true",
        help="order: learn first to name elements hidden in the structures without labels of DATA (a seed of its own)",
    )  # fmt: skip
    parser.add_argument("--compile", action="store_true", help="compile the convolutions; needs a C compiler on a CPU")
    parser.add_argument(
        "--companion", type=Path, action="append", metavar="RUN",
        help="order: a finished run, pretrained or of another seed, that joins in the model NAME-best; repeat for more",
    )  # fmt: skip
    parser.add_argument(
        "--damage", action="store_true", help="prototypes: learn damaged structures, too, after a run without it"
    )
    parser.add_argument(
        "--name",
        help="of the model (default: own-magnetism, own-propagation, own-potential, for --add own-prototypes;"
        " the other classifiers have names of their own)",
    )
    own = parser.add_argument_group("own structure types (prototypes)")
    own.add_argument("--add", action="append", metavar="NAME=FILE", help="a new class; repeat for several")
    own.add_argument(
        "--from", default=DEFAULT_CLASSIFIER, metavar="MODEL",
        help="classifier to add to, by name or card (default: %(default)s)",
    )  # fmt: skip
    tuning = parser.add_argument_group("search for hyperparameters (prototypes; needs magnetite[tune])")
    tuning.add_argument("--tune", type=positive, metavar="TRIALS", help="search first (TPE), then train with the best")
    tuning.add_argument("--tune-epochs", type=positive, default=30, help="length of a trial (default: %(default)s)")
    potential = parser.add_argument_group(
        "potentials (--data is one file with energy, forces, magmoms and where known stress and magnetic_forces)"
    )
    potential.add_argument("--cutoff", type=float, default=5.0, help="in Å (default: %(default)s)")
    potential.add_argument("--learning-rate", type=float, default=None, help="largest (default: 0.003)")
    potential.add_argument(
        "--weight-decay", type=float, default=None,
        help="more of it for few frames that differ much, less for many or for frames near one state (default: 0.1)",
    )  # fmt: skip
    potential.add_argument("--spin-orbit", action="store_true", help="couple moments to the lattice")
    potential.add_argument("--self-consistent", action="store_true", help="the moments are relaxed: dE/dm is zero")
    potential.add_argument("--without", action="append", default=[], metavar="GROUP", help="leave out; repeat for more")
    potential.add_argument(
        "--members", type=positive, default=1,
        help="networks trained one after another; of several, answers are the mean and carry their spread (default: 1)",
    )  # fmt: skip
    potential.add_argument(
        "--free-magnetic-scale", action="store_true",
        help="learn one factor between the data's magnetic forces and the derivative of its energies",
    )  # fmt: skip
    names = [name for options in ONLY.values() for name in options]
    parser.set_defaults(usual={name: parser.get_default(name) for name in names})


def run(args: argparse.Namespace) -> int:
    """Train, then export."""
    import torch

    from magnetite.errors import DataError
    from magnetite.runtime import resolve_device
    from magnetite.zoo.cards import check_name

    _refuse_misplaced(args)
    if args.data is None and not args.add:
        raise DataError("give the folder of the training data with --data")
    args.name = OWN[args.task] if args.name is None else args.name
    check_name(args.name)  # before the work, not after it
    if args.folder.exists() and not args.folder.is_dir():
        raise DataError("is a file; --run names a folder", str(args.folder))
    there = next(folder for folder in (args.folder, *args.folder.resolve().parents) if folder.exists())
    if reason := unwritable(there):
        raise DataError(f"cannot be written ({reason})", str(args.folder))
    device = resolve_device(args.device)
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.task == "propagation":
        from magnetite.propagation.train import train_propagation

        path = train_propagation(args.data, args.folder, name=args.name, seed=args.seed)
    else:
        path = {"prototypes": _prototypes, "potential": _potential}.get(args.task, _order)(args, device)
    print(f"wrote {path} and its weights")  # noqa: T201
    return 0


def _refuse_misplaced(args: argparse.Namespace) -> None:
    """Options that would do nothing are mistakes, and cost a training to find out."""
    from magnetite.errors import DataError

    given = {name for name, usual in args.usual.items() if getattr(args, name) != usual}
    for task, options in ONLY.items():
        for name in options if task != args.task else ():
            if name in given:
                raise DataError(f"--{name.replace('_', '-')} is for {task}")
    for wrong, said in (
        (args.add and (args.data or args.tune or args.damage),
         "--add goes on from a trained model; it takes no --data, --tune or --damage"),
        (args.damage and args.tune, "--damage goes on from a trained model; it takes no --tune"),
        ("tune_epochs" in given and not args.tune, "--tune-epochs goes with --tune"),
        ("from" in given and not args.add, "--from goes with --add"),
        (args.name is not None and not args.add and args.task == "prototypes",
         "classifiers have names of their own; --name goes with --add"),
        (args.epochs and args.task == "propagation", "propagation has no --epochs"),
        (args.device != "auto" and args.task == "propagation", "propagation learns on the CPU: it has no --device"),
    ):  # fmt: skip
        if wrong:
            raise DataError(said)


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    return {"seed": args.seed} | ({"epochs": args.epochs} if args.epochs else {})


def _order(args: argparse.Namespace, device: torch.device) -> Path:
    from dataclasses import replace
    from functools import partial

    from magnetite.errors import DataError
    from magnetite.order import train
    from magnetite.order.config import NetworkConfig
    from magnetite.order.finish import export_run
    from magnetite.order.pretraining import read_unlabelled

    companions = args.companion or []
    bodies = [folder.resolve() for folder in (args.folder, *companions)]
    if repeated := [folder for number, folder in enumerate(bodies) if folder in bodies[:number]]:
        raise DataError("is asked for twice; companions are runs of their own", str(repeated[0]))
    others = [train.load_stage(folder, "order", device, NetworkConfig()) for folder in companions]  # before the work
    examples = train.read_examples(args.data)
    train.check_enough(examples)
    schedule = replace(train.BODY, **_changes(args))
    unlabelled = partial(read_unlabelled, args.data) if args.pretrain else None
    network = train.train_order(
        examples, args.folder, device,
        schedule=schedule, unlabelled=unlabelled, compiled=args.compile,
    )  # fmt: skip
    began = [number for number, folder in enumerate([args.folder, *companions]) if train.was_pretrained(folder)]
    return export_run(
        network, examples, args.folder / "model", device, companions=others, pretrained=began, name=args.name
    )


def _prototypes(args: argparse.Namespace, device: torch.device) -> Path:
    from dataclasses import replace

    from magnetite.prototypes import extend, train

    if args.add:
        from magnetite.api import load_classifier

        additions = [extend.parse_addition(text) for text in args.add]
        schedule = replace(extend.FINE_TUNING, **_changes(args))
        start = load_classifier(getattr(args, "from"), args.device)
        return extend.add_classes(additions, start, args.folder, name=args.name, schedule=schedule)
    schedule = replace(train.SCHEDULE, **_changes(args))
    if args.damage:
        from magnetite.prototypes.toughen import train_with_damage

        return train_with_damage(args.data, args.folder, device, schedule=schedule)
    if args.tune is None:
        return train.train_from_data(args.data, args.folder, device, schedule=schedule)
    from magnetite.prototypes import tuning

    return tuning.tune_and_train(
        args.data, args.folder, device, trials=args.tune, epochs=args.tune_epochs, schedule=schedule
    )


def _potential(args: argparse.Namespace, device: torch.device) -> Path:
    from dataclasses import replace

    from magnetite.potential import train
    from magnetite.potential.export import export_potential

    given = {name: getattr(args, name) for name in ("learning_rate", "weight_decay") if getattr(args, name) is not None}
    schedule = replace(train.SCHEDULE, **_changes(args), **given)  # which refuses nonsense before frames are read
    split, config = train.prepare_split(
        args.data,
        replace(train.EMPTY, cutoff=args.cutoff, spin_orbit=args.spin_orbit),
        self_consistent=args.self_consistent,
        without=tuple(args.without),
    )
    network = train.train_potential(
        split, config, args.folder, device,
        schedule=schedule, members=args.members, free_magnetic_scale=args.free_magnetic_scale,
    )  # fmt: skip
    return export_potential(network, split, args.folder / "model", device, name=args.name, data=args.data.name)
