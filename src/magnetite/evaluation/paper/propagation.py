"""Zero or non-zero propagation vector: twenty classifiers (Fig. 4, right), with and without the paper's leaks."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm.auto import tqdm

from magnetite.evaluation.paper.features import with_cell
from magnetite.evaluation.paper.study import Study
from magnetite.evaluation.paper.subsets import split
from magnetite.evaluation.paper.work import Arrays
from magnetite.order.tasks import out_of_fold

TEST_SHARE = 0.1
FOREST: dict[str, Any] = {"min_samples_leaf": 2, "max_features": 0.2, "random_state": 0}
HALF = 0.5
"""Where an honest threshold lies."""
HONEST, BY_FORMULA_WITH_CELL, RANDOM, PAPER = (
    ("chemical", True),
    ("magnetic", True),
    ("chemical", False),
    ("magnetic", False),
)
PROTOCOLS = (HONEST, RANDOM, BY_FORMULA_WITH_CELL, PAPER)
"""Cell that is fed (and summed over, if it is the magnetic one), and whether the split is by formula."""


@dataclass(frozen=True)
class Classifiers:
    """What the twenty classifiers of one protocol answered, each on its own test rows.

    Attributes:
        probability: of a zero k, one array for each classifier.
        truth: 1 where it is zero.
    """

    probability: list[NDArray[np.float64]]
    truth: list[NDArray[np.int64]]

    @property
    def accuracies(self) -> NDArray[np.float64]:
        """With the threshold at one half, (models,)."""
        return np.array([((p > HALF) == t).mean() for p, t in zip(self.probability, self.truth, strict=True)])

    @property
    def flattered(self) -> NDArray[np.float64]:
        """With the threshold that is best on the test rows themselves, as the paper chose it, (models,)."""
        return np.array([_best(p, t) for p, t in zip(self.probability, self.truth, strict=True)])

    @property
    def auc(self) -> NDArray[np.float64]:
        """Area under the ROC curve, (models,)."""
        return np.array([roc_auc_score(t, p) for p, t in zip(self.probability, self.truth, strict=True)])

    @property
    def joined(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Truth and answer of all test rows of all classifiers, one after another."""
        return np.concatenate(self.truth), (np.concatenate(self.probability) > HALF).astype(int)


def _best(probability: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    cuts = np.concatenate([[-1.0], np.sort(probability)])
    return float(max(((probability > cut) == truth).mean() for cut in cuts))


def propagation_models(study: Study) -> dict[tuple[str, bool], Classifiers]:
    """Train and ask the classifiers of every protocol, on the paper's selection of compounds.

    A classifier is the mean of a forest on the descriptor and of a small network on the body's features, pooled by
    mean or, as in the paper, by sum over the magnetic cell. The body never saw a formula of MAGNDATA.
    """
    rows = study.compounds
    chosen = np.flatnonzero(rows.in_paper & (rows.zero_k >= 0) & (rows.label_cell > 0))
    truth, formula = rows.zero_k[chosen], rows.formula[chosen]
    mean = np.stack([study.atoms.mean(rows.examples[i]) for i in chosen.tolist()]).astype(float)
    cell = rows.label_cell[chosen]
    table = study.compound_table[chosen]
    inputs = {
        "chemical": (table, mean),
        "magnetic": (with_cell(table, rows.atoms[chosen], cell), mean * cell[:, None]),
    }

    def ask(place: int, kind: str, *, by_group: bool) -> Arrays:
        """Answers of all forests (place 0) or all networks (place 1) for their own test rows."""
        answers = {}
        for seed in range(study.settings.models):
            train, test = split(formula, by_group=by_group, test=TEST_SHARE, seed=seed)
            x = inputs[kind][place]
            model = (_forest(study), _network(seed))[place]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # to be cut off late is no fault
                answers[str(seed)] = model.fit(x[train], truth[train]).predict_proba(x[test])[:, 1]
        return answers

    found = {}
    for kind, by_group in tqdm(PROTOCOLS, desc="propagation vector", disable=not study.progress):
        name = f"{kind}-{by_group}"
        forests = study.work.kept(f"k-forest-{name}", partial(ask, 0, kind, by_group=by_group))
        networks = study.own.kept(f"k-network-{name}", partial(ask, 1, kind, by_group=by_group))
        seeds = range(study.settings.models)
        tests = [split(formula, by_group=by_group, test=TEST_SHARE, seed=seed)[1] for seed in seeds]
        found[kind, by_group] = Classifiers(
            [(forests[str(seed)] + networks[str(seed)]) / 2 for seed in seeds], [truth[test] for test in tests]
        )
    return found


def _forest(study: Study) -> RandomForestClassifier:
    return RandomForestClassifier(**FOREST | {"n_estimators": study.settings.forest_trees})


def _network(seed: int) -> Any:
    """A small network that stops where its held-out rows no longer improve."""
    network = MLPClassifier((64,), alpha=1.0, early_stopping=True, max_iter=100, random_state=seed)
    return make_pipeline(StandardScaler(), network)


def counts_alone(study: Study) -> float:
    """AUC of the atoms in the magnetic over those in the chemical primitive cell: no model at all."""
    rows = study.compounds
    known = rows.in_paper & (rows.zero_k >= 0) & (rows.label_cell > 0)
    return float(roc_auc_score(rows.zero_k[known], -rows.label_cell[known] / rows.atoms[known]))


def shipped_accuracy(study: Study) -> tuple[float, int]:
    """Accuracy of the shipped model's members, each on the compounds that it never saw, and their number."""
    rows = study.compounds
    known = np.flatnonzero(rows.zero_k >= 0)
    answers = out_of_fold([rows.examples[i] for i in known.tolist()], study.shipped["zero_k"][known])
    return float(((answers > 0) == rows.zero_k[known]).mean()), len(known)
