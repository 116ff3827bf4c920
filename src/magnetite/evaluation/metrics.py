"""Figures of merit of probabilistic classifiers, and how a figure is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Metric:
    """One measured figure, as model cards hold it.

    Attributes:
        name: what was measured.
        value: the figure.
        protocol: on what, split how.
        rows: number of rows it was measured on.
        unit: of the value, if it has one.
    """

    name: str
    value: float
    protocol: str
    rows: int
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For the card: rounded to four digits, without an empty unit."""
        content = {"name": self.name, "value": round(self.value, 4), "protocol": self.protocol, "rows": self.rows}
        return content | ({"unit": self.unit} if self.unit else {})


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Share of rows whose most probable class is right; probabilities (n, classes), labels (n,)."""
    return float((probabilities.argmax(1) == labels).mean())


def balanced_accuracy(predicted: Labels, labels: Labels) -> float:
    """Mean recall over the classes present (0–1)."""
    return float(np.mean([(predicted[labels == c] == c).mean() for c in np.unique(labels)]))


def calibration_error(probabilities: Probabilities, labels: Labels, bins: int = 15) -> float:
    """Expected calibration error of the most probable class, with bins of equal width (Guo 2017)."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[place == b].mean() - right[place == b].mean()) * (place == b).mean() for b in np.unique(place)
    ]
    return float(np.sum(gaps))


def accuracy_at_coverage(probabilities: Probabilities, labels: Labels, coverage: float) -> float:
    """Accuracy on the share of rows with the highest probability of their class."""
    kept = np.argsort(-probabilities.max(1), kind="stable")[: max(1, round(coverage * len(labels)))]
    return accuracy(probabilities[kept], labels[kept])
