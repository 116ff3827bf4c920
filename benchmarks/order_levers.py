"""What each part of the answer on the magnetic order brings, on the validation split, by which the parts were chosen.

python benchmarks/order_levers.py --data DATA

Parts of the shipped weights are switched on one after another; trees that did not ship are grown here, from the same
rows. GGA+U: balanced rows of oxides and fluorides with a Hubbard U; outside: all other chemistry, magnetic or not;
dense: of these, at most 100 Å³ per atom; other: calculations; measured: orders of MAGNDATA. The shares of the trees are
those of the card.
"""

from __future__ import annotations

import argparse
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, log_loss

from magnetite.datasets.magnetic import MAX_TRAINING_VOLUME, trainable
from magnetite.evaluation.metrics import accuracy, balanced_accuracy
from magnetite.order.growing import (
    AFM,
    GGAU_BAG,
    NM,
    TREES,
    Rows,
    descriptors,
    ggau_model,
    none_model,
    outside_rows,
    tree_rows,
)
from magnetite.order.model import OrderModel
from magnetite.order.network import MagnetismNetwork
from magnetite.order.relatives import family_codes
from magnetite.order.tasks import ORDER_DRAWS, OrderTask, evaluate, join
from magnetite.order.train import read_examples
from magnetite.order.trees import Trees, with_none, with_share
from magnetite.zoo.loading import load_kind

BAGS = (1, 4, GGAU_BAG)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_kind(OrderModel, "of magnetic order", "magnetism-best", "cpu")
    network = model.network
    examples = read_examples(args.data)
    task = OrderTask(examples, model.device, draws=ORDER_DRAWS)
    rows = task.validation
    first, second = (torch.from_numpy(evaluate(one, rows, model.device)["order"]) for one in alone(network))
    both = torch.logsumexp(torch.stack([first, second]).log_softmax(-1), dim=0)
    table = torch.from_numpy(descriptors(rows, network))
    known, relatives = tree_rows(task, network)
    ggau = torch.cat([join([e]).in_order_set for e in rows])
    config = network.config
    half = config.tree_weight
    shares = torch.where(ggau, config.ggau_tree_weight, half)

    assert network.trees is not None
    assert network.none_trees is not None
    everywhere, none = network.trees(table), torch.sigmoid(network.none_trees(table)).float()
    like_network = [e for e in outside_rows(examples) if trainable(e)]
    narrow = none_model(descriptors(like_network, network), np.array([e.order == NM for e in like_network]))
    narrow_none = torch.sigmoid(odds_of([narrow], table)).float()
    bag = bag_of(known._replace(relatives=known.relatives[:, :0]))
    wide = torch.cat([table, relatives(torch.cat([family_codes(join([e])) for e in rows]))], dim=1)
    computed = known.where(known.stratum == "ggau")
    told, untaught = odds_of(bag_of(known), wide), odds_of(bag_of(computed), wide)
    computed = computed.where(computed.order != NM)
    plain = HistGradientBoostingClassifier(**TREES).fit(computed.x, computed.order == AFM)

    show = Figures(np.array([e.order for e in rows]), rows)
    show("network (first body, pretrained)", first)
    show("network (second body)", second)
    show("both bodies", both)

    def stacked(logits: torch.Tensor, odds: torch.Tensor, weight: float | torch.Tensor = half) -> torch.Tensor:
        inside = torch.where(ggau, odds, everywhere)
        return with_share(logits, torch.sigmoid(inside).float(), weight)

    def whole(logits: torch.Tensor, odds: torch.Tensor, none: torch.Tensor = none) -> torch.Tensor:
        magnets = stacked(logits, odds, shares)
        return torch.where(ggau[:, None], magnets, with_none(magnets, none, config.none_weight))

    show("first body, one set of trees for AFM against FM in all chemistry", stacked(first, everywhere))
    alone_in_ggau = stacked(first, odds_of([plain], table))
    show("… GGA+U chemistry: trees of its own, all rows, no measured order", alone_in_ggau)
    for size in BAGS:
        mean = odds_of(bag[:size], table)
        name = f"… GGA+U chemistry: mean of {size} on balanced rows and measured orders"
        show(name, stacked(first, mean))
    show(f"… GGA+U chemistry: and these {GGAU_BAG} are told the orders of relatives", stacked(first, told))
    share = f"… GGA+U chemistry: and these count for {config.ggau_tree_weight:g}, not for a half"
    show(share, stacked(first, told, shares))
    show(
        "… other chemistry: trees for NM against magnets, of rows that networks train on",
        whole(first, told, narrow_none),
    )
    show("… and of crystals that flew apart and large cells, too (magnetism)", whole(first, told))
    show("both bodies, all of these trees (magnetism-best)", whole(both, told))
    show("… GGA+U chemistry: its trees without measured orders", whole(both, untaught))


def alone(network: MagnetismNetwork) -> list[MagnetismNetwork]:
    """Each body with its readout as a network of its own, without trees."""
    found = []
    for part in (network, *network.companions):
        one = deepcopy(network)
        one.body, one.order = part.body, part.order
        one.companions, one.trees = torch.nn.ModuleList(), None
        found.append(one)
    return found


def bag_of(rows: Rows) -> list[HistGradientBoostingClassifier]:
    """As many models as ship."""
    return [ggau_model(rows, seed) for seed in range(GGAU_BAG)]


def odds_of(models: list[HistGradientBoostingClassifier], table: torch.Tensor) -> torch.Tensor:
    return Trees.from_boosting(models)(table)


class Figures:
    """Prints a line of the table."""

    def __init__(self, order: np.ndarray, rows: list) -> None:
        self.order = order
        stratum = np.array([e.stratum for e in rows])
        outside = np.isin(stratum, ("other", "quiet"))
        dense = outside & np.array([e.volume_per_atom <= MAX_TRAINING_VOLUME for e in rows])
        balanced = np.array([e.balanced for e in rows])
        self.parts = (balanced, outside, dense, stratum == "other", stratum == "measured")
        sizes = ", ".join(f"{part.sum():,}" for part in self.parts)
        print(f"Validation rows (GGA+U, outside, dense, other, measured): {sizes}\n")
        heads = (
            "GGA+U: accuracy", "macro-F1", "log loss", "outside: magnetic or not, balanced", "dense",
            "other: accuracy", "mean recall", "measured: accuracy", "mean recall",
        )  # fmt: skip
        print(f"| parts | {' | '.join(heads)} |\n| --- |{' --: |' * len(heads)}")

    def __call__(self, name: str, logits: torch.Tensor) -> None:
        """Print the figures of these logits of ORDER_CLASSES, (n, 3)."""
        p = logits.double().softmax(1).numpy()
        said = p.argmax(1)
        ggau, *magnets_or_not, other, measured = self.parts
        cells = [
            accuracy(p[ggau], self.order[ggau]),
            f1_score(self.order[ggau], said[ggau], average="macro"),
            log_loss(self.order[ggau], p[ggau]),
            *(
                balanced_accuracy((said[part] != NM).astype(int), (self.order[part] != NM).astype(int))
                for part in magnets_or_not
            ),
        ]
        for part in (other, measured):
            cells += [accuracy(p[part], self.order[part]), balanced_accuracy(said[part], self.order[part])]
        print(f"| {name} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
