"""What every model of the zoo is: a card, a device, and answers for batches of prepared crystals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, Self, TypeVar

import torch
from torch import Tensor

from magnetite.structures import Crystal
from magnetite.zoo.cards import Card

Prepared = TypeVar("Prepared")
Report = TypeVar("Report")


class ZooModel(ABC, Generic[Prepared, Report]):
    """A loaded model.

    Preparing (reduction, neighbour search) is separate from predicting, so that one pipeline can
    batch the latter by size for every family.
    """

    family: ClassVar[str]

    def __init__(self, card: Card, device: torch.device) -> None:
        self.card, self.device = card, device

    @classmethod
    @abstractmethod
    def from_weights(cls, card: Card, tensors: dict[str, Tensor], device: torch.device) -> Self:
        """Build the model from its card and hash-checked tensors."""

    @abstractmethod
    def prepare(self, crystal: Crystal) -> Prepared:
        """Everything that is done to one crystal before batching."""

    @abstractmethod
    def cost(self, prepared: Prepared) -> int:
        """Number of edges, by which batches are cut."""

    @abstractmethod
    def predict(self, batch: Sequence[Prepared]) -> list[Report]:
        """Reports for a batch, in its order."""

    @abstractmethod
    def failure(self, error: str, source: str | None) -> Report:
        """The report that stands in for a crystal that could not be predicted."""
