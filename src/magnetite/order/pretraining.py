"""Learning without labels: a body that names the elements hidden from it knows what surrounds which (Devlin 2019).

A share of the atoms of crystals without labels is nameless; geometry and the named neighbours tell which they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import HELD_OUT, N_FOLDS, MagneticData
from magnetite.elements import MAX_ATOMIC_NUMBER
from magnetite.graphs import Graph
from magnetite.order.body import Body
from magnetite.order.config import NetworkConfig
from magnetite.order.tasks import BATCH_EDGES, shaken
from magnetite.runtime import Batch, by_edges, collate
from magnetite.training import Schedule, fit

PRETRAINING = Schedule(epochs=2, learning_rate=1.5e-3)
MAX_ATOMS = 30
"""Larger cells are left out: half of the structures, four fifths of the time."""
HIDDEN = 0.2
"""Share of the atoms that are nameless."""
WATCHED = 2000
"""Structures that do not train."""
NAMELESS = 0
"""Atomic number of what is hidden; no element has it."""


class Guesser(nn.Module):
    """A body, and what names the element of each atom from its features."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.body = Body(config)
        self.name = nn.Linear(self.body.size, MAX_ATOMIC_NUMBER + 1)

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the atomic number of each atom, (n_atoms, MAX_ATOMIC_NUMBER + 1)."""
        logits: Tensor = self.name(self.body(batch))
        return logits


class MaskedElements:
    """Name the hidden atoms of each graph; see `magnetite.training.Task`."""

    def __init__(self, graphs: Sequence[Graph], device: torch.device, seed: int = 0) -> None:
        self.watched, self.graphs, self.device, self.seed = graphs[:WATCHED], graphs[WATCHED:], device, seed

    def digest(self) -> str:
        """A hash of the elements of all graphs, in their order."""
        known = hashlib.sha256()
        for graph in (*self.watched, *self.graphs):
            known.update(graph.numbers.tobytes())
        return known.hexdigest()

    def batches(self, epoch: int) -> list[list[Graph]]:
        """All graphs but those watched, mixed and cut by edges."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.graphs))
        return list(by_edges([self.graphs[i] for i in order], lambda g: g.n_edges, BATCH_EDGES))

    def loss(self, model: nn.Module, batch: list[Graph]) -> Tensor:
        """Cross-entropy of the hidden elements."""
        joined, hidden = self._hide(batch)
        return cross_entropy(model(shaken(joined))[hidden], self._numbers(batch)[hidden])

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Share of the hidden elements of the structures watched that is named rightly."""
        torch.manual_seed(self.seed)
        right = total = 0
        for batch in by_edges(self.watched, lambda g: g.n_edges, BATCH_EDGES):
            joined, hidden = self._hide(batch)
            said = model(joined)[hidden].argmax(1)
            right, total = right + int((said == self._numbers(batch)[hidden]).sum()), total + len(said)
        return {"score": right / total}

    def _numbers(self, batch: Sequence[Graph]) -> Tensor:
        return torch.from_numpy(np.concatenate([g.numbers for g in batch])).to(self.device)

    def _hide(self, batch: Sequence[Graph]) -> tuple[Batch, Tensor]:
        joined = collate(batch, [1.0] * len(batch), [np.zeros(0)] * len(batch)).to(self.device)
        hidden = torch.rand(len(joined.numbers), device=self.device) < HIDDEN
        hidden[0] = True  # at least one
        return replace(joined, numbers=joined.numbers.masked_fill(hidden, NAMELESS)), hidden


def read_unlabelled(data: Path, *, progress: bool = True) -> list[Graph]:
    """Graphs of all structures without labels, in an order drawn once, but those of formulas that are measured on.

    Raises:
        DataError: a file is missing or broken.
    """
    source = MagneticData(data, [fold for fold in range(N_FOLDS) if fold not in HELD_OUT])
    found = source.unlabelled(MAX_ATOMS)
    graphs = list(tqdm(found, desc="reading unlabelled", unit="", disable=not progress))
    order = np.random.default_rng(0).permutation(len(graphs))
    return [graphs[i] for i in order]


def pretrain(
    graphs: Sequence[Graph],
    run: Path,
    device: torch.device,
    config: NetworkConfig,
    *,
    schedule: Schedule = PRETRAINING,
    compiled: bool = False,
    progress: bool = True,
    log: Callable[[str], None] = tqdm.write,
) -> Body:
    """The body that learned to name hidden elements.

    Args:
        graphs: as `read_unlabelled` gives them.
        run: folder of the run; the same call continues an interrupted run.
        device: where to train.
        config: size of the body.
        schedule: length and rates.
        compiled: compile the convolutions.
        progress: show progress bars.
        log: receives one line an epoch.
    """
    torch.manual_seed(schedule.seed)
    guesser = Guesser(config).to(device)
    if compiled:
        guesser.body.compile_layers()
    task = MaskedElements(graphs, device, schedule.seed)
    trained = fit(guesser, task, schedule, run, data=task.digest(), progress=progress, log=log)
    assert isinstance(trained, Guesser)
    return trained.body
