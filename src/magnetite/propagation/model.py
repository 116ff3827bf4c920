"""The model of the zoo that ranks wave vectors: crystals in, reports out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from magnetite.elements import CAN_CARRY
from magnetite.errors import MagnetiteError
from magnetite.order.trees import Trees
from magnetite.propagation.answers import describe
from magnetite.propagation.export import PREFIX
from magnetite.propagation.features import ranker_features
from magnetite.propagation.ranker import probabilities_of, scores_of
from magnetite.propagation.reports import PropagationReport, RankedVector
from magnetite.propagation.stars import Star, stars
from magnetite.zoo.fitting import fitting
from magnetite.zoo.loading import load_kind
from magnetite.zoo.model import ZooModel
from magnetite.zoo.registry import DEFAULT_RANKER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.structures import Crystal
    from magnetite.zoo.cards import Card


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCandidates:
    """A crystal, the candidates of its primitive cell and what the ranker sees of them.

    Attributes:
        crystal: in the cell that was given.
        candidates: stars; empty if no atom can carry a moment.
        features: of each, shape (n_candidates, n_features).
    """

    crystal: Crystal
    candidates: tuple[Star, ...]
    features: NDArray[np.float64]


class PropagationModel(ZooModel[PreparedCandidates, PropagationReport]):
    """Probabilities of all candidates from boosted trees."""

    family: ClassVar[str] = "propagation"

    def __init__(self, card: Card, trees: Trees, device: torch.device) -> None:
        super().__init__(card, device)
        self.trees = trees
        self.temperature = float(card.settings["temperature"])
        self.zero_share = float(card.settings["zero_share"])

    @classmethod
    def from_weights(cls, card: Card, tensors: dict[str, Tensor], device: torch.device) -> Self:
        """Build the model from its card and tensors.

        Raises:
            ZooError: card and tensors do not fit.
        """
        with fitting():
            trees = Trees(*card.settings["trees"])
            trees.load_state_dict({name.removeprefix(PREFIX): value for name, value in tensors.items()})
        return cls(card, trees.to(device), device)

    def prepare(self, crystal: Crystal) -> PreparedCandidates:
        """Find the candidates of the primitive chemical cell and describe them.

        Raises:
            StructureError: atoms coincide.
        """
        primitive = crystal.primitive[0]
        candidates = stars(primitive) if can_order(primitive) else ()
        features = ranker_features(primitive, candidates) if candidates else np.zeros((0, 0))
        return PreparedCandidates(crystal, candidates, features)

    def cost(self, prepared: PreparedCandidates) -> int:
        """Number of candidates."""
        return len(prepared.candidates)

    def predict(self, batch: Sequence[PreparedCandidates]) -> list[PropagationReport]:
        """Reports for a batch, in its order, with the share of k = 0 among measured structures."""
        return [self.report(prepared) for prepared in batch]

    def report(
        self, prepared: PreparedCandidates, zero_k_probability: float | None = None, limit: int | None = None
    ) -> PropagationReport:
        """The report of one crystal.

        Args:
            prepared: the crystal.
            zero_k_probability: of k = 0, if it is known better than by its share among measured structures.
            limit: at most so many vectors; all if None.

        Raises:
            MagnetiteError: `zero_k_probability` is no probability, or `limit` is negative.
        """
        if zero_k_probability is not None and not 0 <= zero_k_probability <= 1:
            raise MagnetiteError(f"zero_k_probability is between 0 and 1, not {zero_k_probability}")
        if limit is not None and limit < 0:
            raise MagnetiteError(f"limit is a number of vectors, not {limit}")
        zero = self.zero_share if zero_k_probability is None else zero_k_probability
        crystal = prepared.crystal
        vectors: tuple[RankedVector, ...] = ()
        if prepared.candidates:
            scores = scores_of(self.trees, prepared.features)
            probabilities = probabilities_of(scores, prepared.candidates, zero, self.temperature)
            vectors = tuple(describe(crystal, prepared.candidates, probabilities, limit))
        return PropagationReport(crystal.reduced_formula, vectors, str(self.card), crystal.source)

    def failure(self, error: str, source: str | None) -> PropagationReport:
        """The report of a crystal that could not be ranked."""
        return PropagationReport("", (), str(self.card), source, error)


def load_ranker(model: str = DEFAULT_RANKER, device: str = "auto") -> PropagationModel:
    """Load a model and check that it ranks wave vectors.

    Raises:
        ZooError: no such model, or one of another family.
        DeviceError: no such device.
    """
    return load_kind(PropagationModel, f"of wave vectors; try {DEFAULT_RANKER!r}", model, device)


def can_order(crystal: Crystal) -> bool:
    """Whether any atom can carry a moment."""
    return bool(np.array(CAN_CARRY)[crystal.numbers].any())
