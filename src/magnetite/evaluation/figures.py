"""Figures of the order, moment and propagation-vector tasks, for training logs and model cards alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import f1_score, roc_auc_score

from magnetite.datasets.magnetic import MAX_TRAINING_VOLUME, Example
from magnetite.evaluation.metrics import (
    Labels,
    Probabilities,
    accuracy,
    accuracy_at_coverage,
    balanced_accuracy,
    calibration_error,
)
from magnetite.order.network import ORDER_CLASSES

CARRIES = 0.3
"""μB; a site with more than this counts as magnetic."""


class Figure(NamedTuple):
    """A value and the number of rows that it was measured on."""

    value: float
    rows: int


Figures: TypeAlias = dict[str, Figure]


def order_figures(examples: Sequence[Example], probabilities: Probabilities) -> Figures:
    """Figures of the order on each set of rows that the examples hold some of.

    Args:
        examples: n examples.
        probabilities: of `ORDER_CLASSES`, shape (n, 3).
    """
    true = np.array([e.order for e in examples])
    balanced = np.array([e.balanced for e in examples])
    inferred = balanced & np.array([e.tier == "A" for e in examples])
    strata = np.array([e.stratum for e in examples])
    outside = np.isin(strata, ("other", "quiet")) & (true >= 0)
    dense = np.array([e.volume_per_atom <= MAX_TRAINING_VOLUME for e in examples])
    measured = (strata == "measured") & (true >= 0)
    found: Figures = {}
    for figures, rows in (
        (_balanced, balanced),
        (_inferred, inferred),
        (_outside, outside),
        (_dense, outside & dense),
        (_other, strata == "other"),
        (_measured, measured),
    ):
        if rows.any():
            values = figures(probabilities[rows], true[rows])
            found |= {key: Figure(float(value), int(rows.sum())) for key, value in values}
    return found


def _balanced(p: Probabilities, true: Labels) -> Iterator[tuple[str, float]]:
    predicted = p.argmax(1)
    yield "accuracy", accuracy(p, true)
    yield "macro_f1", f1_score(true, predicted, average="macro")
    for index, name in enumerate(ORDER_CLASSES):
        yield f"f1_{name}", f1_score(true == index, predicted == index)
    yield "calibration_error", calibration_error(p, true)
    yield "accuracy_at_half", accuracy_at_coverage(p, true, 0.5)


def _inferred(p: Probabilities, _: Labels) -> Iterator[tuple[str, float]]:
    """NM recall where the inference of NM is safest (tier A): its labels are inferred, not computed."""
    yield "inferred_recall", (p.argmax(1) == ORDER_CLASSES.index("NM")).mean()


def _outside(p: Probabilities, true: Labels) -> Iterator[tuple[str, float]]:
    yield "outside_magnetic_balanced", balanced_accuracy((p.argmax(1) > 0).astype(int), (true > 0).astype(int))


def _dense(p: Probabilities, true: Labels) -> Iterator[tuple[str, float]]:
    """Without computed crystals that flew apart, most of which are magnets."""
    for _, value in _outside(p, true):
        yield "dense_magnetic_balanced", value


def _other(p: Probabilities, true: Labels) -> Iterator[tuple[str, float]]:
    yield "other_accuracy", accuracy(p, true)
    yield "other_balanced", balanced_accuracy(p.argmax(1), true)


def _measured(p: Probabilities, true: Labels) -> Iterator[tuple[str, float]]:
    yield "measured_accuracy", accuracy(p, true)
    yield "measured_always_afm", (true == ORDER_CLASSES.index("AFM")).mean()
    yield "measured_balanced", balanced_accuracy(p.argmax(1), true)


def moment_figures(examples: Sequence[Example], moments: NDArray[np.float32]) -> Figures:
    """Errors of |m| in μB, and how well magnetic sites are told from others.

    Args:
        examples: whose atoms are meant.
        moments: predicted |m| in μB of all their atoms, shape (n_atoms,).
    """
    target = np.concatenate([e.moments for e in examples])
    known = ~np.isnan(target)
    target, moments = target[known], moments[known].clip(min=0)
    error, magnetic, called = np.abs(moments - target), target > CARRIES, moments > CARRIES
    found: Figures = {}
    if len(target):
        found["moment_mae"] = Figure(float(error.mean()), len(target))
    if magnetic.any():
        found["moment_mae_magnetic"] = Figure(float(error[magnetic].mean()), int(magnetic.sum()))
        found["moment_median_magnetic"] = Figure(float(np.median(error[magnetic])), int(magnetic.sum()))
        found["moment_site_accuracy"] = Figure(float((called == magnetic).mean()), len(target))
        found["moment_site_f1"] = Figure(float(f1_score(magnetic, called)), len(target))
    return found


def propagation_figures(compounds: Sequence[Example], logits: NDArray[np.floating]) -> Figures:
    """Figures of zero against non-zero k.

    Args:
        compounds: n examples with known k.
        logits: of a zero k, from a model that never saw the formula, shape (n,).
    """
    true, p = np.array([e.zero_k for e in compounds]), expit(logits.astype(float))
    predicted = (logits > 0).astype(int)
    values = {
        "zero_k_accuracy": np.mean(predicted == true),
        "f1_zero": f1_score(true, predicted),
        "f1_nonzero": f1_score(1 - true, 1 - predicted),
        "auc": roc_auc_score(true, logits),
        "zero_k_calibration_error": calibration_error(np.stack([1 - p, p], axis=1), true),
    }
    return {key: Figure(float(value), len(true)) for key, value in values.items()}
