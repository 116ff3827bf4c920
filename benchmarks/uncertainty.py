"""Which number warns best of a wrong order: entropy, mutual information or distance from the training data.

python benchmarks/uncertainty.py --data DATA [--model magnetism]

On unseen formulas (test fold), for oxides and fluorides with a Hubbard U and for all other chemistry: the chance that a
wrong answer gets the higher number than a right one (AUC; 0.5 is worthless), and the accuracy of the surer half.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.special import entr
from sklearn.metrics import roc_auc_score

import magnetite
from magnetite.datasets.magnetic import TEST_FOLD, select
from magnetite.order.model import OrderModel
from magnetite.order.tasks import evaluate
from magnetite.order.train import read_examples
from magnetite.zoo.loading import load_kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    parser.add_argument("--model", default=magnetite.zoo.DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    model = load_kind(OrderModel, "of magnetic order", args.model, args.device)
    rows = select(
        read_examples(args.data, sets=("ggau", "other"), folds=[TEST_FOLD]),
        lambda e: e.order >= 0 and (e.balanced or e.stratum == "other"),
    )
    output = evaluate(model.network, rows, model.device)
    p = model.calibration.order(output["ggau"], output["order"])
    wrong = p.argmax(1) != [e.order for e in rows]
    numbers = {
        "entropy (`uncertainty`)": entr(p).sum(1),
        "one minus the largest probability": 1 - p.max(1),
        "mutual information (`mutual_information`)": output["information"],
        "distance from the training data (`in_domain`)": model.domain.distance(output["features"]),
    }
    print(f"{model.card}\n\n| rows | number | AUC of errors | accuracy of the surer half |\n| --- | --- | --: | --: |")
    ggau = np.array([e.stratum == "ggau" for e in rows])
    for name, part in (("GGA+U chemistry, balanced", ggau), ("all other chemistry", ~ggau)):
        for kind, number in numbers.items():
            surer = np.argsort(number[part], kind="stable")[: part.sum() // 2]
            print(
                f"| {name}, {part.sum():,} | {kind} | {roc_auc_score(wrong[part], number[part]):.3f} "
                f"| {1 - wrong[part][surer].mean():.3f} |"
            )


if __name__ == "__main__":
    main()
