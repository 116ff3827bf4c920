"""What every model of the zoo is: a card, a device, and answers for batches of prepared crystals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor

from magnetite.runtime import EDGES_PER_BATCH
from magnetite.structures import as_crystal
from magnetite.zoo.cards import Card

Prepared = TypeVar("Prepared")
Report = TypeVar("Report")


class ZooModel(ABC, Generic[Prepared, Report]):
    """A loaded model.

    Preparing (reduction, neighbour search) is separate from predicting, so that one pipeline can
    batch the latter by size for every family.

    Attributes:
        family: the kind of model, as its card says.
        edges_per_batch: for each type of device.
    """

    family: ClassVar[str]
    edges_per_batch: ClassVar[Mapping[str, int]] = EDGES_PER_BATCH

    def __init__(self, card: Card, device: torch.device) -> None:
        self.card, self.device = card, device

    @classmethod
    @abstractmethod
    def from_weights(cls, card: Card, tensors: dict[str, Tensor], device: torch.device) -> Self:
        """Build the model from its card and hash-checked tensors."""

    def take(self, structure: Any) -> Any:
        """The door in: what the user holds as what `prepare` works on, here a crystal.

        Raises:
            StructureError: it cannot be used.
        """
        return as_crystal(structure)

    @abstractmethod
    def prepare(self, crystal: Any) -> Prepared:
        """Everything that is done to one crystal, as `take` gives it, before batching."""

    @abstractmethod
    def cost(self, prepared: Prepared) -> int:
        """Number of edges, by which batches are cut."""

    @abstractmethod
    def predict(self, batch: Sequence[Prepared]) -> list[Report]:
        """Reports for a batch, in its order."""

    @abstractmethod
    def failure(self, error: str, source: str | None) -> Report:
        """The report that stands in for a crystal that could not be predicted."""
