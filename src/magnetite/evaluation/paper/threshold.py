"""Where FiM ends and AFM begins: accuracy against the threshold on the net moment (Merker 2022, Table 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import TEST_FOLD
from magnetite.evaluation.metrics import accuracy
from magnetite.evaluation.paper.boosting import AFM, FM, NM
from magnetite.evaluation.paper.study import Study, train_and_ask
from magnetite.evaluation.paper.subsets import THRESHOLD_RATIO, balanced_subset

THRESHOLDS = (0.0, 0.01, 0.02, 0.03, 0.05)
"""Of |m↑ − m↓| / m↑."""
ZERO = 5e-4
"""What counts as zero: the moments are known to 0.001 μB."""


@dataclass(frozen=True)
class ThresholdResult:
    """Results at one threshold.

    Attributes:
        threshold: of |m↑ − m↓| / m↑.
        antiferromagnets: rows that it calls AFM.
        accuracies: of the stacked models, (repeats,).
    """

    threshold: float
    antiferromagnets: int
    accuracies: NDArray[np.float64]


def relabel(label: NDArray[np.int64], net: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    """Classes of magnets by the net moment alone; NM stays NM.

    Args:
        label: index into ORDER_CLASSES, (n,).
        net: |m↑ − m↓| / (m↑ + m↓), (n,).
        threshold: largest |m↑ − m↓| / m↑ of an antiferromagnet.
    """
    ratio = 2 * net / (1 + net)
    anti = ratio <= max(threshold, ZERO)
    relabelled: NDArray[np.int64] = np.where(label == NM, NM, np.where(anti, AFM, FM))
    return relabelled


def threshold_study(study: Study) -> list[ThresholdResult]:
    """Train and measure with the labels of each threshold; the measured rows are balanced in the same ratio."""
    pool, rows = np.flatnonzero(study.pool), study.orders
    test_pool = np.flatnonzero(rows.fold == TEST_FOLD)
    found = []
    for threshold in tqdm(THRESHOLDS, desc="thresholds", disable=not study.progress):
        label = relabel(rows.label, rows.net, threshold)
        accuracies = []
        for seed in range(study.settings.repeats):
            train = pool[balanced_subset(label[pool], THRESHOLD_RATIO, seed)]
            test = test_pool[balanced_subset(label[test_pool], THRESHOLD_RATIO, seed)]
            answers = train_and_ask(study, f"threshold-{threshold}-{seed}", train, label, test, seed=seed)
            accuracies.append(accuracy(answers["stacked"], label[test]))
        found.append(ThresholdResult(threshold, int((label == AFM).sum()), np.array(accuracies)))
    return found
