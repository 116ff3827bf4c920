"""Figures of the models as tables in Markdown, each beside the paper's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

Scores = NDArray[np.float64]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first are aligned to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mean_and_range(values: NDArray[np.float64]) -> str:
    """``mean (lowest–highest)``."""
    return f"{values.mean():.3f} ({values.min():.3f}–{values.max():.3f})"


def mean_and_spread(values: NDArray[np.float64]) -> str:
    """``mean ± standard deviation``, or the value alone if there is one."""
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if len(values) > 1 else f"{values.mean():.3f}"


def scores(truth: Sequence[NDArray[np.int64]], answers: Sequence[NDArray[np.int64]], classes: int) -> Scores:
    """Precision, recall and F1 of each class, averaged over the models, (classes, 3).

    Args:
        truth: of each model's rows.
        answers: of each model.
        classes: number of classes.
    """
    each = [
        precision_recall_fscore_support(t, a, labels=range(classes), zero_division=0)[:3]
        for t, a in zip(truth, answers, strict=True)
    ]
    averaged: Scores = np.mean(each, axis=0).T
    return averaged


def score_table(names: Sequence[str], found: Scores, paper: Mapping[str, tuple[float, float, float]]) -> str:
    """Precision, recall and F1, each with the paper's behind it."""
    rows = [
        [name, *(f"{ours:.2f} ({theirs:.2f})" for ours, theirs in zip(line, paper[name], strict=True))]
        for name, line in zip(names, found, strict=True)
    ]
    return markdown(["class", "precision (paper)", "recall (paper)", "F1 (paper)"], rows)


def per_element(
    elements: Sequence[Iterable[str]], right: NDArray[np.float64], least: int
) -> tuple[dict[str, float], dict[str, int]]:
    """Accuracy on the rows that hold each element, and their number.

    Args:
        elements: of each row.
        right: how often each row was right, 0–1, (n,).
        least: elements with fewer rows are left out of the accuracies.
    """
    found: dict[str, list[float]] = {}
    for symbols, share in zip(elements, right.tolist(), strict=True):
        for symbol in set(symbols):
            found.setdefault(symbol, []).append(share)
    accuracies = {symbol: float(np.mean(values)) for symbol, values in found.items() if len(values) >= least}
    return accuracies, {symbol: len(values) for symbol, values in found.items()}
