"""Trees beside a trained network: for AFM against FM, NM against magnets, and the propagation vector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from torch import nn

from magnetite.datasets.magnetic import HELD_OUT, Example, select
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork
from magnetite.order.relatives import Relatives, family_codes
from magnetite.order.tasks import ORDER_DRAWS, OrderTask, evaluate, join, k_fold
from magnetite.order.trees import Trees, descriptor
from magnetite.runtime import EDGES_PER_BATCH, by_edges

NM, AFM, FM = (ORDER_CLASSES.index(name) for name in ("NM", "AFM", "FM"))
TREES: dict[str, Any] = {
    "max_iter": 300, "learning_rate": 0.06, "max_leaf_nodes": 31, "l2_regularization": 1.0,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip
TREE_WEIGHTS = (0.5, 0.7, 0.85)
"""Settings of scikit-learn's boosted trees, and the shares that validation chooses from."""
GGAU_BAG = 8
GGAU_RATIO = 1.2
"""Where the Materials Project applies a Hubbard U, so many models, each on all AFM rows of that chemistry, so many
times as many FM rows, drawn at random, and all measured orders: one model on all the many FM rows is worse."""
MEASURED_WEIGHT = 1.6
"""What one of the latter counts for: cross-validated, calculations and neutrons both gain over fewer rows of either."""
OUTSIDE = ("other", "quiet")
"""Strata that trees for NM against magnets learn from: all beside the order set."""
FEWER = TREES | {"max_features": 0.15}
"""Settings of trees that see a part of the descriptor at each node."""
NONE_TREES, K_TREES = FEWER | {"max_iter": 500}, FEWER | {"max_iter": 200, "max_features": 0.06}
"""For NM against magnets, and for the propagation vector, of which few compounds are known."""
K_MEMBERS = 5
K_BAG = 3
"""Opinions on the propagation vector, and models that make up each."""


class Rows(NamedTuple):
    """What trees learn from.

    Attributes:
        x: descriptors, (n, f).
        relatives: what their relatives' computed orders are, (n, COLUMNS).
        order: index into ORDER_CLASSES, (n,).
        stratum: where each row comes from, (n,).
        weight: so that every stratum and class weighs as it is drawn for the network, (n,).
    """

    x: NDArray[np.float64]
    relatives: NDArray[np.float64]
    order: NDArray[np.int64]
    stratum: NDArray[np.str_]
    weight: NDArray[np.float64]

    def where(self, chosen: NDArray[Any]) -> Rows:
        """The rows that are chosen, by number or by (n,) booleans."""
        return Rows(*(column[chosen] for column in self))


def grow_trees(network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> MagnetismNetwork:
    """The network with trees for the order.

    Where the Materials Project applies a Hubbard U, validation says how much they count (`tree_share`). Elsewhere their
    share stays at a half: many of those calculations tried one order alone and would ask for more of them, textbook
    crystals for less.

    Args:
        network: a trained network; stays as it is.
        examples: all examples; the splits are chosen here.
        device: where the network runs.
    """
    task = OrderTask(examples, device, draws=ORDER_DRAWS)
    rows, relatives = tree_rows(task, network)
    magnets = rows.where(rows.order != NM)
    boosted = HistGradientBoostingClassifier(**TREES).fit(magnets.x, magnets.order == AFM, magnets.weight)
    trees = Trees.from_boosting([boosted])
    ggau = Trees.from_boosting([ggau_model(rows, seed) for seed in range(GGAU_BAG)])
    outside = outside_rows(examples)
    none_labels = np.array([e.order == NM for e in outside])
    none = Trees.from_boosting([none_model(descriptors(outside, network), none_labels)])
    parts = {"trees": trees, "ggau_trees": ggau, "none_trees": none, "relatives": relatives}
    size = replace(
        network.config,
        trees=trees.room, ggau_trees=ggau.room, none_trees=none.room, relatives=len(relatives.codes),
    )  # fmt: skip
    state = network.state_dict() | {k: v for name, part in parts.items() for k, v in _named(name, part).items()}
    grown = MagnetismNetwork(size).to(device)
    grown.load_state_dict(state)
    watched = select(task.validation, lambda e: e.stratum == "ggau" and e.order != NM)
    logits = evaluate(network, watched, device)["order"]
    odds = ggau(torch.cat([grown.described(join([e]).to(device)).cpu() for e in watched])).numpy()
    is_afm = np.array([e.order == AFM for e in watched])
    share = tree_share(expit(logits[:, AFM] - logits[:, FM]), expit(odds), is_afm)
    grown.config = replace(size, ggau_tree_weight=share)
    return grown.eval()


def tree_share(network: NDArray[np.float64], trees: NDArray[np.float64], is_afm: NDArray[np.bool_]) -> float:
    """The least of `TREE_WEIGHTS` whose log loss is within one standard error of the best.

    Args:
        network: its probability of AFM among magnets, (n,).
        trees: theirs, (n,).
        is_afm: which it is, (n,).
    """
    mixed = [(1 - weight) * network + weight * trees for weight in TREE_WEIGHTS]
    losses = [-np.log(np.where(is_afm, p, 1 - p)) for p in mixed]
    best = min(losses, key=np.sum)
    gaps = [loss - best for loss in losses]
    near = (gap.sum() <= gap.std() * len(gap) ** 0.5 for gap in gaps)
    return next(weight for weight, is_near in zip(TREE_WEIGHTS, near, strict=True) if is_near)


def grow_k_trees(network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> MagnetismNetwork:
    """The network with trees for zero against non-zero propagation vectors.

    Each member learns from the compounds of the other folds (`k_fold`), so the accuracy of the shipped weights
    themselves is measured on compounds that they never saw.
    """
    compounds = select(examples, lambda e: e.zero_k >= 0)
    x = descriptors(compounds, network)
    zero_k, fold = np.array([e.zero_k for e in compounds]), np.array([k_fold(e.formula, K_MEMBERS) for e in compounds])
    models = []
    for member in range(K_MEMBERS):
        x_known, known = x[fold != member], zero_k[fold != member]
        models.append([model.fit(x_known, known) for model in k_bag()])
    rooms = np.array([Trees.from_boosting(bag).room for bag in models])
    room = (int(rooms[0, 0]), int(rooms[:, 1].max()), int(rooms[:, 2].max()))
    grown = MagnetismNetwork(replace(network.config, k_members=K_MEMBERS, k_trees=room)).to(device)
    state = network.state_dict()
    for member, bag in enumerate(models):
        state |= _named(f"k_trees.{member}", Trees.from_boosting(bag, room))
    grown.load_state_dict(state)
    return grown.eval()


def tree_rows(task: OrderTask, network: MagnetismNetwork) -> tuple[Rows, Relatives]:
    """All that a task trains on, as rows for trees, and the votes of its computed magnets with a Hubbard U."""
    pools = list(task.pools.items())
    sizes = [len(pool) for _, pool in pools]
    examples = [e for _, pool in pools for e in pool]
    order = np.repeat([order for (_, order), _ in pools], sizes)
    stratum = np.repeat([stratum for (stratum, _), _ in pools], sizes)
    parts = by_edges(examples, lambda e: e.graph.n_edges, EDGES_PER_BATCH["cpu"])
    codes = np.concatenate([family_codes(join(part)).numpy() for part in parts])
    voters, is_afm = (stratum == "ggau") & (order != NM), order == AFM
    relatives = Relatives.of(codes[voters], is_afm[voters])
    told = relatives.without_own_formula(codes, [e.formula for e in examples], voters, is_afm)
    weight = np.repeat([task.draws[key] / len(pool) for key, pool in pools], sizes)
    return Rows(descriptors(examples, network), told, order, stratum, weight), relatives


def outside_rows(examples: Sequence[Example]) -> list[Example]:
    """What trees for NM against magnets learn from: cells of any size and density.

    The Materials Project has crystals that flew apart as they were relaxed, one in twelve of the magnets. The network,
    which never trains on them, takes far atoms for non-magnetic, and trees have to know better.
    """
    return select(examples, lambda e: e.stratum in OUTSIDE and e.order >= 0 and e.fold not in HELD_OUT)


def ggau_model(rows: Rows, seed: int) -> HistGradientBoostingClassifier:
    """One model of the bag for AFM against FM of crystals with a Hubbard U."""
    computed, measured = rows.stratum == "ggau", rows.stratum == "measured"
    afm, fm = (np.flatnonzero(computed & (rows.order == label)) for label in (AFM, FM))
    drawn = np.random.default_rng(seed).permutation(fm)[: round(GGAU_RATIO * len(afm))]
    chosen = rows.where(np.concatenate([np.flatnonzero(measured & (rows.order != NM)), afm, drawn]))
    told = np.hstack([chosen.x, chosen.relatives])
    weight = np.where(chosen.stratum == "measured", MEASURED_WEIGHT, 1.0)
    return HistGradientBoostingClassifier(**TREES | {"random_state": seed}).fit(told, chosen.order == AFM, weight)


def k_bag() -> list[HistGradientBoostingClassifier]:
    """The models that make up one opinion on the propagation vector, before they learn."""
    return [HistGradientBoostingClassifier(**K_TREES | {"random_state": seed}) for seed in range(K_BAG)]


def none_model(x: NDArray[np.float64], is_none: NDArray[np.bool_]) -> HistGradientBoostingClassifier:
    """NM against magnets, either as heavy as the other; descriptors (n, f), which of them are NM (n,)."""
    return HistGradientBoostingClassifier(**NONE_TREES, class_weight="balanced").fit(x, is_none)


def descriptors(examples: Sequence[Example], network: MagnetismNetwork) -> NDArray[np.float64]:
    """The `descriptor` of each example, (n, f)."""
    properties = network.body.properties.cpu()
    return np.concatenate([descriptor(join([e]), properties).numpy() for e in examples])


def _named(name: str, trees: nn.Module) -> dict[str, torch.Tensor]:
    return {f"{name}.{key}": value for key, value in trees.state_dict().items()}
