"""Whether a crystal resembles the training data: elements, density, distances and learned features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magnetite.graphs import Graph


def packing(graph: Graph) -> NDArray[np.float64]:
    """Each atom's nearest distance over the sum of the two covalent radii, shape (n_atoms,); inf if alone."""
    from ase.data import covalent_radii

    radii = covalent_radii[graph.numbers]
    ratio = np.linalg.norm(graph.vectors, axis=1) / (radii[graph.senders] + radii[graph.receivers])
    nearest = np.full(graph.n_atoms, np.inf)
    np.minimum.at(nearest, graph.receivers, ratio)
    return nearest


@dataclass(frozen=True)
class Domain:
    """The region that the training data fills.

    Attributes:
        mean: mean of the crystal features, shape (f,).
        whitening: turns centred features into uncorrelated ones of unit spread, shape (f, f).
        distance_limit: largest whitened distance per root dimension that counts as inside.
        packing_limits: smallest and largest nearest distance over covalent radii.
    """

    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]
    distance_limit: float
    packing_limits: tuple[float, float]

    @classmethod
    def fit(
        cls,
        train: NDArray[np.float32],
        held_out: NDArray[np.float32],
        packings: NDArray[np.float64],
        share: float = 0.99,
    ) -> Domain:
        """Learn the region so that a `share` of unseen examples lies inside.

        Args:
            train: crystal features of the training examples, (n, f).
            held_out: of unseen examples of the same kind, (m, f).
            packings: `packing` of the training atoms.
            share: of held-out examples inside.
        """
        mean = train.mean(0)
        covariance = np.cov(train.T) + 1e-3 * np.trace(np.cov(train.T)) / train.shape[1] * np.eye(train.shape[1])
        values, vectors = np.linalg.eigh(covariance)
        whitening = (vectors / np.sqrt(values)).astype(np.float32)
        finite = packings[np.isfinite(packings)]
        limits = (float(np.quantile(finite, 1e-4)), float(np.quantile(finite, 1 - 1e-4)))
        domain = cls(mean.astype(np.float32), whitening, np.inf, limits)
        return cls(domain.mean, whitening, float(np.quantile(domain.distance(held_out), share)), limits)

    def distance(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Whitened distance from the training mean, per root dimension, shape (n,); about 1 inside."""
        whitened = (features - self.mean) @ self.whitening
        distance: NDArray[np.float64] = np.sqrt(np.mean(whitened.astype(np.float64) ** 2, axis=1))
        return distance

    def objections(self, graph: Graph, distance: float) -> list[str]:
        """Why a crystal lies outside, in plain words; empty if it lies inside."""
        found = []
        nearest = packing(graph)
        low, high = self.packing_limits
        if nearest.min() < low:
            found.append(f"atoms closer than any in the training data ({nearest.min():.2f} of the covalent distance)")
        if nearest.max() > high:
            isolated = "without neighbours" if np.isinf(nearest.max()) else "farther apart than in the training data"
            found.append(f"atoms {isolated}")
        if distance > self.distance_limit:
            found.append("composition and geometry are unlike the training data")
        return found

    def settings(self) -> dict[str, Any]:
        """The scalar part, for the model card."""
        return {"distance_limit": self.distance_limit, "packing_limits": list(self.packing_limits)}
