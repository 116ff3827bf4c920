"""What each part of the answer on the magnetic order brings, on the validation split, by which the parts were chosen.

python benchmarks/order_levers.py --data DATA

Parts of the shipped weights are switched on one after another; trees that did not ship are grown here, from the same
rows. GGA+U: balanced rows of oxides and fluorides with a Hubbard U; other: calculations of all other chemistry;
measured: orders of MAGNDATA. The share of the trees is that of the card.
"""

from __future__ import annotations

import argparse
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score

import magnetite
from magnetite.evaluation.metrics import accuracy, balanced_accuracy
from magnetite.order.growing import TREES, afm_rows, ggau_model
from magnetite.order.model import OrderModel
from magnetite.order.network import MagnetismNetwork
from magnetite.order.tasks import ORDER_DRAWS, OrderTask, evaluate, join
from magnetite.order.train import read_examples
from magnetite.order.trees import Trees, descriptor, with_share

BAGS = (1, 4, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = magnetite.load("magnetism-best", "cpu")
    assert isinstance(model, OrderModel)
    network = model.network
    task = OrderTask(read_examples(args.data), model.device, draws=ORDER_DRAWS)
    rows = task.validation
    first, second = (torch.from_numpy(evaluate(one, rows, model.device)["order"]) for one in alone(network))
    both = torch.logsumexp(torch.stack([first, second]).log_softmax(-1), dim=0)
    table = torch.cat([descriptor(join([e]), network.body.properties) for e in rows])
    known = afm_rows(task, network)
    ggau = torch.cat([join([e]).is_ggau for e in rows])

    assert network.trees is not None
    everywhere = network.trees(table)
    bag = [ggau_model(known, seed) for seed in range(max(BAGS))]
    is_ggau = known.stratum == "ggau"
    plain = HistGradientBoostingClassifier(**TREES).fit(known.x[is_ggau], known.is_afm[is_ggau])

    show = Figures(np.array([e.order for e in rows]), rows)
    show("network (standard body)", first)
    show("network (broad body)", second)
    show("both bodies", both)

    def stacked(name: str, logits: torch.Tensor, odds: torch.Tensor) -> None:
        inside = torch.where(ggau, odds, everywhere)
        show(name, with_share(logits, torch.sigmoid(inside).float(), network.config.tree_weight))

    stacked("standard body, one set of trees for all chemistry", first, everywhere)
    stacked("… GGA+U chemistry: trees of its own, all rows, no measured order", first, odds_of([plain], table))
    for size in BAGS:
        mean = odds_of(bag[:size], table)
        stacked(f"… GGA+U chemistry: mean of {size} on balanced rows and measured orders", first, mean)
    stacked(f"both bodies, mean of {size} (magnetism-best)", both, mean)


def alone(network: MagnetismNetwork) -> list[MagnetismNetwork]:
    """Each body with its readout as a network of its own, without trees."""
    found = []
    for part in (network, *network.companions):
        one = deepcopy(network)
        one.body, one.order = part.body, part.order
        one.companions, one.trees, one.ggau_trees = torch.nn.ModuleList(), None, None
        found.append(one)
    return found


def odds_of(models: list[HistGradientBoostingClassifier], table: torch.Tensor) -> torch.Tensor:
    return Trees.from_boosting(models)(table)


class Figures:
    """Prints a line of the table."""

    def __init__(self, order: np.ndarray, rows: list) -> None:
        self.order = order
        stratum = np.array([e.stratum for e in rows])
        self.parts = (np.array([e.balanced for e in rows]), stratum == "other", stratum == "measured")
        sizes = ", ".join(f"{part.sum():,}" for part in self.parts)
        print(f"Validation rows (GGA+U, other, measured): {sizes}\n")
        print(
            "| parts | GGA+U: accuracy | macro-F1 | other: accuracy | mean recall | measured: accuracy | mean recall |"
        )
        print("| --- | --: | --: | --: | --: | --: | --: |")

    def __call__(self, name: str, logits: torch.Tensor) -> None:
        """Print the figures of these logits of ORDER_CLASSES, (n, 3)."""
        p = logits.double().softmax(1).numpy()
        cells = []
        for place, part in enumerate(self.parts):
            mean = balanced_accuracy(p[part].argmax(1), self.order[part])
            f1 = f1_score(self.order[part], p[part].argmax(1), average="macro")
            cells += [accuracy(p[part], self.order[part]), mean if place else f1]
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
