"""Training of the structure classifier on ideal structures alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from magnetite.prototypes.card import describe_model
from magnetite.prototypes.descriptor import SIZE
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
"""The paper's layers and epochs, with a one-cycle schedule and larger batches. Dropout is at the upper end of the
paper's range. The gain brings descriptors, of length 1 and 316 numbers, to numbers of the order of 1; to give every
number the same spread learns faster, but makes more of noise, and so of defects."""


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
    batch: int = BATCH,
    start: PrototypeNetwork | None = None,
    progress: bool = True,
    log: Callable[[str], None] = tqdm.write,
) -> PrototypeNetwork:
    """Train a network; returns that of the epoch which validates best.

    Args:
        table: rows of all classes.
        run: folder of the run; the same call continues an interrupted run.
        device: where to train.
        config: size of the network; the paper's layers if None.
        schedule: length and rates.
        batch: rows in a batch.
        start: continue from this network instead of random weights.
        progress: show progress bars.
        log: receives one line an epoch.
    """
    torch.manual_seed(schedule.seed)
    classes = int(table.labels.max()) + 1
    network = start or PrototypeNetwork(config or NetworkConfig(SIZE, classes, dropout=DROPOUT, gain=GAIN))
    run.mkdir(parents=True, exist_ok=True)
    task = ClassifyTask(table, device, run, batch=batch, seed=schedule.seed)
    trained: nn.Module = fit(network.to(device), task, schedule, run, progress=progress, log=log)
    best = task.restore_best(trained)
    assert isinstance(best, PrototypeNetwork)
    return best


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
    return export(network, classes, table, run / "model", device, card)
