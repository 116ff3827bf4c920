"""Training of the network for order and moments; `magnetite.order.finish` makes files of the zoo of it.

Two stages, and one before them if asked for, each resumable in its own folder:

0. ``pretraining``: the body names elements hidden in structures without labels (`magnetite.order.pretraining`);
1. ``body``: the whole network on order and |m|, without any formula of the neutron set, so that
   what is later measured on that set is measured on compounds the body never saw;
2. ``order``: the order readout alone, with the measured orders added.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import HELD_OUT, N_FOLDS, Example, MagneticData, trainable
from magnetite.errors import DataError
from magnetite.graphs import Graph
from magnetite.order.config import NetworkConfig
from magnetite.order.growing import K_MEMBERS
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork
from magnetite.order.pretraining import pretrain
from magnetite.order.tasks import ORDER_DRAWS, OrderTask, k_fold
from magnetite.training import CHECKPOINT, Schedule, fit, read_checkpoint

FIRST = "pretraining"
"""Folder of stage 0."""
BODY = Schedule(epochs=15, learning_rate=1.5e-3)
ORDER = Schedule(epochs=5, learning_rate=1e-3, weight_decay=0.05)
SETS = ("ggau", "other", "workflow", "quiet", "measured")
"""Methods of `MagneticData`."""


def read_examples(
    data: Path, *, progress: bool = True, sets: Sequence[str] = SETS, folds: Collection[int] = range(N_FOLDS)
) -> list[Example]:
    """All labelled examples of a data folder, or those of some sets and folds; says how many rows are no crystals.

    Raises:
        DataError: a file is missing or broken.
    """
    source = MagneticData(data, folds)
    found = [
        e for name in sets for e in tqdm(getattr(source, name)(), desc=f"reading {name}", unit="", disable=not progress)
    ]
    if progress and source.refused:
        number, first = len(source.refused), source.refused[0]
        tqdm.write(f"! left out, since they are no usable crystals: {number}; the first: {first}")
    return found


def check_enough(examples: Sequence[Example]) -> None:
    """Check that every question has examples to learn from and to be measured on, before hours of training.

    Raises:
        DataError: one has not; the message lists what is missing.
    """
    there: set[tuple[str, int]] = {(e.stratum, e.order) for e in examples if e.fold not in HELD_OUT and trainable(e)}
    lacking = [f"{name} of GGA+U chemistry" for n, name in enumerate(ORDER_CLASSES) if ("ggau", n) not in there]
    if ("other", 0) not in there:
        lacking.append("NM of other chemistry")
    if not there & {("other", 1), ("other", 2)}:
        lacking.append("magnets of other chemistry")
    for fold, name in zip(HELD_OUT, ("test", "validation"), strict=True):
        if not any(e.fold == fold and e.stratum == "ggau" and e.balanced and e.order > 0 for e in examples):
            lacking.append(f"balanced magnets of GGA+U chemistry in the {name} fold")
    for zero, name in enumerate(("non-zero", "zero")):
        if len({k_fold(e.formula, K_MEMBERS) for e in examples if e.zero_k == zero}) < 2:  # noqa: PLR2004 (one learns)
            lacking.append(f"compounds of several formulas with {name} propagation vector")
    if lacking:
        raise DataError(f"too few examples; there are no {', no '.join(lacking)}")


def train_order(
    examples: Sequence[Example],
    run: Path,
    device: torch.device,
    *,
    config: NetworkConfig | None = None,
    schedule: Schedule = BODY,
    unlabelled: Callable[[], Sequence[Graph]] | None = None,
    compiled: bool = False,
    progress: bool = True,
    log: Callable[[str], None] = tqdm.write,
) -> MagnetismNetwork:
    """All stages; returns the averaged network, without trees.

    Args:
        examples: as `read_examples` gives them.
        run: folder of the run; the same call continues an interrupted run.
        device: where to train.
        config: size of the network.
        schedule: of stage 1; stage 2 is short and fixed but for the seed.
        unlabelled: reads graphs without labels that the body learns from first (`magnetite.order.pretraining`).
        compiled: compile the convolutions (`Body.compile_layers`).
        progress: show progress bars.
        log: receives one line an epoch.

    Raises:
        DataError: the run began with structures without labels and none are given to go on with, or the reverse.
    """
    begun = (run / "body" / CHECKPOINT).is_file()
    if unlabelled is None and was_pretrained(run) and not begun:
        raise DataError("was begun with --pretrain; go on with it, or choose another folder", str(run))
    if unlabelled is not None and begun and not was_pretrained(run):
        raise DataError("was begun without --pretrain; go on without it, or choose another folder", str(run))
    torch.manual_seed(schedule.seed)
    network = MagnetismNetwork(config).to(device)
    if compiled:
        network.body.compile_layers()
    if unlabelled is not None and not begun:
        started = pretrain(
            unlabelled(), run / FIRST, device, network.config, compiled=compiled, progress=progress, log=log
        )
        network.body.load_state_dict(started.state_dict())
    measured = {e.formula for e in examples if e.stratum == "measured"}
    unmeasured = [e for e in examples if e.formula not in measured]
    first = OrderTask(unmeasured, device, schedule.seed)
    network = _fit(network, first, schedule, run / "body", progress, log)
    only(network, network.order)
    second = OrderTask(examples, device, schedule.seed, ORDER_DRAWS, frozen=network)
    return _fit(network, second, replace(ORDER, seed=schedule.seed), run / "order", progress, log)


def load_stage(run: Path, stage: str, device: torch.device, config: NetworkConfig) -> MagnetismNetwork:
    """The averaged network of a finished stage.

    Raises:
        DataError: the stage has no checkpoint, is not finished, or has another network.
    """
    path = run / stage / CHECKPOINT
    if not path.is_file():
        raise DataError(f"no checkpoint of stage {stage!r}; train it first", str(run))
    prefix = "averaged."
    metadata, saved = read_checkpoint(path)
    if int(metadata["epoch"]) < json.loads(metadata["schedule"])["epochs"]:
        raise DataError(f"stage {stage!r} is not finished; go on with it first", str(run))
    tensors = {k.removeprefix(prefix): v for k, v in saved.items() if k.startswith(prefix)}
    network = MagnetismNetwork(config).to(device)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise DataError(f"stage {stage!r} is of another network", str(run)) from error
    return network.eval()


def was_pretrained(run: Path) -> bool:
    """Whether a run began with structures without labels."""
    return (run / FIRST / CHECKPOINT).is_file()


def only(network: MagnetismNetwork, part: nn.Module) -> None:
    """Train this part and leave the rest as it is."""
    network.requires_grad_(requires_grad=False)
    part.requires_grad_(requires_grad=True)


def _fit(
    network: MagnetismNetwork, task: Any, schedule: Schedule, folder: Path, progress: bool, log: Callable[[str], None]
) -> MagnetismNetwork:
    trained = fit(network, task, schedule, folder, data=task.digest(), progress=progress, log=log)
    assert isinstance(trained, MagnetismNetwork)
    return trained
