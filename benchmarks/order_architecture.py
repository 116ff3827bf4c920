"""What each lever of the network brings on the order of GGA+U chemistry, every network trained alike.

python benchmarks/order_architecture.py --data DATA --run RUN

Every line is a network of its own, trained from the same seed for the same number of epochs on oxides and fluorides
alone (but for one line) of at most 40 atoms, and measured on the validation fold; most take ten minutes on one core,
the second order and the pretraining longer. The run's folder keeps each network: the same call continues where it was
stopped, and lines already trained are printed at once.

Accuracy and macro-F1 are on the balanced rows, the AUC of AFM against FM on all magnets of the fold; "with trees" is
the same network beside the trees that ship. The gain is in AUC over the first line, ± its spread over 200 draws of
the rows by formula.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from second_order import SecondOrderBody
from sklearn.metrics import f1_score, roc_auc_score
from torch import Tensor, nn
from torch.nn.functional import one_hot

import magnetite.graphs
from magnetite.datasets.magnetic import TEST_FOLD, VALIDATION_FOLD, Example
from magnetite.evaluation.metrics import accuracy
from magnetite.order import tasks
from magnetite.order.config import NetworkConfig
from magnetite.order.growing import AFM, NM
from magnetite.order.model import OrderModel
from magnetite.order.network import FEATURES, ORDER_CLASSES, MagnetismNetwork, Pool, Readout
from magnetite.order.pretraining import pretrain, read_unlabelled
from magnetite.order.tasks import BODY_DRAWS, Draws, OrderTask, evaluate, join
from magnetite.order.train import read_examples
from magnetite.order.trees import with_share
from magnetite.runtime import Batch, resolve_device
from magnetite.training import CHECKPOINT, Schedule, fit
from magnetite.zoo.loading import load_kind

GGAU: Draws = {key: quota for key, quota in BODY_DRAWS.items() if key[0] == "ggau"}
WIDE = 24
"""Neighbours that set how far an atom looks in the wide graph; 12 elsewhere."""
MAX_ATOMS = 40
"""Of the primitive cells that train."""
DRAWS = 200
Trained: TypeAlias = tuple[nn.Module, list[Example]]
Line: TypeAlias = Callable[[], Trained]


class MeanPool(Pool):
    """The mean over the atoms alone."""

    def __init__(self, features: int) -> None:
        nn.Module.__init__(self)
        self.size = features

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """As `Pool.forward`."""
        return batch.mean_over_atoms(x)


class Distilled(OrderTask):
    """Half of each answer is what magnetism-best says of the example."""

    teacher: dict[Example, Tensor] | None = None

    def answers(self, batch: list[Example]) -> Tensor:
        """Probabilities of ORDER_CLASSES, (n, 3)."""
        if self.teacher is None:
            pupils = [e for pool in self.pools.values() for e in pool]
            best = load_kind(OrderModel, "of magnetic order", "magnetism-best", self.device)
            said = torch.from_numpy(evaluate(best.network, pupils, self.device)["order"]).softmax(1)
            self.teacher = dict(zip(pupils, said, strict=True))
        said = torch.stack([self.teacher[e] for e in batch]).to(self.device)
        return (said + one_hot(super().answers(batch), said.shape[1])) / 2


@dataclass
class Trainer:
    """What all lines share."""

    data: Path
    run: Path
    device: torch.device
    epochs: int

    def __call__(
        self,
        name: str,
        network: MagnetismNetwork,
        examples: Sequence[Example],
        draws: Draws,
        seed: int = 0,
        kind: type[OrderTask] = OrderTask,
    ) -> nn.Module:
        """The trained network of a line."""
        network.body.compile_layers()
        task = kind(examples, self.device, seed, draws)
        schedule = Schedule(epochs=self.epochs, learning_rate=1.5e-3, seed=seed)
        return fit(network.to(self.device), task, schedule, self.run / name, data=task.digest())

    def fresh(self, seed: int = 0) -> MagnetismNetwork:
        """An untrained network."""
        torch.manual_seed(seed)
        return MagnetismNetwork(NetworkConfig())


def second_order(network: MagnetismNetwork) -> MagnetismNetwork:
    body = SecondOrderBody(network.config)
    network.body = body
    network.order = Readout(body.size, network.config, len(ORDER_CLASSES))
    network.moment[0] = nn.Linear(body.size, 64)
    return network


def mean_pool(network: MagnetismNetwork) -> MagnetismNetwork:
    width = network.config.scalars
    network.order.pool, network.order.crystal[0] = MeanPool(width), nn.Linear(width + 1, FEATURES)
    return network


def learned_elements(network: MagnetismNetwork) -> MagnetismNetwork:
    network.body.properties.zero_()
    return network


def tabulated_elements(network: MagnetismNetwork) -> MagnetismNetwork:
    network.body.element.weight.data.zero_()
    network.body.element.requires_grad_(requires_grad=False)
    return network


def without_moments(examples: Sequence[Example]) -> list[Example]:
    return [replace(e, moments=np.full_like(e.moments, np.nan)) for e in examples]


def balanced_rows(examples: Sequence[Example]) -> list[Example]:
    return [e for e in examples if e.balanced or e.fold == VALIDATION_FOLD]


def lines(train: Trainer, rows: list[Example], read: Callable[..., list[Example]]) -> dict[str, Line]:
    """Name of each line → what trains it; the rows it is measured on come with it."""

    def ggau(name: str, change: Callable = lambda n: n, of: Callable = lambda e: e, seed: int = 0) -> Line:
        return lambda: (train(name, change(train.fresh(seed)), of(rows), GGAU, seed), rows)

    def wide() -> Trained:
        with mock.patch.object(magnetite.graphs, "NEIGHBOURS", WIDE):
            again = read(("ggau",))
        return train("wide", train.fresh(), again, GGAU), again

    def small() -> Trained:
        with mock.patch.object(tasks, "BATCH_EDGES", tasks.BATCH_EDGES // 2):
            return train("small", train.fresh(), rows, GGAU), rows

    def other() -> Trained:
        return train("other", train.fresh(), rows + read(("other", "quiet")), BODY_DRAWS), rows

    def pretrained() -> Trained:
        network = train.fresh()
        if not (train.run / "pretrained" / CHECKPOINT).is_file():
            graphs = read_unlabelled(train.data)
            body = pretrain(graphs, train.run / "pretraining", train.device, network.config, compiled=True)
            network.body.load_state_dict(body.state_dict())
        return train("pretrained", network, rows, GGAU), rows

    def distilled() -> Trained:
        return train("distilled", train.fresh(), rows, GGAU, kind=Distilled), rows

    return {
        "all rows, l = 1, moments as a second task": ggau("plain"),
        "the same from another seed": ggau("seed", seed=1),
        "batches of half the size": small,
        "tensors of second order, l = 2": ggau("second-order", second_order),
        "atoms look as far as 24 neighbours ask for, hence half as many crystals in a batch": wide,
        "pretrained on elements hidden in structures without labels": pretrained,
        "pooled by mean alone": ggau("mean", mean_pool),
        "without the moments": ggau("no-moments", of=without_moments),
        "balanced rows alone": ggau("balanced", of=balanced_rows),
        "elements by learned vectors alone": ggau("learned", learned_elements),
        "elements by tabulated properties alone": ggau("tabulated", tabulated_elements),
        "rows of all other chemistry too": other,
        "half of the answers from magnetism-best (distilled)": distilled,
    }


class Table:
    """Prints a line for each network, and keeps the first to set the others beside it."""

    def __init__(self) -> None:
        shipped = load_kind(OrderModel, "of magnetic order", "magnetism", "cpu").network
        assert shipped.ggau_trees is not None
        self.shipped, self.weight = shipped, shipped.config.ggau_tree_weight
        self.first: NDArray[np.float64] | None = None

    def __call__(self, name: str, network: nn.Module, rows: Sequence[Example], device: torch.device) -> None:
        """Print the line of a network that was trained on graphs like those of these rows."""
        assert isinstance(network, MagnetismNetwork)
        rows = [e for e in rows if e.fold == VALIDATION_FOLD and e.stratum == "ggau" and e.order >= NM]
        logits = torch.from_numpy(evaluate(network, rows, device)["order"])
        table = torch.cat([self.shipped.described(join([e])) for e in rows])
        trees = torch.sigmoid(self.shipped.ggau_trees(table)).to(logits.dtype)
        both = with_share(logits, trees, self.weight)
        true, balanced = np.array([e.order for e in rows]), np.array([e.balanced for e in rows])
        alone, together = (softmax(x.double().numpy(), axis=1) for x in (logits, both))
        magnets = true != NM
        afm, score = true[magnets] == AFM, odds(alone[magnets])
        formulas = np.array([e.formula for e in rows])[magnets]
        if self.first is None:
            self.first, gain = score, "-"
            print(f"Validation fold: {balanced.sum():,} balanced rows, {magnets.sum():,} magnets\n")
            print("| network | accuracy | macro-F1 | AUC, AFM or FM | gain | with trees: accuracy | AUC |")
            print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        else:
            drawn = gains(afm, self.first, score, formulas)
            gain = f"{roc_auc_score(afm, score) - roc_auc_score(afm, self.first):+.3f} ± {drawn.std():.3f}"
        cells = (
            f"{accuracy(alone[balanced], true[balanced]):.3f}",
            f"{f1_score(true[balanced], alone[balanced].argmax(1), average='macro'):.3f}",
            f"{roc_auc_score(afm, score):.3f}",
            gain,
            f"{accuracy(together[balanced], true[balanced]):.3f}",
            f"{roc_auc_score(afm, odds(together[magnets])):.3f}",
        )
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def odds(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of AFM among magnets."""
    share: NDArray[np.float64] = p[:, AFM] / (1 - p[:, NM]).clip(1e-12)
    return share


def gains(afm: NDArray, first: NDArray, second: NDArray, formulas: NDArray) -> NDArray[np.float64]:
    """Differences in AUC over draws of the formulas with replacement."""
    rng = np.random.default_rng(0)
    _, owner = np.unique(formulas, return_inverse=True)
    where = np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner))[:-1])
    found = []
    for _ in range(DRAWS):
        rows = np.concatenate([where[i] for i in rng.integers(len(where), size=len(where))])
        found.append(roc_auc_score(afm[rows], second[rows]) - roc_auc_score(afm[rows], first[rows]))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    parser.add_argument("--run", type=Path, required=True, help="folder that keeps the networks")
    parser.add_argument("--epochs", type=int, default=6, help="of each network (default: %(default)s)")
    parser.add_argument("--lines", type=int, nargs="*", help="only these lines of the table, from 0 (default: all)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda")
    args = parser.parse_args()
    torch.set_num_threads(1)

    def read(sets: Sequence[str]) -> list[Example]:
        rows = [e for e in read_examples(args.data, sets=sets) if e.fold != TEST_FOLD]
        return [e for e in rows if e.fold == VALIDATION_FOLD or e.graph.n_atoms <= MAX_ATOMS]

    train = Trainer(args.data, args.run, resolve_device(args.device), args.epochs)
    show = Table()
    for index, (name, line) in enumerate(lines(train, read(("ggau",)), read).items()):
        if args.lines is None or index in args.lines:
            show(name, *line(), train.device)


if __name__ == "__main__":
    main()
