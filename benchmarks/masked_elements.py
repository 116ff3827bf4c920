"""Pretraining without labels: a body learns to name elements that are hidden from it (for `order_architecture.py`)."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import TEST_FOLD, VALIDATION_FOLD, MagneticData, reduced_formula
from magnetite.datasets.records import read_records
from magnetite.elements import MAX_ATOMIC_NUMBER
from magnetite.errors import StructureError
from magnetite.graphs import Graph
from magnetite.order.body import Body
from magnetite.order.config import NetworkConfig
from magnetite.order.tasks import BATCH_EDGES, shaken
from magnetite.runtime import Batch, by_edges, collate
from magnetite.structures import as_crystal
from magnetite.training import Schedule, fit

MAX_ATOMS = 30
HIDDEN = 0.2
WATCHED = 2000
SCHEDULE = Schedule(epochs=2, learning_rate=1.5e-3)


class Guesser(nn.Module):
    """A body and what names the element of each atom from its features."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.body = Body(config)
        self.name = nn.Linear(self.body.size, MAX_ATOMIC_NUMBER + 1)

    def forward(self, batch: Batch) -> Tensor:
        """Logits of the atomic number of each atom, (n_atoms, MAX_ATOMIC_NUMBER + 1)."""
        return self.name(self.body(batch))


class MaskedElements:
    """Graphs of crystals; a share of the atoms is nameless and to be named."""

    def __init__(self, graphs: list[Graph], device: torch.device) -> None:
        self.watched, self.graphs, self.device = graphs[:WATCHED], graphs[WATCHED:], device

    def digest(self) -> str:
        """A hash of all graphs' elements."""
        known = hashlib.sha256()
        for graph in (*self.watched, *self.graphs):
            known.update(graph.numbers.tobytes())
        return known.hexdigest()

    def batches(self, epoch: int) -> list[list[Graph]]:
        """All graphs but those watched, mixed and cut by edges."""
        order = np.random.default_rng([0, epoch]).permutation(len(self.graphs))
        return list(by_edges([self.graphs[i] for i in order], lambda g: g.n_edges, BATCH_EDGES))

    def loss(self, model: nn.Module, batch: list[Graph]) -> Tensor:
        """Cross-entropy of the hidden elements."""
        joined, hidden = self._hide(batch)
        return cross_entropy(model(shaken(joined))[hidden], self._numbers(batch)[hidden])

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """Share of the hidden elements that is named rightly."""
        torch.manual_seed(0)
        right = total = 0
        for batch in by_edges(self.watched, lambda g: g.n_edges, BATCH_EDGES):
            joined, hidden = self._hide(batch)
            said = model(joined)[hidden].argmax(1)
            right, total = right + int((said == self._numbers(batch)[hidden]).sum()), total + len(said)
        return {"score": right / total}

    def _numbers(self, batch: list[Graph]) -> Tensor:
        return torch.from_numpy(np.concatenate([g.numbers for g in batch])).to(self.device)

    def _hide(self, batch: list[Graph]) -> tuple[Batch, Tensor]:
        joined = collate(batch, [1.0] * len(batch), [np.zeros(0)] * len(batch)).to(self.device)
        hidden = torch.rand(len(joined.numbers), device=self.device) < HIDDEN
        hidden[0] = True  # at least one
        return replace(joined, numbers=joined.numbers.masked_fill(hidden, 0)), hidden


def read_graphs(data: Path) -> list[Graph]:
    """Graphs of all structures without labels whose formula is in no fold that is measured on."""
    source, graphs = MagneticData(data), []
    for row in tqdm(read_records(data / "mp_structures_unlabelled.jsonl.gz"), desc="structures", unit=""):
        formula = reduced_formula("".join(row["species"]))
        if len(row["species"]) > MAX_ATOMS or source.fold(formula) in (TEST_FOLD, VALIDATION_FOLD):
            continue
        try:
            graphs.append(as_crystal(row).primitive[0].graph)
        except StructureError:
            continue
    order = np.random.default_rng(0).permutation(len(graphs))
    return [graphs[i] for i in order]


def pretrained_body(data: Path, run: Path, config: NetworkConfig, device: torch.device) -> dict[str, Tensor]:
    """The weights of a body after `SCHEDULE`, from the run's folder where it is finished."""
    torch.manual_seed(0)
    task = MaskedElements(read_graphs(data), device)
    guesser = fit(Guesser(config).to(device), task, SCHEDULE, run, data=task.digest())
    assert isinstance(guesser, Guesser)
    return guesser.body.state_dict()
