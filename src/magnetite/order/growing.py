"""Trees beside a trained network: for AFM against FM, and for the propagation vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from torch import nn

from magnetite.datasets.magnetic import Example, select
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork
from magnetite.order.tasks import ORDER_DRAWS, FrozenAtoms, OrderTask, join, k_fold
from magnetite.order.trees import Trees, descriptor

TREES: dict[str, Any] = {
    "max_iter": 300, "learning_rate": 0.06, "max_leaf_nodes": 31, "l2_regularization": 1.0,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip
TREE_WEIGHTS = (0.5, 0.7, 0.85)
"""Settings of scikit-learn's boosted trees, and the shares that validation chooses from."""
FOREST: dict[str, Any] = {"n_estimators": 120, "min_samples_leaf": 2, "max_features": 0.2, "random_state": 0}


def grow_trees(network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> MagnetismNetwork:
    """The network with trees for AFM against FM; their share is the best one on the validation split.

    Args:
        network: a trained network; stays as it is.
        examples: all examples; the splits are chosen here.
        device: where the network runs.
    """
    task = OrderTask(examples, device, draws=ORDER_DRAWS)
    task.atoms = FrozenAtoms(network, task.validation, device)  # the body is the same under every share
    pools = {key: pool for key, pool in task.pools.items() if ORDER_CLASSES[key[1]] != "NM"}
    rows = [e for pool in pools.values() for e in pool]
    weights = np.concatenate([np.full(len(pool), ORDER_DRAWS[key] / len(pool)) for key, pool in pools.items()])
    table = network.body.properties.cpu()
    x = np.concatenate([descriptor(join([e]), table).numpy() for e in rows])
    is_afm = np.array([ORDER_CLASSES[e.order] == "AFM" for e in rows])
    trees = Trees.from_boosting(HistGradientBoostingClassifier(**TREES).fit(x, is_afm, weights))
    best, best_score = network, task.validate(network)["score"]
    for weight in TREE_WEIGHTS:
        candidate = MagnetismNetwork(replace(network.config, trees=trees.size, tree_weight=weight)).to(device)
        candidate.load_state_dict(network.state_dict() | {f"trees.{k}": v for k, v in trees.state_dict().items()})
        score = task.validate(candidate.eval())["score"]
        if score > best_score:
            best, best_score = candidate, score
    return best


def grow_forests(network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> MagnetismNetwork:
    """The network with a forest beside each propagation-vector readout, grown on the same compounds."""
    members, table = network.config.k_members, network.body.properties.cpu()
    compounds = select(examples, lambda e: e.zero_k >= 0)
    x = np.concatenate([descriptor(join([e]), table).numpy() for e in compounds])
    zero_k, fold = np.array([e.zero_k for e in compounds]), np.array([k_fold(e.formula, members) for e in compounds])
    forests = [
        Trees.from_forest(RandomForestClassifier(**FOREST).fit(x[fold != m], zero_k[fold != m])) for m in range(members)
    ]
    sizes = [forest.size for forest in forests]
    room = (sizes[0][0], max(s[1] for s in sizes), max(s[2] for s in sizes))
    grown = MagnetismNetwork(replace(network.config, k_forest=room)).to(device)
    state = network.state_dict()
    for m, forest in enumerate(forests):
        for name, value in forest.state_dict().items():
            state[f"k_forests.{m}.{name}"] = nn.functional.pad(value, (0, room[1] - value.shape[1]))
    grown.load_state_dict(state)
    return grown.eval()
