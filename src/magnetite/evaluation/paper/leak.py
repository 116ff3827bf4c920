"""What the paper's protocol adds to the accuracy of the order: splitting at random, and the calculation's cell."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import HELD_OUT
from magnetite.evaluation.metrics import accuracy
from magnetite.evaluation.paper.boosting import boosted
from magnetite.evaluation.paper.features import with_cell
from magnetite.evaluation.paper.study import Study, train_and_ask
from magnetite.evaluation.paper.subsets import ORDER_RATIO, balanced_subset, split
from magnetite.evaluation.paper.work import Arrays

TEST_SHARE = 0.1
FRESH_SHARE = 0.2
PROTOCOLS = tuple((cell, by_group) for cell in ("primitive", "calculation's") for by_group in (True, False))
"""Cell that the trees are told the size of, and whether the split is by formula."""


def tree_leak(study: Study) -> dict[tuple[str, bool], NDArray[np.float64]]:
    """Accuracies of boosted trees alone on balanced subsets of all rows: nothing of them was trained before.

    Returns:
        For each of `PROTOCOLS`, shape (repeats,).
    """
    rows, table = study.everything, study.everything_table
    tables = {
        "primitive": table,
        "calculation's": with_cell(table, rows.atoms, np.maximum(rows.label_cell, rows.atoms)),
    }
    rounds = max(1, study.settings.boosting_rounds // 2)  # three classes grow three trees a round

    def measure(cell: str, *, by_group: bool) -> Arrays:
        accuracies = []
        for seed in range(study.settings.repeats):
            chosen = balanced_subset(rows.label, ORDER_RATIO, seed)
            train, test = split(rows.formula[chosen], by_group=by_group, test=TEST_SHARE, seed=seed)
            x, label = tables[cell][chosen], rows.label[chosen]
            accuracies.append(boosted(rounds).fit(x[train], label[train]).score(x[test], label[test]))
        return {"accuracy": np.array(accuracies)}

    return {
        (cell, by_group): study.work.kept(f"leak-{cell[:4]}-{by_group}", partial(measure, cell, by_group=by_group))[
            "accuracy"
        ]
        for cell, by_group in tqdm(PROTOCOLS, desc="leak, order", disable=not study.progress)
    }


def network_leak(study: Study) -> dict[bool, NDArray[np.float64]]:
    """Accuracies of readout and trees on rows whose formulas the body never saw, split by formula and at random.

    The rows are few (two folds of ten), since on all others the body itself has learned.

    Returns:
        For split by formula (True) and at random (False), shape (repeats,).
    """
    rows = study.orders
    fresh = np.flatnonzero(rows.balanced & rows.trainable & np.isin(rows.fold, HELD_OUT))
    found: dict[bool, NDArray[np.float64]] = {}
    for by_group in (True, False):
        accuracies = []
        for seed in range(study.settings.repeats):
            train, test = (
                fresh[part] for part in split(rows.formula[fresh], by_group=by_group, test=FRESH_SHARE, seed=seed)
            )
            answers = train_and_ask(study, f"fresh-{by_group}-{seed}", train, rows.label, test, seed=seed)
            accuracies.append(accuracy(answers["stacked"], rows.label[test]))
        found[by_group] = np.array(accuracies)
    return found
