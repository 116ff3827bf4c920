"""Models that learned from calculations alone, against orders measured with neutrons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magnetite.datasets.magnetic import TEST_FOLD
from magnetite.evaluation.metrics import Probabilities, accuracy, balanced_accuracy
from magnetite.evaluation.paper.boosting import NM
from magnetite.evaluation.paper.rows import Rows
from magnetite.evaluation.paper.study import Study
from magnetite.evaluation.paper.work import Arrays


@dataclass(frozen=True)
class Comparison:
    """An answer against the measured order.

    Attributes:
        name: whose answer.
        rows: number of compounds.
        accuracy: share of right answers.
        balanced: mean recall of AFM and FM.
        always_afm: accuracy of always answering AFM on the same compounds.
        called_nm: share of these magnets that are called non-magnetic.
    """

    name: str
    rows: int
    accuracy: float
    balanced: float
    always_afm: float
    called_nm: float


def compare(name: str, truth: NDArray[np.int64], probabilities: Probabilities) -> Comparison:
    """Compare probabilities, (n, 3), with the measured order, (n,)."""
    answer = probabilities.argmax(1)
    return Comparison(
        name, len(truth), accuracy(probabilities, truth), balanced_accuracy(answer, truth),
        float((truth == 1).mean()), float((answer == NM).mean()),
    )  # fmt: skip


def against_experiment(study: Study, models: Sequence[Arrays]) -> list[Comparison]:
    """Labels, the study's models and the shipped one against the measured order.

    Args:
        study: all there is.
        models: as `order_models` gives them; they and the body saw no formula of MAGNDATA. The shipped readout
            trained on the measured orders of all folds but the test and validation fold: there, only the test fold
            counts.
    """
    rows = study.compounds
    known = rows.label >= 0
    unseen = known & (rows.fold == TEST_FOLD)
    mean = np.mean([model["measured"] for model in models], axis=0)
    found = []
    labels = dft_labels(rows, study)
    both = known & (labels >= 0)
    if both.any():
        found.append(compare("labels of the calculations (same formula)", rows.label[both], np.eye(3)[labels[both]]))
    if known.any():
        found.append(compare("models of this study, DFT alone: mean", rows.label[known], mean[known]))
    if unseen.any():
        found.append(compare("the same, test fold", rows.label[unseen], mean[unseen]))
        found.append(compare("shipped model, test fold", rows.label[unseen], study.shipped["compounds"][unseen]))
    return found


def dft_labels(rows: Rows, study: Study) -> NDArray[np.int64]:
    """The calculated order of the same formula, -1 where there is none or polymorphs differ, shape (n,)."""
    orders: dict[str, set[int]] = {}
    for formula, label in zip(study.everything.formula.tolist(), study.everything.label.tolist(), strict=True):
        orders.setdefault(formula, set()).add(label)
    single = {formula: labels.pop() for formula, labels in orders.items() if len(labels) == 1}
    return np.array([single.get(formula, -1) for formula in rows.formula.tolist()])
