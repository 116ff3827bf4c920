"""Accuracy against the size of the training set (Merker 2022, Limitations)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from magnetite.evaluation.metrics import accuracy
from magnetite.evaluation.paper.study import Study, train_and_ask
from magnetite.evaluation.paper.subsets import ORDER_RATIO, balanced_subset

SHARES = (0.75, 0.5, 0.25)
"""Of the rows that the twenty models train on."""


def size_accuracies(study: Study) -> dict[float, NDArray[np.float64]]:
    """Accuracies of readout and stacking on parts of the training subsets.

    Returns:
        For each share, shape (repeats, 2): readout alone, stacked.
    """
    pool, label = np.flatnonzero(study.pool), study.orders.label
    test = np.flatnonzero(study.orders.test)
    found: dict[float, list[list[float]]] = {share: [] for share in SHARES}
    for share in tqdm(SHARES, desc="sizes of the training set", disable=not study.progress):
        for seed in range(study.settings.repeats):
            train = pool[balanced_subset(label[pool], ORDER_RATIO, seed, share=share)]
            answers = train_and_ask(study, f"size-{share}-{seed}", train, label, test, seed=seed)
            found[share].append([accuracy(answers[key], label[test]) for key in ("readout", "stacked")])
    return {share: np.array(values) for share, values in found.items()}
