"""What tells zero from non-zero propagation vectors: the trees that ship, other trees, and the body's features.

python benchmarks/zero_k.py --data DATA

Folds by reduced formula: those of the shipped members first, then two other divisions into five. The body's features
are the principal components of their mean over the atoms.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score

from magnetite.order.growing import K_BAG, K_MEMBERS, k_bag
from magnetite.order.model import OrderModel
from magnetite.order.tasks import evaluate, join, k_fold
from magnetite.order.train import read_examples
from magnetite.order.trees import descriptor
from magnetite.zoo.loading import load_kind
from magnetite.zoo.registry import DEFAULT_MODEL

FOREST = {"n_estimators": 200, "min_samples_leaf": 2, "max_features": 0.2, "random_state": 0}
KINDS = {
    f"mean of {K_BAG} boosted trees (shipped)": k_bag,
    "random forest": lambda: [RandomForestClassifier(**FOREST)],
    "extra trees": lambda: [ExtraTreesClassifier(**FOREST)],
}
COMPONENTS = 24
DIVISIONS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_kind(OrderModel, "of magnetic order", DEFAULT_MODEL, "cpu")
    rows = read_examples(args.data, sets=("measured",))
    plain = np.concatenate([descriptor(join([e]), model.network.body.properties).numpy() for e in rows])
    features = evaluate(model.network, rows, model.device)["features"]
    body = PCA(COMPONENTS, random_state=0).fit_transform(features)
    inputs = {"descriptor (shipped)": plain, "descriptor and body": np.hstack([plain, body])}
    label = np.array([e.zero_k for e in rows])
    divisions = [np.array([fold(e.formula, number) for e in rows]) for number in range(DIVISIONS)]
    print(f"zero k, {len(label):,} rows (one standard error is about 0.011)\n")
    print(f"| trees | inputs | accuracy in {DIVISIONS} divisions | mean | AUC |\n| --- | --- | --- | --- | --- |")
    for kind, make in KINDS.items():
        for name, x in inputs.items():
            found = [held_out(make, x, label, division) for division in divisions]
            right = [((p > 0.5) == label).mean() for p in found]
            area = np.mean([roc_auc_score(label, p) for p in found])
            print(f"| {kind} | {name} | {', '.join(f'{r:.3f}' for r in right)} | {np.mean(right):.3f} | {area:.3f} |")


def fold(formula: str, division: int) -> int:
    """The fold of a formula; that of the shipped members in division 0."""
    if division == 0:
        return k_fold(formula, K_MEMBERS)
    return int(hashlib.sha256(f"{division} {formula}".encode()).hexdigest(), 16) % K_MEMBERS


def held_out(make, x: np.ndarray, label: np.ndarray, folds: np.ndarray) -> np.ndarray:  # noqa: ANN001
    """Probability of zero k of each row, by trees that never saw its formula."""
    found = np.zeros(len(label))
    for member in range(K_MEMBERS):
        inside = folds != member
        models = [model.fit(x[inside], label[inside]) for model in make()]
        found[~inside] = np.mean([model.predict_proba(x[~inside])[:, 1] for model in models], axis=0)
    return found


if __name__ == "__main__":
    main()
