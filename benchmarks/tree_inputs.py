"""What the electron count and the balance of the magnetic sites bring to the trees, by cross-validation.

python benchmarks/tree_inputs.py --data DATA

Everything is measured within the training folds, none of it on the validation or test split: four parts of them for
the order (AFM or FM on balanced rows with a Hubbard U; magnetic or not without one), four divisions of the measured
compounds into five for the propagation vector, other ones than those that figures are reported on.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from zero_k import held_out

from magnetite.datasets.magnetic import HELD_OUT, Example
from magnetite.order.growing import (
    AFM,
    K_MEMBERS,
    NM,
    Rows,
    descriptors,
    ggau_model,
    k_bag,
    none_model,
    outside_rows,
    tree_rows,
)
from magnetite.order.model import OrderModel
from magnetite.order.tasks import ORDER_DRAWS, OrderTask
from magnetite.order.train import read_examples
from magnetite.order.trees import EXTENSIVE
from magnetite.sublattice import GEOMETRY_NAMES
from magnetite.sublattice.balance import BALANCE_NAMES
from magnetite.zoo.loading import load_kind
from magnetite.zoo.registry import DEFAULT_MODEL

PARTS = ((2, 3), (4, 5), (6, 7), (8, 9))
BAG = 3
"""Models of a bag for AFM against FM, where eight ship."""
DIVISIONS = "abcd"
SIZES = 2
"""The first of the `EXTENSIVE` counts are numbers of atoms, which the trees always saw."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network = load_kind(OrderModel, "of magnetic order", DEFAULT_MODEL, "cpu").network
    examples = read_examples(args.data)
    task = OrderTask(examples, torch.device("cpu"), draws=ORDER_DRAWS)
    rows, known = tree_rows(task, network)[0], [e for pool in task.pools.values() for e in pool]
    rows = rows._replace(relatives=rows.relatives[:, :0])  # rows that are held out here have voted
    compounds = [e for e in examples if e.zero_k >= 0 and e.fold not in HELD_OUT]
    outside = outside_rows(examples)
    vectors, others = descriptors(compounds, network), descriptors(outside, network)
    print(f"Rows: {len(known):,} of all orders, {len(outside):,} without a U, {len(compounds):,} measured vectors\n")
    heads = "GGA+U: AFM or FM, accuracy | AUC | no U: magnetic or not, balanced | AUC | zero k: accuracy | AUC"
    print(f"| the trees see | {heads} |\n| --- |{' ---: |' * 6}")
    first: list[np.ndarray] = []
    for name, columns in groups(rows.x.shape[1]).items():
        cells = []
        found = [
            order_of(rows._replace(x=rows.x[:, columns]), known),
            presence(outside, others[:, columns]),
            zero_k(compounds, vectors[:, columns]),
        ]
        for place, (right, score, area) in enumerate(found):
            if len(first) < len(found):
                first.append(right)
            gain = right.astype(float) - first[place]
            error = gain.std() / len(gain) ** 0.5
            cells += [f"{score:.4f} ({gain.mean():+.4f} ± {error:.4f})", f"{area:.4f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def groups(width: int) -> dict[str, np.ndarray]:
    """Columns of the descriptor with more and more in them."""
    everything, end = np.arange(width), width - len(GEOMETRY_NAMES)
    electrons = np.r_[end - EXTENSIVE - 4 : end - EXTENSIVE, end - EXTENSIVE + SIZES : end]
    balance = np.arange(width - len(BALANCE_NAMES), width)
    return {
        "composition, density, geometry of the sublattice": np.setdiff1d(everything, [*electrons, *balance]),
        "and the electron count": np.setdiff1d(everything, balance),
        "and the balance of the sites (shipped)": everything,
    }


Found = tuple[np.ndarray, float, float]
"""Which rows are right, the score, the area under the curve."""


def order_of(rows: Rows, known: list[Example]) -> Found:
    """AFM or FM on the balanced rows."""
    asked = np.array([e.balanced for e in known]) & (rows.stratum == "ggau") & (rows.order != NM)
    fold, p = np.array([e.fold for e in known]), np.zeros(len(known))
    for part in PARTS:
        held = np.isin(fold, part)
        models = [ggau_model(rows.where(~held), seed) for seed in range(BAG)]
        p[held & asked] = np.mean([model.predict_proba(rows.x[held & asked])[:, 1] for model in models], axis=0)
    label = rows.order[asked] == AFM
    right = (p[asked] > 0.5) == label
    return right, right.mean(), roc_auc_score(label, p[asked])


def presence(outside: list[Example], x: np.ndarray) -> Found:
    """NM or magnetic without a Hubbard U."""
    fold, label = np.array([e.fold for e in outside]), np.array([e.order == NM for e in outside])
    p = np.zeros(len(label))
    for part in PARTS:
        held = np.isin(fold, part)
        p[held] = none_model(x[~held], label[~held]).predict_proba(x[held])[:, 1]
    return (p > 0.5) == label, balanced_accuracy_score(label, p > 0.5), roc_auc_score(label, p)


def zero_k(compounds: list[Example], x: np.ndarray) -> Found:
    """Zero or non-zero propagation vector, one after another in all divisions."""
    label, found = np.array([e.zero_k for e in compounds]), []
    for division in DIVISIONS:
        digests = [hashlib.sha256(f"{division}{e.formula}".encode()).hexdigest() for e in compounds]
        found.append(held_out(k_bag, x, label, np.array([int(d, 16) % K_MEMBERS for d in digests])))
    right = np.concatenate([(p > 0.5) == label for p in found])
    return right, right.mean(), float(np.mean([roc_auc_score(label, p) for p in found]))


if __name__ == "__main__":
    main()
