"""Training of the structure classifier on ideal structures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from magnetite.prototypes.card import describe_model
from magnetite.prototypes.descriptor import SIZE
from magnetite.prototypes.ensemble import Ensemble
from magnetite.prototypes.export import export
from magnetite.prototypes.network import NetworkConfig, PrototypeNetwork
from magnetite.prototypes.nomenclature import name_class
from magnetite.prototypes.supercells import Prototype, read_prototypes
from magnetite.prototypes.table import FULL_GRID, Setting, Table, build_table
from magnetite.prototypes.tasks import ClassifyTask
from magnetite.training import Schedule, fit

SCHEDULE = Schedule(epochs=300, learning_rate=4e-3, weight_decay=0.0, clip=5.0)
BATCH = 256
DROPOUT = 0.05
GAIN = 16.0
MEMBERS = 4
REFIT = Schedule(epochs=30, learning_rate=1e-3, weight_decay=0.0, clip=5.0)
"""The paper's layers and epochs, with a one-cycle schedule and larger batches. Dropout is at the upper end of the
paper's range. The gain brings descriptors, of length 1 and 316 numbers, to numbers of the order of 1; to give every
number the same spread learns faster, but makes more of noise, and so of defects. The paper has one
network. When the epoch is chosen, a short refit lets it learn the rows that it was chosen by as well."""


def read_classes(data: Path) -> list[Prototype]:
    """The prototypes of a data folder (``arise/prototypes`` in it, or itself), in the published order of classes.

    Raises:
        DataError: a file is missing or broken.
    """
    folder = data / "arise" / "prototypes"
    return sorted(read_prototypes(folder if folder.is_dir() else data), key=lambda prototype: prototype.index)


def train_prototypes(
    table: Table,
    run: Path,
    device: torch.device,
    *,
    config: NetworkConfig | None = None,
    schedule: Schedule = SCHEDULE,
    start: Ensemble | None = None,
    **options: Any,
) -> Ensemble:
    """Train the members of an ensemble one after the other, alike but for the seed.

    Args:
        table: rows of all classes.
        run: folder of the run, with one for each member; the same call continues an interrupted run.
        device: where to train.
        config: size of the networks and their number; the paper's layers and `MEMBERS` if None.
        schedule: length and rates; member n has its seed plus n.
        start: continue from these networks instead of random weights.
        options: of `train_member`.
    """
    if start is not None:
        config = start.config
    elif config is None:
        classes = int(table.labels.max()) + 1
        config = NetworkConfig(SIZE, classes, dropout=DROPOUT, gain=GAIN, members=MEMBERS)
    members = []
    for number in range(config.members):
        own = replace(schedule, seed=schedule.seed + number)
        torch.manual_seed(own.seed)
        first = start.members[number] if start else PrototypeNetwork(config)
        members.append(train_member(first, table, run / f"member-{number}", device, schedule=own, **options))
    return Ensemble(config, members).eval()


def train_member(
    network: nn.Module,
    table: Table,
    run: Path,
    device: torch.device,
    *,
    schedule: Schedule = SCHEDULE,
    refit: Schedule | None = REFIT,
    batch: int = BATCH,
    progress: bool = True,
    log: Callable[[str], None] = tqdm.write,
) -> PrototypeNetwork:
    """Train one network: the epoch that validates best, refitted to all rows.

    Args:
        network: with its first weights.
        table: rows of all classes.
        run: folder of the member's run.
        device: where to train.
        schedule: length and rates.
        refit: of the refit to all rows; none if None.
        batch: rows in a batch.
        progress: show progress bars.
        log: receives one line an epoch.

    Raises:
        DataError: the folder holds the run of another schedule, or one that learned from something else.
    """
    run.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"data": table.digest(network), "progress": progress, "log": log}
    task = ClassifyTask(table, device, run, batch=batch, seed=schedule.seed)
    trained: nn.Module = fit(network.to(device), task, schedule, run, **options)
    best = task.restore_best(trained)
    assert isinstance(best, PrototypeNetwork)
    if refit is None:
        return best
    best.requires_grad_(requires_grad=True)
    whole = ClassifyTask(table, device, run / "refit", batch=batch, seed=schedule.seed, whole=True)
    refitted = fit(best, whole, replace(refit, seed=schedule.seed), run / "refit", **options)
    assert isinstance(refitted, PrototypeNetwork)
    return refitted


def train_from_data(
    data: Path,
    run: Path,
    device: torch.device,
    *,
    schedule: Schedule = SCHEDULE,
    grid: Sequence[Setting] = FULL_GRID,
    progress: bool = True,
    **options: Any,
) -> Path:
    """``magnetite train prototypes``: table, training, weights and card; returns the card's path.

    Raises:
        DataError: the prototypes are missing or broken.
        StructureError: a prototype cannot be described.
    """
    prototypes = read_classes(data)
    table = build_table(prototypes, run / "descriptors", grid=grid, progress=progress)
    network = train_prototypes(table, run, device, schedule=schedule, progress=progress, **options)
    classes = [name_class(prototype) for prototype in prototypes]
    card = describe_model("prototypes", classes, len(table))
    card["metrics"] = [validation(table, run, network.config.members)]
    return export(network, classes, table, run / "model", device, card)


def validation(
    table: Table, run: Path, members: int, said: str = "held-out fifth of the rows over all settings, before the refit"
) -> dict[str, Any]:
    """For the card: how well the members did on the rows held out, and what these are."""
    tasks = [ClassifyTask(table, torch.device("cpu"), run / f"member-{number}") for number in range(members)]
    return {
        "name": "validation accuracy of a member",
        "value": round(sum(task.best_score() for task in tasks) / members, 4),
        "rows": len(tasks[0].held_out),
        "protocol": f"{said}; without dropout",
    }
