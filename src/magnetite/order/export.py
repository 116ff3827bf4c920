"""From a trained network to files of the zoo: weights, calibration, domain and card."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray
from safetensors.torch import save as pack

from magnetite.datasets.magnetic import Example
from magnetite.order.calibration import Calibration
from magnetite.order.domain import Domain, packing
from magnetite.order.network import MagnetismNetwork
from magnetite.order.weights import to_tensors

SPARSE = 30
"""Elements with fewer training structures than this are named in reports."""


def element_counts(examples: Sequence[Example]) -> Counter[str]:
    """In how many examples each element occurs."""
    return Counter(chemical_symbols[z] for e in examples for z in np.unique(e.graph.numbers))


def write_weights(network: MagnetismNetwork, domain: Domain, folder: Path, name: str) -> dict[str, str]:
    """Write the weights of a network and its domain; returns what a card says of the file."""
    data = pack(to_tensors(network) | domain.tensors())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.safetensors").write_bytes(data)
    return {"weights": f"{name}.safetensors", "sha256": hashlib.sha256(data).hexdigest()}


def write_card(
    network: MagnetismNetwork,
    folder: Path,
    weights: dict[str, str],
    *,
    card: dict[str, Any],
    counts: Counter[str],
    calibration: Calibration,
    domain: Domain,
) -> Path:
    """Write a card; returns its path.

    Args:
        network: that the card is of; its weights may be a part of those in the file.
        folder: where the card goes.
        weights: what `write_weights` gave.
        card: the part of the card that a person writes and the metrics.
        counts: `element_counts` of the training examples.
        calibration: its temperatures.
        domain: the training domain.
    """
    content = (
        card
        | weights
        | {
            "elements": sorted(counts),
            "settings": {
                "network": network.config.as_dict(),
                "calibration": calibration.as_dict(),
                "domain": domain.settings(),
                "sparse_elements": {e: n for e, n in sorted(counts.items()) if n < SPARSE},
            },
        }
    )
    path = folder / f"{card['name']}.json"
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def fit_domain(train: Sequence[Example], features: NDArray[np.float32], held_out: NDArray[np.float32]) -> Domain:
    """The domain of training examples with these features, its limit set on held-out ones."""
    return Domain.fit(features, held_out, np.concatenate([packing(e.graph) for e in train]))
