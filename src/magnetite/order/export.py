"""What a card says of a trained network beside words and figures: elements, size, calibration and domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from magnetite.datasets.magnetic import Example
from magnetite.order.calibration import Calibration
from magnetite.order.domain import Domain, packing
from magnetite.order.network import MagnetismNetwork

SPARSE = 30
"""Elements with fewer training structures than this are named in reports."""


def element_counts(examples: Sequence[Example]) -> Counter[str]:
    """In how many examples each element occurs."""
    return Counter(chemical_symbols[z] for e in examples for z in np.unique(e.graph.numbers))


def settings_of(
    network: MagnetismNetwork, counts: Counter[str], calibration: Calibration, domain: Domain
) -> dict[str, Any]:
    """What a card says of elements and settings.

    Args:
        network: that the card is of; its weights may be a part of those in the file.
        counts: `element_counts` of the training examples.
        calibration: its temperatures.
        domain: the training domain.
    """
    return {
        "elements": sorted(counts),
        "settings": {
            "network": network.config.as_dict(),
            "calibration": calibration.as_dict(),
            "domain": domain.settings(),
            "sparse_elements": {e: n for e, n in sorted(counts.items()) if n < SPARSE},
        },
    }


def fit_domain(train: Sequence[Example], features: NDArray[np.float32], held_out: NDArray[np.float32]) -> Domain:
    """The domain of training examples with these features, its limit set on held-out ones."""
    return Domain.fit(features, held_out, np.concatenate([packing(e.graph) for e in train]))
