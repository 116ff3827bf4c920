"""Whether a crystal resembles the training data: density, distances and learned features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnetite.graphs import Graph

COMPONENTS = 32
"""They hold 98 % of the variance of the features."""


def packing(graph: Graph) -> NDArray[np.float64]:
    """Each atom's nearest distance over the sum of the two covalent radii, shape (n_atoms,); inf if alone."""
    from ase.data import covalent_radii

    radii = covalent_radii[graph.numbers]
    ratio = np.linalg.norm(graph.vectors, axis=1) / (radii[graph.senders] + radii[graph.receivers])
    nearest = np.full(graph.n_atoms, np.inf)
    np.minimum.at(nearest, graph.receivers, ratio)
    return nearest


@dataclass(frozen=True, eq=False)
class Domain:
    """The region that the training data fills: near some training crystal, in the space of the body's features.

    What the readouts see would not do: they stretch the sure answers far apart and draw the doubtful ones together.

    Attributes:
        mean: of the crystals' features, shape (f,).
        projection: from centred features, each divided by its spread, to their principal components, (f, c).
        reference: training crystals in that space, (n, c).
        distance_limit: largest distance to the nearest of them that counts as inside.
        packing_limits: smallest and largest nearest distance over covalent radii.
    """

    mean: NDArray[np.float32]
    projection: NDArray[np.float32]
    reference: NDArray[np.float32]
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
            train: features of the training crystals, (n, f).
            held_out: of unseen crystals of the same kind, (m, f).
            packings: `packing` of the training atoms.
            share: of held-out examples inside.
        """
        mean, spread = train.mean(0), train.std(0)
        spread = spread + 1e-3 * train.std()  # features that hardly vary must not count more than others
        components = np.linalg.svd((train - mean) / spread, full_matrices=False)[2][:COMPONENTS]
        projection = (components / spread).T.astype(np.float32)
        reference = ((train - mean) @ projection).astype(np.float16).astype(np.float32)  # as it is stored
        finite = packings[np.isfinite(packings)]
        limits = (float(np.quantile(finite, 1e-4)), float(np.quantile(finite, 1 - 1e-4)))
        domain = cls(mean.astype(np.float32), projection, reference, np.inf, limits)
        return replace(domain, distance_limit=float(np.quantile(domain.distance(held_out), share)))

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]) -> Domain:
        """From what `tensors` and `settings` gave."""
        mean, projection, reference = (
            tensors[f"domain.{name}"].float().numpy() for name in ("mean", "projection", "reference")
        )
        low, high = settings["packing_limits"]
        return cls(mean, projection, reference, float(settings["distance_limit"]), (float(low), float(high)))

    def tensors(self) -> dict[str, Tensor]:
        """The arrays, to travel with the weights."""
        parts = {"mean": self.mean, "projection": self.projection, "reference": self.reference.astype(np.float16)}
        return {f"domain.{name}": torch.from_numpy(np.ascontiguousarray(value)) for name, value in parts.items()}

    def distance(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Distance to the nearest training crystal; features (n, f) → (n,)."""
        place = ((features - self.mean) @ self.projection).astype(np.float64)
        squares = (place**2).sum(1)[:, None] + (self.reference**2).sum(1) - 2 * place @ self.reference.T
        distance: NDArray[np.float64] = np.sqrt(squares.min(1).clip(min=0))
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
