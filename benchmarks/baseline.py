"""What boosted trees on composition, density and cell size score on the very rows that the model is measured on.

python benchmarks/baseline.py --data DATA
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score

from magnetite.datasets.magnetic import HELD_OUT, TEST_FOLD
from magnetite.elements import property_table
from magnetite.order.growing import K_MEMBERS, TREES
from magnetite.order.tasks import join, k_fold
from magnetite.order.train import read_examples
from magnetite.order.trees import descriptor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    table = torch.from_numpy(property_table().copy())
    rows = [e for e in read_examples(args.data, sets=("ggau",)) if e.balanced]
    x = np.concatenate([descriptor(join([e]), table).numpy() for e in rows])
    y, fold = np.array([e.order for e in rows]), np.array([e.fold for e in rows])
    trained, held_out = ~np.isin(fold, HELD_OUT), fold == TEST_FOLD
    predicted = HistGradientBoostingClassifier(**TREES).fit(x[trained], y[trained]).predict(x[held_out])
    right, f1 = (predicted == y[held_out]).mean(), f1_score(y[held_out], predicted, average="macro")
    print(f"order, test fold, {held_out.sum():,} rows: accuracy {right:.3f}, macro-F1 {f1:.3f}")
    rows = read_examples(args.data, sets=("measured",))
    x = np.concatenate([descriptor(join([e]), table).numpy() for e in rows])
    y, fold = np.array([e.zero_k for e in rows]), np.array([k_fold(e.formula, K_MEMBERS) for e in rows])
    hits = [
        (HistGradientBoostingClassifier(**TREES).fit(x[fold != m], y[fold != m]).predict(x[fold == m]) == y[fold == m])
        for m in range(K_MEMBERS)
    ]
    print(f"zero k, {K_MEMBERS}-fold by formula, {len(y):,} rows: accuracy {np.concatenate(hits).mean():.3f}")


if __name__ == "__main__":
    main()
