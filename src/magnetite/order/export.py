"""From a trained network to files of the zoo: weights, calibration, domain and card."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import chemical_symbols
from numpy.typing import NDArray
from safetensors.torch import save as pack
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from magnetite.datasets.magnetic import Example
from magnetite.order.domain import Domain, packing
from magnetite.order.network import MagnetismNetwork
from magnetite.order.weights import to_tensors

SPARSE = 30
"""Elements with fewer training structures than this are named in reports."""


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature that makes softmax(logits / T) most likely; logits (n, classes), labels (n,)."""

    def loss(log_temperature: float) -> float:
        scores = log_softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1)
        return float(-scores[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def element_counts(examples: Sequence[Example]) -> Counter[str]:
    """In how many examples each element occurs."""
    return Counter(chemical_symbols[z] for e in examples for z in np.unique(e.graph.numbers))


def export(
    network: MagnetismNetwork,
    folder: Path,
    *,
    card: dict[str, Any],
    counts: Counter[str],
    calibration: dict[str, float],
    domain: Domain,
) -> Path:
    """Write weights and card; returns the card's path.

    Args:
        network: the trained network.
        folder: where both files go.
        card: the part of the card that a person writes and the metrics.
        counts: `element_counts` of the training examples.
        calibration: ``order_temperature`` and ``zero_k_temperature``.
        domain: the training domain.
    """
    tensors = to_tensors(network)
    tensors["domain.mean"] = torch.from_numpy(domain.mean.copy())
    tensors["domain.whitening"] = torch.from_numpy(domain.whitening.copy())
    data = pack(tensors)
    name = card["name"]
    content = card | {
        "weights": f"{name}.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "elements": sorted(counts),
        "settings": {
            "network": network.config.as_dict(),
            "calibration": calibration,
            "domain": domain.settings(),
            "sparse_elements": {e: n for e, n in sorted(counts.items()) if n < SPARSE},
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.safetensors").write_bytes(data)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def fit_domain(train: Sequence[Example], features: NDArray[np.float32], held_out: NDArray[np.float32]) -> Domain:
    """The domain of training examples with these features, its limit set on held-out ones."""
    return Domain.fit(features, held_out, np.concatenate([packing(e.graph) for e in train]))
