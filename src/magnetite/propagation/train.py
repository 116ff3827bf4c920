"""Training of the ranker of wave vectors: boosted trees on candidates, measured out of fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.ensemble import HistGradientBoostingClassifier

from magnetite.errors import DataError
from magnetite.order.tasks import k_fold
from magnetite.order.trees import Trees
from magnetite.propagation.card import describe
from magnetite.propagation.examples import VectorExample, read_vectors
from magnetite.propagation.export import export
from magnetite.propagation.figures import FOLDS, ranked
from magnetite.propagation.ranker import scores_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BOOSTING: dict[str, Any] = {
    "max_iter": 100, "learning_rate": 0.08, "max_leaf_nodes": 12, "l2_regularization": 1.0, "max_bins": 63,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip
"""Settings of scikit-learn's boosted trees."""
SAMPLED = 8
"""Wrong candidates with longer periods that are kept of each crystal; they weigh as much as all of them."""
HALF = 2
"""Period of the half vectors, which are all kept."""


def train_propagation(data: Path, run: Path, *, name: str, seed: int = 0, progress: bool = True) -> Path:
    """Train on all rows, measure out of fold, and write weights and card; returns the card's path.

    Args:
        data: folder with ``magndata/`` in it.
        run: folder of the run; the model goes to ``model`` in it.
        name: of the model.
        seed: of the wrong candidates that are drawn.
        progress: show a progress bar.

    Raises:
        DataError: data is missing, broken or too little.
    """
    examples = read_vectors(data, progress=progress)
    folds = {k_fold(e.formula, FOLDS) for e in (examples[i] for i in ranked(examples)) if e.label is not None}
    if len(folds) < 2:  # noqa: PLR2004 (what is measured on must not train)
        raise DataError("has too few usable rows with a propagation vector that is not zero", str(data / "magndata"))
    scores = out_of_fold(examples, seed)
    temperature = fit_temperature(examples, scores)
    trees = Trees.from_boosting([grow(examples, seed)])
    return export(trees, run / "model", {"name": name} | describe(examples, scores), temperature, examples)


def out_of_fold(
    examples: Sequence[VectorExample],
    seed: int = 0,
    fit: Callable[[Sequence[VectorExample], int], HistGradientBoostingClassifier] | None = None,
) -> list[NDArray[np.float64]]:
    """Scores of every example's candidates by trees that never saw its formula.

    Args:
        examples: all of them.
        seed: of the draws.
        fit: grows the trees; `grow` by default.
    """
    folds = np.array([k_fold(example.formula, FOLDS) for example in examples])
    found: list[NDArray[np.float64]] = [np.zeros(0)] * len(examples)
    for fold in range(FOLDS):
        known = [e for e, f in zip(examples, folds, strict=True) if f != fold]
        trees = Trees.from_boosting([(fit or grow)(known, seed)])
        for index in np.flatnonzero(folds == fold).tolist():
            found[index] = scores_of(trees, examples[index].features)
    return found


def grow(examples: Sequence[VectorExample], seed: int = 0) -> HistGradientBoostingClassifier:
    """Trees that tell the measured wave vector from the other non-zero candidates of its crystal."""
    rng = np.random.default_rng(seed)
    rows, is_right, weights = [], [], []
    for example in (examples[index] for index in ranked(examples)):
        if example.label is None:
            continue
        wrong = [i for i, s in enumerate(example.candidates) if not s.is_zero and i != example.label]
        near = [i for i in wrong if example.candidates[i].period == HALF]
        far = [i for i in wrong if example.candidates[i].period != HALF]
        drawn = rng.choice(far, min(SAMPLED, len(far)), replace=False).tolist()
        rows.append(example.features[[example.label, *near, *drawn]])
        is_right += [True] + [False] * (len(near) + len(drawn))
        weights += [1.0] * (1 + len(near)) + [len(far) / max(len(drawn), 1)] * len(drawn)
    # Thresholds lie between single-precision numbers, as the features are rounded.
    model = HistGradientBoostingClassifier(**BOOSTING)
    return model.fit(np.concatenate(rows), np.array(is_right), np.array(weights))


def fit_temperature(examples: Sequence[VectorExample], scores: Sequence[NDArray[np.float64]]) -> float:
    """The temperature that makes the measured wave vectors most likely among the non-zero candidates."""
    cases = [
        (scores[index][[not star.is_zero for star in examples[index].candidates]], (examples[index].label or 0) - 1)
        for index in ranked(examples)
        if examples[index].label is not None
    ]

    def loss(log_temperature: float) -> float:
        return -float(np.mean([log_softmax(score / np.exp(log_temperature))[right] for score, right in cases]))

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))
