"""The four models that see the composition alone (Merker 2022, Table 3)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from ase.data import covalent_radii
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from magnetite.evaluation.paper.rows import Rows
from magnetite.evaluation.paper.study import Study
from magnetite.evaluation.paper.subsets import COMPOSITION_RATIO, balanced_subset, split
from magnetite.evaluation.paper.work import Arrays
from magnetite.order.network import ORDER_CLASSES
from magnetite.training import Schedule, fit

ELEMENTS = 118
PAPER_ROWS = 6_147
"""Rows that the paper drew for these models."""
TEST_SHARE = 0.1
BATCH = 128
RATE = 3e-3
CLASSES = len(ORDER_CLASSES)


def linear() -> nn.Module:
    """One linear layer."""
    return nn.Linear(ELEMENTS + 1, CLASSES)


def dense(inputs: int) -> nn.Module:
    """Three linear layers."""
    return nn.Sequential(
        nn.Linear(inputs, 64), nn.LeakyReLU(), nn.Linear(64, 32), nn.LeakyReLU(), nn.Linear(32, CLASSES)
    )


def convolutional() -> nn.Module:
    """Two convolutions along the atomic number, each with pooling, and two linear layers."""
    return nn.Sequential(
        nn.Unflatten(1, (1, ELEMENTS)),
        nn.Conv1d(1, 2, 3, padding=1), nn.MaxPool1d(2), nn.LeakyReLU(),
        nn.Conv1d(2, 4, 3, padding=1), nn.MaxPool1d(2), nn.LeakyReLU(),
        nn.Flatten(), nn.Linear(116, 32), nn.LeakyReLU(), nn.Linear(32, CLASSES),
    )  # fmt: skip


MODELS: dict[str, tuple[int, Callable[[], nn.Module]]] = {
    "Linear model": (ELEMENTS + 1, linear),
    "Dense model 1": (ELEMENTS + 1, lambda: dense(ELEMENTS + 1)),
    "Dense model 2": (ELEMENTS, lambda: dense(ELEMENTS)),
    "CNN model": (ELEMENTS, convolutional),
}
"""Number of inputs and network of each model, as the paper's table names them."""


def compositions(rows: Rows) -> NDArray[np.float32]:
    """Share of each element, and the mean atomic radius in Å, shape (n, 119)."""
    table = np.zeros((len(rows), ELEMENTS + 1), np.float32)
    for row, example in zip(table, rows.examples, strict=True):
        numbers = example.graph.numbers
        row[:ELEMENTS] = np.bincount(numbers, minlength=ELEMENTS + 1)[1:] / len(numbers)
        row[ELEMENTS] = covalent_radii[numbers].mean()
    return table


class CompositionTask:
    """NM, AFM or FM from the composition.

    Args:
        x: inputs, (n, f).
        label: class of each row, (n,).
        seed: of the order of the rows.
    """

    def __init__(self, x: NDArray[np.float32], label: NDArray[np.int64], seed: int) -> None:
        self.x, self.label, self.seed = torch.from_numpy(x), torch.from_numpy(label), seed

    def batches(self, epoch: int) -> list[list[int]]:
        """All rows in a new order."""
        mixed = np.random.default_rng([self.seed, epoch]).permutation(len(self.x)).tolist()
        return [mixed[start : start + BATCH] for start in range(0, len(mixed), BATCH)]

    def loss(self, model: nn.Module, batch: list[int]) -> Tensor:
        """Cross-entropy."""
        return cross_entropy(model(self.x[batch]), self.label[batch])

    def validate(self, model: nn.Module) -> dict[str, float]:  # noqa: ARG002 (of the protocol)
        """Nothing is chosen by it."""
        return {}


def composition_accuracies(study: Study) -> dict[str, NDArray[np.float64]]:
    """Accuracies of each model, split at random as in the paper and by formula.

    Returns:
        For each model, shape (2, repeats): at random first.
    """
    work, rows = study.work, study.everything
    table = compositions(rows)

    def measure(name: str, *, by_group: bool, seed: int) -> float:
        inputs, build = MODELS[name]
        chosen = balanced_subset(rows.label, COMPOSITION_RATIO, seed, most=PAPER_ROWS)
        train, test = split(rows.formula[chosen], by_group=by_group, test=TEST_SHARE, seed=seed)
        x, label = table[chosen, :inputs], rows.label[chosen]
        torch.manual_seed(seed)
        folder = work.scratch(f"composition-{name.replace(' ', '-')}-{by_group}-{seed}")
        schedule = Schedule(study.settings.composition_epochs, RATE, weight_decay=1e-4, ema=0.99, seed=seed)
        model = fit(
            build(), CompositionTask(x[train], label[train], seed), schedule, folder, progress=False, log=lambda _: None
        )
        with torch.no_grad():
            right = model(torch.from_numpy(x[test])).argmax(1).numpy() == label[test]
        shutil.rmtree(folder)
        return float(right.mean())

    def protocols(name: str) -> Arrays:
        seeds = range(study.settings.repeats)
        return {"accuracy": np.array([[measure(name, by_group=g, seed=s) for s in seeds] for g in (False, True)])}

    return {
        name: work.kept(f"composition-{name.replace(' ', '-')}", partial(protocols, name))["accuracy"]
        for name in tqdm(MODELS, desc="composition alone", disable=not study.progress)
    }
