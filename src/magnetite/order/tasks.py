"""What the order network learns from: draws, loss and validation."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss

from magnetite.datasets.magnetic import HELD_OUT, VALIDATION_FOLD, Example, select, trainable
from magnetite.elements import CAN_CARRY
from magnetite.evaluation.figures import CARRIES, moment_figures, order_figures
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork
from magnetite.runtime import EDGES_PER_BATCH, Batch, by_edges, collate

Draws = Mapping[tuple[str, int], int]
"""Examples drawn for an epoch from each stratum and class; a class with fewer is drawn at most `REPEATS` times."""
BODY_DRAWS: Draws = {
    ("ggau", 0): 2000, ("ggau", 1): 3600, ("ggau", 2): 4000,
    ("other", 0): 3000, ("other", 1): 900, ("other", 2): 3000,
    ("quiet", 0): 1500,
}  # fmt: skip
ORDER_DRAWS: Draws = {
    ("ggau", 0): 2000, ("ggau", 1): 3600, ("ggau", 2): 4000,
    ("other", 0): 4000, ("other", 1): 500, ("other", 2): 1000, ("confirmed", 2): 1500,
    ("quiet", 0): 4000, ("measured", 1): 2800, ("measured", 2): 800,
}  # fmt: skip
"""Outside GGA+U, measured orders and Curie temperatures weigh more than calculations that tried only FM."""
CONFIRMED = ("confirmed", ORDER_CLASSES.index("FM"))
REPEATS = 4
POSITION_NOISE = 0.02
"""Å; positions are shaken in training so that relaxed coordinates do not serve as fingerprints."""
MOMENT_WEIGHT, QUIET_SITE_WEIGHT = 1.0, 0.1
"""Of the error of |m| in the loss: of sites that carry a moment or could, and of all others."""
LOGGED = (
    "macro_f1", *(f"f1_{name}" for name in ORDER_CLASSES), "outside_magnetic_balanced",
    "other_accuracy", "measured_accuracy", "moment_mae", "moment_mae_magnetic",
)  # fmt: skip
"""What the log of training keeps of the figures, beside the score."""
LABEL_SMOOTHING = 0.05
BATCH_EDGES = 20_000


def join(examples: Sequence[Example]) -> Batch:
    """Collate the graphs of examples."""
    return collate([e.graph for e in examples], [e.volume_per_atom for e in examples], [e.geometry for e in examples])


def shaken(batch: Batch) -> Batch:
    """The batch with every atom (and its images) displaced at random."""
    shift = torch.randn(len(batch.numbers), 3, device=batch.vectors.device) * POSITION_NOISE
    return replace(batch, vectors=batch.vectors + shift[batch.senders] - shift[batch.receivers])


@torch.no_grad()
def evaluate(
    model: MagnetismNetwork, examples: Sequence[Example], device: torch.device, atoms: FrozenAtoms | None = None
) -> dict[str, NDArray[Any]]:
    """Outputs of the network for every example, in order; ``moment`` is joined over all atoms."""
    model.eval()
    outputs: dict[str, list[Tensor]] = defaultdict(list)
    for part in by_edges(examples, lambda e: e.graph.n_edges, EDGES_PER_BATCH[device.type]):
        for name, value in model(join(part).to(device), atoms(part) if atoms else None).items():
            outputs[name].append(value.cpu())
    return {name: torch.cat(values).numpy() for name, values in outputs.items()}


class FrozenAtoms:
    """Atom features under a body that no longer learns: worked out once, used in every epoch."""

    def __init__(self, network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> None:
        self.device = device
        self._of: dict[Example, Tensor] = {}
        network.eval()
        with torch.no_grad():
            for part in by_edges(examples, lambda e: e.graph.n_edges, EDGES_PER_BATCH[device.type]):
                atoms = network.body(join(part).to(device)).half().cpu()  # rounding is far below the effect of noise
                self._of.update(zip(part, atoms.split([e.graph.n_atoms for e in part]), strict=True))

    def __call__(self, examples: Sequence[Example]) -> Tensor:
        """Features of the atoms of these examples, one after another, (n_atoms, Body.size)."""
        return torch.cat([self._of[e] for e in examples]).to(self.device).float()


class OrderTask:
    """NM, AFM or FM/FiM, with |m| of each atom as a second question.

    Args:
        examples: of all splits; the splits are chosen here.
        device: where the network runs.
        seed: of the draws.
        draws: quota of each stratum and class; with a quota for ``confirmed``, computed ferromagnets that have a
            Curie temperature form a stratum of their own, and computed antiferromagnets that have one are left out.
        frozen: the network, where only its readout learns.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        device: torch.device,
        seed: int = 0,
        draws: Draws = BODY_DRAWS,
        frozen: MagnetismNetwork | None = None,
    ) -> None:
        self.device, self.seed, self.draws = device, seed, draws
        self.pools: dict[tuple[str, int], list[Example]] = defaultdict(list)
        for example in examples:
            if example.fold not in HELD_OUT and example.order >= 0 and trainable(example):
                key = self._pool(example)
                if key in draws:
                    self.pools[key].append(example)
        self.validation = select(
            examples, lambda e: e.fold == VALIDATION_FOLD and e.order >= 0 and (e.balanced or e.stratum != "ggau")
        )
        needed = [e for pool in self.pools.values() for e in pool] + self.validation
        self.atoms = FrozenAtoms(frozen, needed, device) if frozen else None

    def digest(self) -> str:
        """A hash of all rows that train or are watched: which they are, their labels, atoms and volumes."""
        known = hashlib.sha256()
        for example in (*(e for key in sorted(self.pools) for e in self.pools[key]), *self.validation):
            label = (example.identity, example.fold, example.stratum, example.order, example.volume_per_atom)
            known.update(repr(label).encode() + example.graph.numbers.tobytes() + example.moments.tobytes())
        return known.hexdigest()

    def _pool(self, example: Example) -> tuple[str, int]:
        """The stratum and class that an example is drawn with."""
        stratum = example.stratum
        if CONFIRMED in self.draws and example.has_curie and stratum == "other":
            stratum = CONFIRMED[0]
        return stratum, example.order

    def batches(self, epoch: int) -> list[list[Example]]:
        """Draw every class of every stratum to its quota, mix, and cut by edges."""
        rng = np.random.default_rng([self.seed, epoch])
        drawn: list[Example] = []
        for key, pool in sorted(self.pools.items()):
            quota = min(self.draws[key], REPEATS * len(pool))
            whole, rest = divmod(quota, len(pool))
            drawn += pool * whole + [pool[i] for i in rng.choice(len(pool), rest, replace=False)]
        mixed = [drawn[i] for i in rng.permutation(len(drawn))]
        return list(by_edges(mixed, lambda e: e.graph.n_edges, BATCH_EDGES))

    def loss(self, model: nn.Module, batch: list[Example]) -> Tensor:
        """Cross-entropy of the order plus the error of |m| where it is known."""
        joined = join(batch).to(self.device)
        output = model(joined, self.atoms(batch)) if self.atoms else model(shaken(joined))
        loss = cross_entropy(output["order"], self.answers(batch), label_smoothing=LABEL_SMOOTHING)
        target = torch.from_numpy(np.concatenate([e.moments for e in batch])).to(self.device)
        known = ~target.isnan()
        carries = (target > CARRIES) | torch.tensor(CAN_CARRY, device=self.device)[joined.numbers]
        for sites, weight in ((known & carries, MOMENT_WEIGHT), (known & ~carries, QUIET_SITE_WEIGHT)):
            if sites.any():
                loss = loss + weight * smooth_l1_loss(output["moment"][sites], target[sites], beta=0.2)
        return loss

    def answers(self, batch: list[Example]) -> Tensor:
        """The order that each example is to be taken for: an index into ORDER_CLASSES, (n,)."""
        return torch.tensor([e.order for e in batch], device=self.device)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Accuracy and macro-F1 on the balanced rows, and what else is known of unseen formulas."""
        assert isinstance(model, MagnetismNetwork)
        return order_metrics(self.validation, evaluate(model, self.validation, self.device, self.atoms))


def order_metrics(examples: Sequence[Example], output: dict[str, NDArray[np.float32]]) -> dict[str, float]:
    """Metrics of the order task: ``score`` is the accuracy on the balanced GGA+U rows."""
    figures = order_figures(examples, softmax(output["order"].astype(float), axis=1))
    figures |= moment_figures(examples, output["moment"])
    names = {"accuracy": "score"} | {key: key for key in LOGGED}
    return {name: figures[key].value for key, name in names.items() if key in figures}


def k_fold(formula: str, members: int) -> int:
    """The member of the propagation-vector ensemble that never trains on this formula."""
    return int(hashlib.sha256(f"k {formula}".encode()).hexdigest(), 16) % members


def out_of_fold(examples: Sequence[Example], logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """For each example, the logit of the member that never trained on its formula, shape (n,)."""
    members = logits.shape[1]
    return np.array([row[k_fold(e.formula, members)] for e, row in zip(examples, logits, strict=True)], np.float32)
