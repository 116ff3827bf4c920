"""A readout of the order on the body's atom features: what each of the study's networks trains."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from magnetite.datasets.magnetic import Example
from magnetite.evaluation.metrics import Probabilities
from magnetite.order.config import NetworkConfig
from magnetite.order.network import ORDER_CLASSES, Readout
from magnetite.order.tasks import LABEL_SMOOTHING, FrozenAtoms, join
from magnetite.runtime import by_edges
from magnetite.training import Schedule, fit

ATOMS_PER_BATCH = 1_500
SCHEDULE = Schedule(learning_rate=4e-3, weight_decay=0.05, ema=0.98)
"""Faster than that of the shipped readout, which starts from one that the body was trained with: eight epochs at this
rate reach on the validation fold what ten do at 1e-3."""


class ReadoutTask:
    """NM, AFM or FM from known atom features.

    Args:
        examples: to train on.
        label: index into ORDER_CLASSES of each, (n,); not always the examples' own.
        atoms: features of their atoms.
        seed: of the draws.
    """

    def __init__(self, examples: Sequence[Example], label: NDArray[np.int64], atoms: FrozenAtoms, seed: int) -> None:
        self.pairs = list(zip(examples, label.tolist(), strict=True))
        self.atoms, self.seed = atoms, seed

    def batches(self, epoch: int) -> list[list[tuple[Example, int]]]:
        """All rows in a new order, cut by atoms."""
        mixed = np.random.default_rng([self.seed, epoch]).permutation(len(self.pairs))
        return list(by_edges((self.pairs[i] for i in mixed), lambda pair: pair[0].graph.n_atoms, ATOMS_PER_BATCH))

    def loss(self, model: nn.Module, batch: list[tuple[Example, int]]) -> Tensor:
        """Cross-entropy of the order."""
        examples = [e for e, _ in batch]
        logits = model(self.atoms(examples), join(examples).to(self.atoms.device))
        target = torch.tensor([label for _, label in batch], device=self.atoms.device)
        return cross_entropy(logits, target, label_smoothing=LABEL_SMOOTHING)

    def validate(self, model: nn.Module) -> dict[str, float]:  # noqa: ARG002 (of the protocol)
        """Nothing is chosen by it: the number of epochs is fixed."""
        return {}


def train_readout(
    task: ReadoutTask, config: NetworkConfig, size: int, folder: Path, *, epochs: int, progress: bool = True
) -> Readout:
    """Train a new readout; an interrupted training continues in its folder, a finished one clears it.

    Args:
        task: what to learn, and the seed.
        config: size of the network.
        size: length of an atom's features.
        folder: of the checkpoint.
        epochs: passes over the rows.
        progress: show a bar for each epoch.
    """
    torch.manual_seed(task.seed)
    model = Readout(size, config, len(ORDER_CLASSES)).to(task.atoms.device)
    schedule = replace(SCHEDULE, epochs=epochs, seed=task.seed)
    trained = fit(model, task, schedule, folder, progress=progress, log=lambda _: None)
    assert isinstance(trained, Readout)
    shutil.rmtree(folder)
    return trained


@torch.no_grad()
def ask(model: Readout, examples: Sequence[Example], atoms: FrozenAtoms) -> Probabilities:
    """Probabilities of ORDER_CLASSES, (n, 3)."""
    model.eval()
    answers = [
        model(atoms(part), join(part).to(atoms.device)).double().softmax(1).cpu()
        for part in by_edges(examples, lambda e: e.graph.n_atoms, 4 * ATOMS_PER_BATCH)
    ]
    probabilities: Probabilities = torch.cat(answers).numpy()
    return probabilities
