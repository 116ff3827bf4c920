"""What the order network learns from: draws, losses and validation of its two tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, smooth_l1_loss

from magnetite.datasets.magnetic import TEST_FOLD, VALIDATION_FOLD, Example, select, trainable
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork
from magnetite.runtime import EDGES_PER_BATCH, Batch, by_edges, collate

DRAWS = {
    ("ggau", 0): 2000, ("ggau", 1): 3600, ("ggau", 2): 4000,
    ("other", 0): 3000, ("other", 1): 900, ("other", 2): 3000,
    ("quiet", 0): 1500, ("measured", 1): 1000, ("measured", 2): 300,
}  # fmt: skip
"""Examples drawn for an epoch from each stratum and class; a class with fewer is drawn at most `REPEATS` times."""
REPEATS = 2
POSITION_NOISE = 0.02
"""Å; positions are shaken in training so that relaxed coordinates do not serve as fingerprints."""
MOMENT_WEIGHT = 0.5
LABEL_SMOOTHING = 0.05
BATCH_EDGES = 20_000


def join(examples: Sequence[Example]) -> Batch:
    """Collate the graphs of examples."""
    return collate([e.graph for e in examples], [e.volume_per_atom for e in examples])


def shaken(batch: Batch) -> Batch:
    """The batch with every atom (and its images) displaced at random."""
    shift = torch.randn(len(batch.numbers), 3, device=batch.vectors.device) * POSITION_NOISE
    return replace(batch, vectors=batch.vectors + shift[batch.senders] - shift[batch.receivers])


@torch.no_grad()
def evaluate(model: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> dict[str, NDArray[np.float32]]:
    """Outputs of the network for every example, in order; ``moment`` is joined over all atoms."""
    model.eval()
    outputs: dict[str, list[Tensor]] = defaultdict(list)
    for part in by_edges(examples, lambda e: e.graph.n_edges, EDGES_PER_BATCH[device.type]):
        for name, value in model(join(part).to(device)).items():
            outputs[name].append(value.cpu())
    return {name: torch.cat(values).numpy() for name, values in outputs.items()}


def balanced_accuracy(predicted: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    """Mean recall over the classes present (0–1)."""
    return float(np.mean([(predicted[true == c] == c).mean() for c in np.unique(true)]))


class OrderTask:
    """NM, AFM or FM/FiM, with |m| of each atom as a second question."""

    def __init__(self, examples: Sequence[Example], device: torch.device, seed: int = 0) -> None:
        self.device, self.seed = device, seed
        self.pools: dict[tuple[str, int], list[Example]] = defaultdict(list)
        for example in examples:
            if example.fold not in (TEST_FOLD, VALIDATION_FOLD) and example.order >= 0 and trainable(example):
                self.pools[example.stratum, example.order].append(example)
        self.validation = select(
            examples, lambda e: e.fold == VALIDATION_FOLD and e.order >= 0 and (e.balanced or e.stratum != "ggau")
        )

    def batches(self, epoch: int) -> list[list[Example]]:
        """Draw every class of every stratum to its quota, mix, and cut by edges."""
        rng = np.random.default_rng([self.seed, epoch])
        drawn: list[Example] = []
        for key, pool in sorted(self.pools.items()):
            quota = min(DRAWS[key], REPEATS * len(pool))
            whole, rest = divmod(quota, len(pool))
            drawn += pool * whole + [pool[i] for i in rng.choice(len(pool), rest, replace=False)]
        mixed = [drawn[i] for i in rng.permutation(len(drawn))]
        return list(by_edges(mixed, lambda e: e.graph.n_edges, BATCH_EDGES))

    def loss(self, model: nn.Module, batch: list[Example]) -> Tensor:
        """Cross-entropy of the order plus the error of |m| where it is known."""
        output = model(shaken(join(batch).to(self.device)))
        order = torch.tensor([e.order for e in batch], device=self.device)
        loss = cross_entropy(output["order"], order, label_smoothing=LABEL_SMOOTHING)
        target = torch.from_numpy(np.concatenate([e.moments for e in batch])).to(self.device)
        known = ~target.isnan()
        if known.any():
            loss = loss + MOMENT_WEIGHT * smooth_l1_loss(output["moment"][known], target[known], beta=0.3)
        return loss

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Accuracy and macro-F1 on the balanced rows, and what else is known of unseen formulas."""
        assert isinstance(model, MagnetismNetwork)
        return order_metrics(self.validation, evaluate(model, self.validation, self.device))


def order_metrics(examples: Sequence[Example], output: dict[str, NDArray[np.float32]]) -> dict[str, float]:
    """Metrics of the order task: ``score`` is the accuracy on the balanced GGA+U rows."""
    from sklearn.metrics import f1_score

    true = np.array([e.order for e in examples])
    predicted = output["order"].argmax(1)
    strata = np.array([e.stratum for e in examples])
    main = np.array([e.balanced for e in examples])
    metrics = {"score": float((predicted[main] == true[main]).mean())}
    metrics["macro_f1"] = float(f1_score(true[main], predicted[main], average="macro"))
    for index, name in enumerate(ORDER_CLASSES):
        metrics[f"f1_{name}"] = float(f1_score(true[main] == index, predicted[main] == index))
    outside = (strata == "other") | (strata == "quiet")
    if outside.any():
        metrics["outside_magnetic_balanced"] = balanced_accuracy(
            (predicted[outside] > 0).astype(int), (true[outside] > 0).astype(int)
        )
    for stratum in ("other", "measured"):
        if (strata == stratum).any():
            metrics[f"{stratum}_accuracy"] = float((predicted == true)[strata == stratum].mean())
    target = np.concatenate([e.moments for e in examples])
    moment = output["moment"]
    for name, rows in (("moment_mae", ~np.isnan(target)), ("moment_mae_magnetic", target > 0.3)):
        metrics[name] = float(np.abs(moment[rows] - target[rows]).mean())
    return metrics


class PropagationTask:
    """Zero or non-zero propagation vector, one member of the ensemble, on the body of the order network."""

    def __init__(
        self, train: Sequence[Example], held_out: Sequence[Example], device: torch.device, member: int
    ) -> None:
        self.train = select(train, trainable)
        self.held_out, self.device, self.member = held_out, device, member

    def batches(self, epoch: int) -> list[list[Example]]:
        """All training compounds in a new order."""
        rng = np.random.default_rng([self.member, epoch])
        mixed = [self.train[i] for i in rng.permutation(len(self.train))]
        return list(by_edges(mixed, lambda e: e.graph.n_edges, BATCH_EDGES))

    def loss(self, model: nn.Module, batch: list[Example]) -> Tensor:
        """Binary cross-entropy of this member, with smoothed labels."""
        assert isinstance(model, MagnetismNetwork)
        joined = shaken(join(batch).to(self.device))
        with torch.no_grad():
            atoms = model.body(joined)
        logit = model.zero_k[self.member](atoms, joined)[0].squeeze(1)
        target = torch.tensor([float(e.zero_k) for e in batch], device=self.device)
        smooth = target * (1 - 2 * LABEL_SMOOTHING) + LABEL_SMOOTHING
        return binary_cross_entropy_with_logits(logit, smooth)

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Accuracy on held-out compounds."""
        assert isinstance(model, MagnetismNetwork)
        logit = evaluate(model, self.held_out, self.device)["zero_k"][:, self.member]
        return {"score": float(np.mean((logit > 0) == np.array([e.zero_k == 1 for e in self.held_out])))}
