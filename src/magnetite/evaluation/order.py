"""What the order and propagation-vector model scores on formulas that it never saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.metrics import f1_score, roc_auc_score

from magnetite.datasets.magnetic import TEST_FOLD, VALIDATION_FOLD, Example, select
from magnetite.evaluation.metrics import (
    Metric,
    accuracy,
    accuracy_at_coverage,
    balanced_accuracy,
    calibration_error,
)
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork
from magnetite.order.tasks import CARRIES, evaluate, out_of_fold

SPLITS = {"test": TEST_FOLD, "validation": VALIDATION_FOLD}


def measure(
    network: MagnetismNetwork,
    examples: Sequence[Example],
    calibration: dict[str, float],
    device: torch.device,
    split: str = "test",
) -> list[Metric]:
    """All figures of the model card.

    Args:
        network: the trained network.
        examples: all examples; the split is chosen here.
        calibration: ``order_temperature`` and ``zero_k_temperature``.
        device: where the network runs.
        split: ``test`` or ``validation``; the propagation vector is always measured out of fold.
    """
    held_out = select(examples, lambda e: e.fold == SPLITS[split])
    output = evaluate(network, held_out, device)
    probabilities = softmax(output["order"].astype(float) / calibration["order_temperature"], axis=1)
    metrics = [
        *_order(held_out, probabilities, f"{split} fold by reduced formula, balanced GGA+U rows"),
        *_inferred(held_out, probabilities, f"{split} fold by reduced formula"),
        *_outside(held_out, probabilities, f"{split} fold by reduced formula, chemistry outside GGA+U"),
        *_moments(held_out, output["moment"].clip(min=0), f"{split} fold by reduced formula, against DFT"),
    ]
    if network.config.k_members:
        compounds = select(examples, lambda e: e.zero_k >= 0)
        logits = evaluate(network, compounds, device)["zero_k"]
        metrics += _propagation(compounds, logits / calibration["zero_k_temperature"])
    return metrics


def _order(examples: Sequence[Example], probabilities: NDArray[np.float64], protocol: str) -> list[Metric]:
    rows = np.array([e.balanced for e in examples])
    p, true = probabilities[rows], np.array([e.order for e in examples])[rows]
    predicted = p.argmax(1)
    figures = {
        "order accuracy": accuracy(p, true),
        "order macro-F1": float(f1_score(true, predicted, average="macro")),
        **{
            f"F1 {name}": float(f1_score(true == index, predicted == index)) for index, name in enumerate(ORDER_CLASSES)
        },
        "order calibration error": calibration_error(p, true),
        "order accuracy at 50 % coverage": accuracy_at_coverage(p, true, 0.5),
    }
    return [Metric(name, value, protocol, len(true)) for name, value in figures.items()]


def _inferred(examples: Sequence[Example], probabilities: NDArray[np.float64], protocol: str) -> list[Metric]:
    """NM recall where the inference of NM is safest (tier A): its labels are inferred, not computed."""
    rows = np.array([e.balanced and e.tier == "A" for e in examples])
    if not rows.any():
        return []
    recall = float((probabilities[rows].argmax(1) == 0).mean())
    return [Metric("NM recall, tier A alone", recall, f"{protocol}, balanced GGA+U rows", int(rows.sum()))]


def _outside(examples: Sequence[Example], probabilities: NDArray[np.float64], protocol: str) -> list[Metric]:
    true, predicted = np.array([e.order for e in examples]), probabilities.argmax(1)
    metrics = []
    rows = np.array([e.stratum in ("other", "quiet") and e.order >= 0 for e in examples])
    magnetic = balanced_accuracy((predicted[rows] > 0).astype(int), (true[rows] > 0).astype(int))
    metrics.append(Metric("magnetic or not, balanced accuracy", magnetic, protocol, int(rows.sum())))
    rows = np.array([e.stratum == "other" for e in examples])
    metrics.append(
        Metric(
            "order, mean recall of NM, AFM, FM",
            balanced_accuracy(predicted[rows], true[rows]),
            protocol,
            int(rows.sum()),
        )
    )
    rows = np.array([e.stratum == "measured" and e.order >= 0 for e in examples])
    against = f"{protocol.split(',', maxsplit=1)[0]}, order measured by neutrons (MAGNDATA)"
    always = float((true[rows] == ORDER_CLASSES.index("AFM")).mean())
    for name, value in (
        ("order accuracy against experiment", accuracy(probabilities[rows], true[rows])),
        ("the same for always answering AFM", always),
        ("order against experiment, mean recall of AFM and FM", balanced_accuracy(predicted[rows], true[rows])),
    ):
        metrics.append(Metric(name, value, against, int(rows.sum())))
    return metrics


def _moments(examples: Sequence[Example], moments: NDArray[np.float32], protocol: str) -> list[Metric]:
    target = np.concatenate([e.moments for e in examples])
    known, magnetic = ~np.isnan(target), target > CARRIES
    error = np.abs(moments - target)
    name = "|m| mean absolute error"
    return [
        Metric(f"{name}, {which}", float(error[rows].mean()), protocol, int(rows.sum()), "μB")
        for which, rows in (("all sites", known), (f"sites above {CARRIES} μB", magnetic))
    ]  # fmt: skip


def _propagation(compounds: Sequence[Example], logits: NDArray[np.float32]) -> list[Metric]:
    protocol = "5-fold by reduced formula: each member of the shipped ensemble on compounds it never saw"
    true = np.array([e.zero_k for e in compounds])
    logit = out_of_fold(compounds, logits).astype(float)
    predicted, p = (logit > 0).astype(int), expit(logit)
    figures = {
        "zero k accuracy": float((predicted == true).mean()),
        "zero k F1": float(f1_score(true, predicted)),
        "non-zero k F1": float(f1_score(1 - true, 1 - predicted)),
        "zero k AUC": float(roc_auc_score(true, logit)),
        "zero k calibration error": calibration_error(np.stack([1 - p, p], axis=1), true),
    }
    return [Metric(name, value, protocol, len(true)) for name, value in figures.items()]
