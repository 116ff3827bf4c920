"""The Bayesian network: dropout is kept at prediction, and its passes are samples of the posterior.

Gal & Ghahramani 2016, Dropout as a Bayesian approximation; architecture of Leitherer 2021, Table 1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from magnetite.errors import ZooError

ROWS_AT_ONCE = {"cpu": 4_096, "cuda": 262_144}
"""Passes times samples in one matrix product: what stays in the cache, or fills the GPU."""


@dataclass(frozen=True)
class NetworkConfig:
    """Size of the network.

    Attributes:
        inputs: numbers in the descriptor.
        hidden: widths of the hidden layers (the paper's by default).
        classes: number of classes.
        dropout: share of inputs and hidden units left out in a pass, before and after every hidden layer.
        gain: the descriptor is multiplied by this: its numbers are of the order of 1/√(inputs).
    """

    inputs: int
    classes: int
    hidden: tuple[int, ...] = (256, 512, 256)
    dropout: float = 0.0317
    gain: float = 1.0

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
        widths = (config.inputs, *config.hidden)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.head = nn.Linear(widths[-1], config.classes)

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

    @torch.no_grad()
    def sample_probabilities(self, x: Tensor, passes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Mean probabilities and their uncertainty over passes with dropout.

        Every sample is seen by the same thinned networks, drawn from `seed`. So an answer repeats,
        and depends neither on the samples that happen to share its batch nor on their order.

        Args:
            x: descriptors, shape (n, inputs).
            passes: number of thinned networks T (the paper's is 1,000).
            seed: of their choice.

        Returns:
            Mean probabilities (n, classes), and the mutual information between prediction and weights in
            bits, H(mean p) − mean H(p), shape (n,) (Leitherer 2021, Supplementary Eqs. 4 and 5).
        """
        masks = [mask.to(x.device) for mask in thinned(self._widths(), self.config.dropout, passes, seed)]
        total = torch.zeros(len(x), self.config.classes, dtype=torch.float64, device=x.device)
        entropy = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        rows = ROWS_AT_ONCE[x.device.type]
        for samples in _slices(len(x), rows):
            for chosen in _slices(passes, max(1, rows // len(x[samples]))):
                log = functional.log_softmax(self._passes(x[samples], [mask[chosen] for mask in masks]), dim=-1)
                p = log.exp()
                total[samples] += p.sum(0)
                entropy[samples] -= (p * log).sum(dim=(0, 2))
        mean = total / passes
        # Never negative but for rounding (Jensen).
        information = torch.special.entr(mean).sum(1) - entropy / passes
        return mean, (information / torch.log(torch.tensor(2.0, dtype=torch.float64))).clamp(min=0.0)

    def _passes(self, x: Tensor, masks: list[Tensor]) -> Tensor:
        """Logits of samples (n, inputs) under masks (t, width): (t, n, classes)."""
        x = (x * self.config.gain)[None] * masks[0][:, None]
        for layer, mask in zip(self.hidden, masks[1:], strict=True):
            x = functional.relu(layer(x)) * mask[:, None]
        logits: Tensor = self.head(x)
        return logits

    def _widths(self) -> tuple[int, ...]:
        return (self.config.inputs, *self.config.hidden)


@lru_cache(maxsize=4)
def thinned(widths: tuple[int, ...], rate: float, passes: int, seed: int) -> tuple[Tensor, ...]:
    """Which units each pass keeps, scaled to leave means unchanged: (passes, width) for each layer.

    The first passes of a longer series are those of a shorter one.
    """
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand(passes, sum(widths), generator=generator)
    kept = (draws >= rate).float() / (1 - rate)
    return torch.split(kept, list(widths), dim=1)


def _slices(total: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, total, step)]


def to_tensors(network: PrototypeNetwork) -> dict[str, Tensor]:
    """The weights, on the CPU."""
    return {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}


def from_tensors(settings: dict[str, Any], tensors: dict[str, Tensor], device: torch.device) -> PrototypeNetwork:
    """Build the network, ready to predict.

    Raises:
        ZooError: settings and tensors do not fit.
    """
    try:
        network = PrototypeNetwork(NetworkConfig.from_settings(settings))
        network.load_state_dict({name: tensors[name] for name in network.state_dict()})
    except (KeyError, TypeError, RuntimeError) as error:
        raise ZooError(f"weights and settings of the model do not fit ({error})") from error
    return network.to(device).eval().requires_grad_(requires_grad=False)
