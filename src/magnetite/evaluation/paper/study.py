"""What every part of the study works with, and the twenty models of the magnetic order (Fig. 4, left)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import HELD_OUT, TEST_FOLD, VALIDATION_FOLD
from magnetite.evaluation.metrics import Probabilities
from magnetite.evaluation.paper.boosting import afm_share, stacked
from magnetite.evaluation.paper.features import KeptAtoms, tree_table, without_edges
from magnetite.evaluation.paper.readouts import ReadoutTask, ask, train_readout
from magnetite.evaluation.paper.rows import Rows
from magnetite.evaluation.paper.settings import Settings
from magnetite.evaluation.paper.subsets import ORDER_RATIO, Places, balanced_subset
from magnetite.evaluation.paper.work import Arrays, Work
from magnetite.order.model import OrderModel
from magnetite.order.tasks import evaluate


@dataclass(frozen=True)
class Study:
    """Rows, features and a place for results.

    Attributes:
        model: the zoo's model whose body is shared.
        everything: all rows of GGA+U chemistry.
        everything_table: the trees' descriptors of them.
        orders: rows of GGA+U chemistry whose features are known, without edges.
        compounds: rows of MAGNDATA, without edges.
        atoms: the body's features of both.
        order_table: the trees' descriptors of `orders`, (n, f).
        compound_table: of `compounds`, (m, f).
        shipped: what the model itself answers: ``test`` and ``compounds``, probabilities of ORDER_CLASSES for the test
            rows and for `compounds`, (n, 3); ``zero_k``, its members' logits of a zero k for `compounds`, (m, members);
            all calibrated.
        settings: how much is done.
        work: of results that depend on the model by its version alone, as the trees' descriptor does.
        own: of results that do.
        progress: show bars.
    """

    model: OrderModel
    everything: Rows
    everything_table: NDArray[np.float32]
    orders: Rows
    compounds: Rows
    atoms: KeptAtoms
    order_table: NDArray[np.float32]
    compound_table: NDArray[np.float32]
    shipped: Arrays
    settings: Settings
    work: Work
    own: Work
    progress: bool = True

    @property
    def pool(self) -> NDArray[np.bool_]:
        """Rows that models of the order may train on: no formula of the test, validation or neutron set."""
        return training_pool(self.orders, self.compounds)

    @property
    def trees_weight(self) -> float:
        """Share of the trees in the model that is shipped, where a Hubbard U is applied."""
        return self.model.network.config.ggau_tree_weight


def training_pool(orders: Rows, compounds: Rows) -> NDArray[np.bool_]:
    """See `Study.pool`; shape (len(orders),)."""
    held_out = np.isin(orders.fold, HELD_OUT) | np.isin(orders.formula, compounds.formula)
    return orders.trainable & ~held_out


def prepare(
    model: OrderModel, orders: Rows, compounds: Rows, settings: Settings, work: Work, *, progress: bool = True
) -> Study:
    """Work out all features.

    Args:
        model: whose body is shared.
        orders: of GGA+U chemistry, as `read_rows` gives them.
        compounds: of MAGNDATA, likewise.
        settings: how much is to be done.
        work: where results are kept.
        progress: show bars.
    """
    validation = orders.balanced & (orders.fold == VALIDATION_FOLD)
    needed = training_pool(orders, compounds) | validation | (orders.fold == TEST_FOLD)
    data = f"{len(orders)}-{len(compounds)}"
    # Answers depend on what the card sets, not on the weights alone.
    digest = hashlib.sha256(json.dumps(model.card.content, sort_keys=True).encode()).hexdigest()[:12]
    bodies = work.within(f"{data}-{digest}")
    tables = bodies.kept(
        "tables", lambda: {"orders": tree_table(orders.examples), "compounds": tree_table(compounds.examples)}
    )
    everything, orders = orders, orders[needed]
    examples = [*orders.examples, *compounds.examples]
    bare = [without_edges(e) for e in examples]
    atoms = KeptAtoms(model.network, examples, bare, model.device, bodies, "atoms", progress=progress)
    answers = bodies.kept("shipped", lambda: _shipped(model, orders[orders.test], compounds))
    return Study(
        model, everything, tables["orders"],
        replace(orders, examples=bare[: len(orders)]), replace(compounds, examples=bare[len(orders) :]),
        atoms, tables["orders"][needed], tables["compounds"], answers, settings,
        work.within(f"{data}-{model.card.version}-{settings.shared_name}"),
        work.within(f"{data}-{digest}-{settings.name}"), progress,
    )  # fmt: skip


def train_and_ask(
    study: Study, name: str, train: Places, label: NDArray[np.int64], ask_orders: Places, *, seed: int
) -> Arrays:
    """Train a readout and trees on some rows of the order, and ask both for others and for the neutron set.

    Args:
        study: all there is.
        name: of the kept results.
        train: numbers of the rows to train on.
        label: class of every row of `study.orders`, (n,).
        ask_orders: numbers of the rows to answer for.
        seed: of the initial weights and the draws.

    Returns:
        ``readout`` and ``stacked``: probabilities for `ask_orders`, (m, 3); ``measured``: stacked, for all rows of
        the neutron set, (k, 3); ``train``: as given.
    """
    examples = study.orders.examples
    tables = np.concatenate([study.order_table[ask_orders], study.compound_table])

    def trees() -> Arrays:
        return {"share": afm_share(study.order_table[train], label[train], tables, study.settings.boosting_rounds)}

    def readout() -> Arrays:
        task = ReadoutTask([examples[i] for i in train], label[train], study.atoms, seed)
        network = study.model.network
        model = train_readout(
            task, network.config, network.body.size, study.own.scratch(name),
            epochs=study.settings.epochs, progress=study.progress,
        )  # fmt: skip
        wanted = [*(examples[i] for i in ask_orders), *study.compounds.examples]
        return {"probabilities": ask(model, wanted, study.atoms)}

    share = study.work.kept(f"trees-{name}", trees)["share"]
    network_says = study.own.kept(f"readout-{name}", readout)["probabilities"]
    both = stacked(network_says, share, study.trees_weight)
    end = len(ask_orders)
    return {"readout": network_says[:end], "stacked": both[:end], "measured": both[end:], "train": train}


def order_models(study: Study) -> list[Arrays]:
    """The twenty models: each on its own balanced subset, all asked for the same rows (`Rows.test`).

    Returns:
        As `train_and_ask`, one for each model.
    """
    pool, label = np.flatnonzero(study.pool), study.orders.label
    found = []
    for seed in tqdm(range(study.settings.models), desc="models of the order", disable=not study.progress):
        train = pool[balanced_subset(label[pool], ORDER_RATIO, seed)]
        found.append(train_and_ask(study, f"order-{seed}", train, label, np.flatnonzero(study.orders.test), seed=seed))
    return found


def _shipped(model: OrderModel, test: Rows, compounds: Rows) -> Arrays:
    """What the shipped model answers for rows with edges; see `Study.shipped`."""

    def order(output: Arrays) -> Probabilities:
        return model.calibration.order(output["ggau"], output["order"])

    on_test, on_compounds = (evaluate(model.network, rows.examples, model.device) for rows in (test, compounds))
    return {
        "test": order(on_test),
        "compounds": order(on_compounds),
        "zero_k": on_compounds["zero_k"] / model.calibration.zero_k,
    }
