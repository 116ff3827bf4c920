"""From trained networks to files of the zoo: trees, companions, calibration, domain, figures and cards.

One file of weights serves two cards: ``magnetism`` reads one body of it, ``magnetism-best`` all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from magnetite.datasets.magnetic import HELD_OUT, VALIDATION_FOLD, Example, select, trainable
from magnetite.order.calibration import Calibration, fit_temperature
from magnetite.order.card import FAST, describe
from magnetite.order.domain import Domain
from magnetite.order.export import element_counts, fit_domain, settings_of
from magnetite.order.growing import grow_k_trees, grow_trees
from magnetite.order.moment_training import grow_moments
from magnetite.order.network import MagnetismNetwork
from magnetite.order.tasks import evaluate, out_of_fold
from magnetite.order.weights import to_tensors
from magnetite.zoo.writing import write_card, write_weights

DOMAIN_SAMPLE = 8_000
"""Training crystals that the domain is laid around; crystals of one element are all among them."""


def export_run(
    network: MagnetismNetwork,
    examples: Sequence[Example],
    folder: Path,
    device: torch.device,
    *,
    companions: Sequence[MagnetismNetwork] = (),
    pretrained: Collection[int] = (),
    **card: Any,
) -> Path:
    """Finish a trained network, measure it on the test split, write weights and cards; returns the card's path.

    Args:
        network: body and readout of the order.
        examples: all examples; the splits are chosen here.
        folder: where the files go.
        device: where the networks run.
        companions: trained on their own; with them there is a second card, ``NAME-best``.
        pretrained: which learned from structures without labels first: 0 the network, 1 the first companion, …
        card: what differs from the card that `describe` gives.
    """
    network = grow_moments(grow_trees(network, examples, device), examples, device)
    network = grow_k_trees(network, examples, device)
    train = select(examples, lambda e: e.fold not in HELD_OUT and trainable(e))
    held_out = select(examples, lambda e: e.fold == VALIDATION_FOLD)
    output = evaluate(network, held_out, device)
    domain = _domain(network, train, output["features"], device)
    zero_k = _zero_k_temperature(network, examples, device)
    largest = with_companions(network, companions, device) if companions else network
    name = str(card.pop("name", FAST))
    weights = write_weights(to_tensors(largest) | domain.tensors(), folder, name)
    counts = element_counts(train)
    for own, one in [(name, network)] + ([(f"{name}-best", largest)] if companions else []):
        calibration = _calibration(held_out, output if one is network else evaluate(one, held_out, device), zero_k)
        began = any(number <= one.config.companions for number in pretrained)
        words = describe(one, examples, calibration, device, pretrained=began) | card | {"name": own}
        write_card(words | weights | settings_of(one, counts, calibration, domain), folder)
    return folder / f"{name}.json"


def with_companions(
    network: MagnetismNetwork, companions: Sequence[MagnetismNetwork], device: torch.device
) -> MagnetismNetwork:
    """The network that asks further bodies for the order, too."""
    grown = MagnetismNetwork(replace(network.config, companions=len(companions))).to(device)
    state = network.state_dict()
    for number, companion in enumerate(companions):
        for part in ("body", "order"):
            own = getattr(companion, part).state_dict()
            state |= {f"companions.{number}.{part}.{key}": value for key, value in own.items()}
    grown.load_state_dict(state)
    return grown.eval()


def _domain(
    network: MagnetismNetwork, train: Sequence[Example], held_out: NDArray[np.float32], device: torch.device
) -> Domain:
    rng = np.random.default_rng(0)
    elemental = np.array([len(np.unique(e.graph.numbers)) == 1 for e in train])
    first = np.concatenate([np.flatnonzero(elemental), rng.permutation(np.flatnonzero(~elemental))])
    sample = [train[i] for i in first[:DOMAIN_SAMPLE]]
    return fit_domain(sample, evaluate(network, sample, device)["features"], held_out)


def _calibration(held_out: Sequence[Example], output: dict[str, NDArray[np.float32]], zero_k: float) -> Calibration:
    rows = np.array([e.order >= 0 and (e.balanced or e.stratum != "ggau") for e in held_out])
    labels = np.array([e.order for e in held_out])
    return Calibration.fit_order(output["ggau"][rows], output["order"][rows], labels[rows], zero_k)


def _zero_k_temperature(network: MagnetismNetwork, examples: Sequence[Example], device: torch.device) -> float:
    compounds = select(examples, lambda e: e.zero_k >= 0)
    logit = out_of_fold(compounds, evaluate(network, compounds, device)["zero_k"])
    both = np.stack([np.zeros_like(logit), logit], axis=1)
    return fit_temperature(both, np.array([e.zero_k for e in compounds]))
