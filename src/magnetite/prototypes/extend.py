"""Own structure types: classes added to a trained classifier from files, learned beside the old ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import chemical_symbols
from safetensors.torch import load_file

from magnetite.clusters import Cluster, Sample, as_sample
from magnetite.errors import DataError, MagnetiteError
from magnetite.prototypes.classes import check_labels
from magnetite.prototypes.descriptor import find_pairs
from magnetite.prototypes.ensemble import Ensemble, from_tensors, to_tensors
from magnetite.prototypes.export import export, recall
from magnetite.prototypes.model import PrototypeModel
from magnetite.prototypes.nomenclature import name_class
from magnetite.prototypes.supercells import Prototype
from magnetite.prototypes.table import SCALES, Table, build_table
from magnetite.prototypes.train import train_prototypes, validation
from magnetite.training import Schedule

FINE_TUNING = Schedule(epochs=150, learning_rate=1e-3, weight_decay=0.0, ema=0.99, clip=5.0)
LAYER_GAP = 8.0
"""Å of empty space across the first two cell vectors from which a crystal is a layer, to be repeated in its plane."""
INHERITED = ("version", "family", "licence", "elements", "labels", "limits")
"""What the card of a grown classifier has from the first one's."""
TOO_ALIKE = 1e-5
"""1 − cosine of two descriptors below which no network tells them apart."""


def read_addition(label: str, path: Path, index: int) -> Prototype:
    """A prototype of one's own.

    Args:
        label: what to call it.
        path: of a file with one structure; empty space across its first two cell vectors makes it a layer.
        index: its place in the list of classes.

    Raises:
        StructureError: the file's structure cannot be used.
        DataError: it has a species of which nothing could be learned.
        ReadError: the file cannot be read.
    """
    sample = as_sample(path)
    if lost := find_pairs(sample).left_out:
        symbols = ", ".join(chemical_symbols[z] for z in lost)
        raise DataError(f"has too few atoms of {symbols}, which would not be seen; give a larger piece", str(path))
    kind = "Nanotubes" if isinstance(sample, Cluster) else "2D_materials" if is_layer(sample) else "Own"
    return Prototype(index + 1, label, index, label, kind, "", sample)


def is_layer(sample: Sample) -> bool:
    """Whether a crystal has an empty slice of at least `LAYER_GAP` along its third vector."""
    if isinstance(sample, Cluster):
        return False
    heights = np.sort(sample.frac_coords[:, 2] % 1.0)
    gap = np.diff(heights, append=heights[0] + 1.0).max()
    normal = np.cross(sample.lattice[0], sample.lattice[1])
    return bool(gap * sample.volume / np.linalg.norm(normal) >= LAYER_GAP)


def add_classes(
    additions: Sequence[tuple[str, Path]],
    model: PrototypeModel,
    run: Path,
    *,
    name: str = "own-prototypes",
    schedule: Schedule = FINE_TUNING,
    progress: bool = True,
    **options: Any,
) -> Path:
    """Fine-tune a classifier to a longer list of classes; returns the new card's path.

    The new samples are learned beside those of the old classes, which travel with the weights.

    Args:
        additions: labels and files of the new classes.
        model: the classifier to start from; stays as it is.
        run: folder of the run; the same call continues an interrupted run.
        name: of the new model.
        schedule: length and rates.
        progress: show progress bars.
        options: of `train_prototypes`.

    Raises:
        DataError: a label is taken, or a new prototype looks like a known one.
        ZooError: the classifier cannot be added to.
        StructureError: a file's structure cannot be used.
    """
    known = len(model.classes)
    prototypes = [read_addition(label, path, known + i) for i, (label, path) in enumerate(additions)]
    classes = [*model.classes, *map(name_class, prototypes)]
    check_labels(classes)
    old = recall(load_file(model.card.weights))
    grid = tuple(product(dict.fromkeys(model.views), SCALES))
    new = build_table(prototypes, run / "descriptors", grid=grid, first_label=known, progress=progress)
    table = Table.join([old, new])
    refuse_twins(table, known, [entry.label for entry in classes])
    network = grown(model.network, len(classes))
    network = train_prototypes(table, run, model.device, schedule=schedule, start=network, progress=progress, **options)
    parent, labels = model.card.content, ", ".join(label for label, _ in additions)
    said = (
        "held-out fifth of the rows, of which the first classifier has learned those of its classes; before the refit"
    )
    card = {key: parent[key] for key in INHERITED} | {
        "name": name,
        "description": parent["description"].replace(f"one of {known},", f"one of {len(classes)},"),
        "split": (
            f"Grown from {model.card}, see its card: fine-tuned to the rows of all classes, of which a fifth chose the "
            "epoch, then refitted to all of them."
        ),
        "training_data": [*parent["training_data"], {"name": f"own prototypes: {labels}", "rows": len(new)}],
        "metrics": [validation(table, run, network.config.members, said)],
    }
    return export(network, classes, table, run / "model", model.device, card, views=model.views)


def grown(network: Ensemble, classes: int) -> Ensemble:
    """A copy with more outputs: the old ones as they were, the new ones unlikely so far."""
    bigger = Ensemble(replace(network.config, classes=classes))
    tensors = to_tensors(network)
    old = network.config.classes
    for key, value in to_tensors(bigger).items():
        if ".head." in key:
            value[:old] = tensors[key]
            value[old:] = value[old:] if key.endswith("weight") else tensors[key].mean()
            tensors[key] = value
    return from_tensors(bigger.config.as_dict(), tensors, torch.device("cpu")).requires_grad_(requires_grad=True)


def refuse_twins(table: Table, known: int, labels: Sequence[str]) -> None:
    """Check that no new sample looks like one of another class.

    Raises:
        DataError: one does.
    """
    unit = torch.nn.functional.normalize(table.x.double(), dim=1)
    for row in torch.nonzero(table.labels >= known)[:, 0].tolist():
        alike = (1 - unit @ unit[row]) < TOO_ALIKE
        others = table.labels[alike & (table.labels != table.labels[row])]
        if len(others):
            raise DataError(
                f"its descriptor is that of class {labels[int(others[0])]!r}; no network could tell them apart",
                labels[int(table.labels[row])],
            )


def parse_addition(text: str) -> tuple[str, Path]:
    """Label and file of ``label=file``.

    Raises:
        MagnetiteError: it is not of this form.
    """
    label, mark, path = text.partition("=")
    if not (label and mark and path):
        raise MagnetiteError("give a new class as NAME=FILE", text)
    return label, Path(path)
