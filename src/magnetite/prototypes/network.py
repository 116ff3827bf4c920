"""One network from descriptor to structure class; architecture of Leitherer 2021, Table 1."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class NetworkConfig:
    """Size of the network.

    Attributes:
        inputs: numbers in the descriptor.
        hidden: widths of the hidden layers (the paper's by default).
        classes: number of classes.
        dropout: share of inputs and hidden units left out in a pass, before and after every hidden layer.
        gain: the descriptor is multiplied by this: its numbers are of the order of 1/√(inputs).
        members: networks of the ensemble, alike but for their first weights and the order of their rows.
    """

    inputs: int
    classes: int
    hidden: tuple[int, ...] = (256, 512, 256)
    dropout: float = 0.0317
    gain: float = 1.0
    members: int = 1

    @property
    def widths(self) -> tuple[int, ...]:
        """Units before each layer, the inputs first."""
        return (self.inputs, *self.hidden)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Self:
        """From the settings of a card."""
        return cls(**{**settings, "hidden": tuple(settings["hidden"])})

    def as_dict(self) -> dict[str, Any]:
        """For the settings of a card."""
        return {**asdict(self), "hidden": list(self.hidden)}


class PrototypeNetwork(nn.Module):
    """Logits of the structure classes from the descriptor."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(config.widths))
        self.head = nn.Linear(config.widths[-1], config.classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of one pass, with fresh dropout in training and none otherwise.

        Args:
            x: descriptors, shape (n, inputs).

        Returns:
            Shape (n, classes).
        """
        rate, training = self.config.dropout, self.training
        x = functional.dropout(x * self.config.gain, rate, training)
        for layer in self.hidden:
            x = functional.dropout(functional.relu(layer(x)), rate, training)
        logits: Tensor = self.head(x)
        return logits

    @torch.no_grad()
    def activations(self, x: Tensor) -> list[Tensor]:
        """What every hidden layer makes of descriptors (n, inputs) without dropout: (n, width) each."""
        x = x * self.config.gain
        found = []
        for layer in self.hidden:
            x = functional.relu(layer(x))
            found.append(x)
        return found

    def passes(self, x: Tensor, masks: list[Tensor]) -> Tensor:
        """Logits of samples (n, inputs) when units are masked, (t, width) before each layer: (t, n, classes)."""
        x = (x * self.config.gain)[None] * masks[0][:, None]
        for layer, mask in zip(self.hidden, masks[1:], strict=True):
            x = functional.relu(layer(x)) * mask[:, None]
        logits: Tensor = self.head(x)
        return logits
