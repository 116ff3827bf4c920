"""From logits to probabilities that mean what they say: one temperature for each question and chemistry.

Guo 2017, On calibration of modern neural networks. Inside the chemistry of GGA+U the labels are denser and the
answers too cautious; outside it they are too bold. One temperature for both would be wrong for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

Logits = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Calibration:
    """What logits are divided by.

    Attributes:
        ggau: of the order, for oxides and fluorides of metals with a Hubbard U.
        other: of the order, for all other chemistry.
        zero_k: of the propagation vector.
    """

    ggau: float = 1.0
    other: float = 1.0
    zero_k: float = 1.0

    @classmethod
    def from_settings(cls, settings: Mapping[str, float]) -> Self:
        """From the settings of a card."""
        return cls(**{name: float(value) for name, value in settings.items()})

    @classmethod
    def fit_order(cls, ggau: Mask, logits: Logits, labels: NDArray[np.int64], zero_k: float = 1.0) -> Self:
        """The temperatures that make the labels of unseen crystals most likely.

        Args:
            ggau: which of n crystals are such oxides and fluorides, (n,).
            logits: of the order, (n, classes).
            labels: their classes, (n,).
            zero_k: temperature of the propagation vector.
        """
        inside, other = (fit_temperature(logits[rows], labels[rows]) if rows.any() else 1.0 for rows in (ggau, ~ggau))
        return cls(inside, other, zero_k)

    def order(self, ggau: Mask, logits: Logits) -> NDArray[np.float64]:
        """Probabilities of the order of n crystals, (n, classes); arguments as for `fit_order`."""
        temperatures = np.where(ggau, self.ggau, self.other)
        probabilities: NDArray[np.float64] = softmax(logits.astype(np.float64) / temperatures[:, None], axis=1)
        return probabilities

    def zero_k_probability(self, logits: Logits) -> NDArray[np.float64]:
        """Mean probability of a zero propagation vector over the members, (n, members) → (n,); NaN without members."""
        if not logits.shape[1]:
            return np.full(len(logits), np.nan)
        probability: NDArray[np.float64] = expit(logits.astype(np.float64) / self.zero_k).mean(1)
        return probability

    def as_dict(self) -> dict[str, float]:
        """For the settings of a card."""
        return asdict(self)


def fit_temperature(logits: Logits, labels: NDArray[np.int64]) -> float:
    """The temperature that makes softmax(logits / T) most likely; logits (n, classes), labels (n,)."""

    def loss(log_temperature: float) -> float:
        scores = log_softmax(logits.astype(np.float64) / np.exp(log_temperature), axis=1)
        return float(-scores[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))
