"""Trees beside a trained network: for AFM against FM, and for the propagation vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from magnetite.datasets.magnetic import Example, select
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork
from magnetite.order.tasks import ORDER_DRAWS, FrozenAtoms, OrderTask, join, k_fold
from magnetite.order.trees import Trees, descriptor

AFM, FM = (ORDER_CLASSES.index(name) for name in ("AFM", "FM"))
TREES: dict[str, Any] = {
    "max_iter": 300, "learning_rate": 0.06, "max_leaf_nodes": 31, "l2_regularization": 1.0,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip
TREE_WEIGHTS = (0.5, 0.7, 0.85)
"""Settings of scikit-learn's boosted trees, and the shares that validation chooses from."""
GGAU_BAG = 8
GGAU_ROWS = {AFM: 2200, FM: 2640}
"""Where the Materials Project applies a Hubbard U, so many models, each on so many rows drawn at random from that
chemistry beside all measured orders: the FM rows are many, and one model on all of them is worse than the mean."""
K_MEMBERS = 5
K_BAG = 2
K_TREES = TREES | {"max_features": 0.3}
"""Opinions on the propagation vector, models that make up each, and their settings."""


class MagnetRows(NamedTuple):
    """What trees for AFM against FM learn from.

    Attributes:
        x: descriptors, (n, f).
        is_afm: the label, (n,).
        stratum: where each row comes from, (n,).
        weight: so that every stratum and class weighs as it is drawn for the network, (n,).
    """

    x: NDArray[np.float64]
    is_afm: NDArray[np.bool_]
    stratum: NDArray[np.str_]
    weight: NDArray[np.float64]


def grow_trees(network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> MagnetismNetwork:
    """The network with trees for AFM against FM; their share is the best one on the validation split.

    Args:
        network: a trained network; stays as it is.
        examples: all examples; the splits are chosen here.
        device: where the network runs.
    """
    task = OrderTask(examples, device, draws=ORDER_DRAWS)
    task.atoms = FrozenAtoms(network, task.validation, device)  # the body is the same under every share
    rows = afm_rows(task, network)
    trees = Trees.from_boosting([HistGradientBoostingClassifier(**TREES).fit(rows.x, rows.is_afm, rows.weight)])
    ggau_trees = Trees.from_boosting([ggau_model(rows, seed) for seed in range(GGAU_BAG)])
    size = replace(network.config, trees=trees.room, ggau_trees=ggau_trees.room)
    best, best_score = network, task.validate(network)["score"]
    for weight in TREE_WEIGHTS:
        candidate = MagnetismNetwork(replace(size, tree_weight=weight)).to(device)
        candidate.load_state_dict(network.state_dict() | _named("trees", trees) | _named("ggau_trees", ggau_trees))
        score = task.validate(candidate.eval())["score"]
        if score > best_score:
            best, best_score = candidate, score
    return best


def grow_k_trees(network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> MagnetismNetwork:
    """The network with trees for zero against non-zero propagation vectors.

    Each member learns from the compounds of the other folds (`k_fold`), so the accuracy of the shipped weights
    themselves is measured on compounds that they never saw.
    """
    compounds = select(examples, lambda e: e.zero_k >= 0)
    x = _table(compounds, network)
    zero_k, fold = np.array([e.zero_k for e in compounds]), np.array([k_fold(e.formula, K_MEMBERS) for e in compounds])
    models = []
    for member in range(K_MEMBERS):
        x_known, known = x[fold != member], zero_k[fold != member]
        seeds = [K_TREES | {"random_state": seed} for seed in range(K_BAG)]
        models.append([HistGradientBoostingClassifier(**settings).fit(x_known, known) for settings in seeds])
    rooms = np.array([Trees.from_boosting(bag).room for bag in models])
    room = (int(rooms[0, 0]), int(rooms[:, 1].max()), int(rooms[:, 2].max()))
    grown = MagnetismNetwork(replace(network.config, k_members=K_MEMBERS, k_trees=room)).to(device)
    state = network.state_dict()
    for member, bag in enumerate(models):
        state |= _named(f"k_trees.{member}", Trees.from_boosting(bag, room))
    grown.load_state_dict(state)
    return grown.eval()


def afm_rows(task: OrderTask, network: MagnetismNetwork) -> MagnetRows:
    """All magnets that a task trains on, as rows for trees."""
    pools = [(key, pool) for key, pool in task.pools.items() if key[1] in (AFM, FM)]
    sizes = [len(pool) for _, pool in pools]
    return MagnetRows(
        _table([e for _, pool in pools for e in pool], network),
        np.repeat([key[1] == AFM for key, _ in pools], sizes),
        np.repeat([key[0] for key, _ in pools], sizes),
        np.repeat([task.draws[key] / len(pool) for key, pool in pools], sizes),
    )


def ggau_model(rows: MagnetRows, seed: int) -> HistGradientBoostingClassifier:
    """One model of the bag for crystals with a Hubbard U."""
    rng = np.random.default_rng(seed)
    drawn = [np.flatnonzero(rows.stratum == "measured")]
    for label, number in GGAU_ROWS.items():
        pool = np.flatnonzero((rows.stratum == "ggau") & (rows.is_afm == (label == AFM)))
        drawn.append(rng.permutation(pool)[:number])
    chosen = np.concatenate(drawn)
    return HistGradientBoostingClassifier(**TREES | {"random_state": seed}).fit(rows.x[chosen], rows.is_afm[chosen])


def _table(examples: Sequence[Example], network: MagnetismNetwork) -> NDArray[np.float64]:
    properties = network.body.properties.cpu()
    return np.concatenate([descriptor(join([e]), properties).numpy() for e in examples])


def _named(name: str, trees: Trees) -> dict[str, torch.Tensor]:
    return {f"{name}.{key}": value for key, value in trees.state_dict().items()}
