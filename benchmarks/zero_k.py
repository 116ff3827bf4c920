"""What the energies of all candidate wave vectors bring to trees that tell zero from non-zero k.

python benchmarks/zero_k.py --data DATA

Five folds by reduced formula, those of the model's readouts; each kind of trees without and with `wave_summary`. The
last lines average trees with the shipped model of magnetism, each row by the readout that never saw its formula.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier

from magnetite.datasets.records import read_records
from magnetite.elements import property_table
from magnetite.order.model import OrderModel
from magnetite.order.tasks import evaluate, join, k_fold, out_of_fold
from magnetite.order.train import FOREST, K_MEMBERS, TREES, read_examples
from magnetite.order.trees import descriptor
from magnetite.propagation.zero import wave_summary
from magnetite.structures import as_crystal
from magnetite.zoo.loading import load

FORESTS = {"n_estimators": 200, "min_samples_leaf": 2, "max_features": 0.2, "random_state": 0}
KINDS = {
    "boosted trees": lambda: HistGradientBoostingClassifier(**TREES),
    "random forest": lambda: RandomForestClassifier(**FOREST),
    "extra trees": lambda: ExtraTreesClassifier(**FORESTS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = read_examples(args.data, sets=("measured",))
    cells = {
        str(row["id"]): row["parent_cell"]
        for row in read_records(args.data / "magndata" / "magndata.jsonl.gz")
        if row["usable"]
    }
    table = torch.from_numpy(property_table().copy())
    plain = np.concatenate([descriptor(join([e]), table).numpy() for e in rows])
    waves = np.array([wave_summary(as_crystal(cells[e.identity]).primitive[0]) for e in rows])
    label, fold = np.array([e.zero_k for e in rows]), np.array([k_fold(e.formula, K_MEMBERS) for e in rows])
    inputs = {"descriptor": plain, "descriptor and waves": np.hstack([plain, waves])}
    print(f"zero k, {K_MEMBERS}-fold by formula, {len(label):,} rows (one standard error is about 0.011)")
    probabilities = {
        (kind, name): held_out(make, x, label, fold) for kind, make in KINDS.items() for name, x in inputs.items()
    }
    for (kind, name), found in probabilities.items():
        show(f"{kind}, {name}", found, label)
    for name in inputs:
        show(f"all three, {name}", np.mean([probabilities[kind, name] for kind in KINDS], axis=0), label)
    model = load(device="cpu")
    assert isinstance(model, OrderModel)
    logits = out_of_fold(rows, evaluate(model.network, rows, torch.device("cpu"))["zero_k"])
    own = model.calibration.zero_k_probability(logits[:, None])
    show(f"{model.card}", own, label)
    for name in inputs:
        for kinds in (("extra trees",), tuple(KINDS)):
            trees = np.mean([probabilities[kind, name] for kind in kinds], axis=0)
            show(f"{model.card} and {' + '.join(kinds)}, {name}", (own + trees) / 2, label)


def held_out(make, x: np.ndarray, label: np.ndarray, fold: np.ndarray) -> np.ndarray:  # noqa: ANN001
    """Probability of zero k of each row, by trees that never saw its formula."""
    found = np.zeros(len(label))
    for member in range(K_MEMBERS):
        inside = fold != member
        found[~inside] = make().fit(x[inside], label[inside]).predict_proba(x[~inside])[:, 1]
    return found


def show(name: str, probabilities: np.ndarray, label: np.ndarray) -> None:
    print(f"{name:<90} {((probabilities > 0.5) == label).mean():.4f}", flush=True)


if __name__ == "__main__":
    main()
