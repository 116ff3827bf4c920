"""Training of the order and propagation-vector model from the data folder to files of the zoo.

Three stages, each resumable in its own folder:

1. ``body``: the whole network on order and |m|, without any formula of the neutron set, so that
   what is later measured on that set is measured on compounds the body never saw;
2. ``order``: the order readout alone, with the measured orders added;
3. ``kvector``: the ensemble for the propagation vector, on the frozen body.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from torch import nn
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import N_FOLDS, TEST_FOLD, VALIDATION_FOLD, Example, MagneticData, select, trainable
from magnetite.errors import DataError
from magnetite.order.card import describe
from magnetite.order.export import element_counts, export, fit_domain, fit_temperature
from magnetite.order.moment_training import grow_moments
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork, NetworkConfig
from magnetite.order.tasks import ORDER_DRAWS, OrderTask, PropagationTask, evaluate, join, k_fold, out_of_fold
from magnetite.order.trees import Trees, descriptor
from magnetite.training import Schedule, fit

BODY = Schedule(epochs=15, learning_rate=1.5e-3)
ORDER = Schedule(epochs=5, learning_rate=1e-3, weight_decay=0.05)
KVECTOR = Schedule(epochs=25, learning_rate=1e-3, weight_decay=0.1, ema=0.99)
K_MEMBERS = 5
TREES: dict[str, Any] = {
    "max_iter": 300, "learning_rate": 0.06, "max_leaf_nodes": 31, "l2_regularization": 1.0,
    "early_stopping": False, "random_state": 0,
}  # fmt: skip
TREE_WEIGHTS = (0.5, 0.7, 0.85)
"""Settings of scikit-learn's boosted trees, and the shares that validation chooses from."""
FOREST: dict[str, Any] = {"n_estimators": 120, "min_samples_leaf": 2, "max_features": 0.2, "random_state": 0}
DOMAIN_SAMPLE = 8_000
SETS = ("ggau", "other", "workflow", "quiet", "measured")
"""Methods of `MagneticData`."""


def read_examples(
    data: Path, *, progress: bool = True, sets: Sequence[str] = SETS, folds: Collection[int] = range(N_FOLDS)
) -> list[Example]:
    """All labelled examples of a data folder, or those of some sets and folds.

    Raises:
        DataError: a file is missing or broken.
    """
    source = MagneticData(data, folds)
    return [
        e for name in sets for e in tqdm(getattr(source, name)(), desc=f"reading {name}", unit="", disable=not progress)
    ]


def train_order(
    examples: Sequence[Example],
    run: Path,
    device: torch.device,
    *,
    config: NetworkConfig | None = None,
    schedule: Schedule = BODY,
    compiled: bool = False,
    progress: bool = True,
    log: Callable[[str], None] = tqdm.write,
) -> MagnetismNetwork:
    """Stages 1 and 2; returns the averaged network without propagation-vector members.

    Args:
        examples: as `read_examples` gives them.
        run: folder of the run; the same call continues an interrupted run.
        device: where to train.
        config: size of the network.
        schedule: of stage 1; stage 2 is short and fixed but for the seed.
        compiled: compile the convolutions (a minute at the start, 1.3 times the speed after).
        progress: show progress bars.
        log: receives one line an epoch.
    """
    torch.manual_seed(schedule.seed)
    network = MagnetismNetwork(config).to(device)
    if compiled:
        for layer in network.body.layers:
            layer.compile(dynamic=True)
    measured = {e.formula for e in examples if e.stratum == "measured"}
    first = OrderTask([e for e in examples if e.formula not in measured], device, schedule.seed)
    network = _fit(network, first, schedule, run / "body", progress, log)
    only(network, network.order)
    second = OrderTask(examples, device, schedule.seed, ORDER_DRAWS, frozen=network)
    return _fit(network, second, replace(ORDER, seed=schedule.seed), run / "order", progress, log)


def train_kvector(
    examples: Sequence[Example],
    order: MagnetismNetwork,
    run: Path,
    device: torch.device,
    *,
    schedule: Schedule = KVECTOR,
    progress: bool = True,
    log: Callable[[str], None] = tqdm.write,
) -> MagnetismNetwork:
    """Stage 3: the propagation-vector ensemble on the body of a trained order network."""
    torch.manual_seed(schedule.seed)
    network = MagnetismNetwork(replace(order.config, k_members=K_MEMBERS)).to(device)
    network.load_state_dict(order.state_dict(), strict=False)
    only(network, network.zero_k)
    return _fit(network, PropagationTask(examples, device, network), schedule, run / "kvector", progress, log)


def load_stage(run: Path, stage: str, device: torch.device, config: NetworkConfig) -> MagnetismNetwork:
    """The averaged network of a finished stage.

    Raises:
        DataError: the stage has no checkpoint.
    """
    path = run / stage / "checkpoint.safetensors"
    if not path.is_file():
        raise DataError(f"no checkpoint of stage {stage!r}; train it first", str(run))
    prefix = "averaged."
    tensors = {k.removeprefix(prefix): v for k, v in load_file(path).items() if k.startswith(prefix)}
    network = MagnetismNetwork(config).to(device)
    network.load_state_dict(tensors)
    return network.eval()


def grow_trees(network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> MagnetismNetwork:
    """The network with trees for AFM against FM; their share is the best one on the validation split.

    Args:
        network: a trained network; stays as it is.
        examples: all examples; the splits are chosen here.
        device: where the network runs.
    """
    task = OrderTask(examples, device, draws=ORDER_DRAWS)
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


def export_run(
    network: MagnetismNetwork, examples: Sequence[Example], folder: Path, device: torch.device, **card: Any
) -> Path:
    """Add trees and the readout for |m|, calibrate on the validation split, measure on test, write weights and card."""
    network = grow_moments(grow_trees(network, examples, device), examples, device)
    if network.config.k_members:
        network = grow_forests(network, examples, device)
    train = select(examples, lambda e: e.fold not in (TEST_FOLD, VALIDATION_FOLD) and trainable(e))
    held_out = select(examples, lambda e: e.fold == VALIDATION_FOLD)
    rng = np.random.default_rng(0)
    sample = [train[i] for i in rng.permutation(len(train))[:DOMAIN_SAMPLE]]
    output = evaluate(network, held_out, device)
    domain = fit_domain(sample, evaluate(network, sample, device)["features"], output["features"])
    rows = np.array([e.order >= 0 and (e.balanced or e.stratum != "ggau") for e in held_out])
    labels = np.array([e.order for e in held_out])
    calibration = {"order_temperature": fit_temperature(output["order"][rows], labels[rows]), "zero_k_temperature": 1.0}
    if network.config.k_members:
        compounds = select(examples, lambda e: e.zero_k >= 0)
        logit = out_of_fold(compounds, evaluate(network, compounds, device)["zero_k"])
        both = np.stack([np.zeros_like(logit), logit], axis=1)
        calibration["zero_k_temperature"] = fit_temperature(both, np.array([e.zero_k for e in compounds]))
    content = describe(network, examples, calibration, device) | card
    return export(network, folder, card=content, counts=element_counts(train), calibration=calibration, domain=domain)


def only(network: MagnetismNetwork, part: nn.Module) -> None:
    """Train this part and leave the rest as it is."""
    network.requires_grad_(requires_grad=False)
    part.requires_grad_(requires_grad=True)


def _fit(
    network: MagnetismNetwork, task: Any, schedule: Schedule, folder: Path, progress: bool, log: Callable[[str], None]
) -> MagnetismNetwork:
    trained = fit(network, task, schedule, folder, progress=progress, log=log)
    assert isinstance(trained, MagnetismNetwork)
    return trained
