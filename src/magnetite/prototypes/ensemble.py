"""The Bayesian network: an ensemble whose dropout is kept at prediction, its passes samples of the posterior.

`magnetite.dropout`; Lakshminarayanan 2017, deep ensembles.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from magnetite.dropout import mutual_information, thinned
from magnetite.prototypes.network import NetworkConfig, PrototypeNetwork
from magnetite.zoo.fitting import fitting

ROWS_AT_ONCE = {"cpu": 4_096, "cuda": 262_144}
"""Passes times samples in one matrix product: what stays in the cache, or fills the GPU."""


class Ensemble(nn.Module):
    """Networks that were trained apart and answer together.

    Args:
        config: size and number of the networks.
        members: the networks; new ones if None.
    """

    def __init__(self, config: NetworkConfig, members: list[PrototypeNetwork] | None = None) -> None:
        super().__init__()
        self.config = config
        self.members = nn.ModuleList(members or (PrototypeNetwork(config) for _ in range(config.members)))

    def forward(self, x: Tensor) -> Tensor:
        """Logarithm of the mean probabilities; x descriptors, (n, inputs) → (n, classes)."""
        each = torch.stack([functional.log_softmax(member(x), dim=-1) for member in self._networks()])
        return torch.logsumexp(each, dim=0) - torch.log(torch.tensor(float(len(each))))

    def activations(self, x: Tensor) -> list[Tensor]:
        """What every hidden layer of the first member makes of descriptors (n, inputs): (n, width) each.

        Units of different members have no common meaning, so that one network is looked at.
        """
        return self._networks()[0].activations(x)

    @torch.no_grad()
    def sample_probabilities(self, x: Tensor, passes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
        """Mean probabilities and their uncertainty over passes with dropout, shared out among members and views.

        Args:
            x: descriptors, shape (n, inputs), or of several views of the samples, (n_views, n, inputs).
            passes: number of thinned networks T (the paper's is 1,000); the members take turns, and so do the views.
            seed: of their choice.

        Returns:
            Mean probabilities (n, classes), and the mutual information between prediction and weights (and
            view, if there are several) in bits, shape (n,).
        """
        views = x[None] if x.ndim == 2 else x  # noqa: PLR2004
        masks = [mask.to(x.device) for mask in thinned(self.config.widths, self.config.dropout, passes, seed)]
        total = torch.zeros(views.shape[1], self.config.classes, dtype=torch.float64, device=x.device)
        entropy = torch.zeros(views.shape[1], dtype=torch.float64, device=x.device)
        rows = ROWS_AT_ONCE[x.device.type]
        askers = list(product(views, self._networks()))
        for place, (view, member) in enumerate(askers):
            own = [mask[place :: len(askers)] for mask in masks]
            for samples in _slices(len(view), rows):
                for chosen in _slices(len(own[0]), max(1, rows // len(view[samples]))):
                    log = functional.log_softmax(member.passes(view[samples], [mask[chosen] for mask in own]), dim=-1)
                    p = log.exp()
                    total[samples] += p.sum(0)
                    entropy[samples] -= (p * log).sum(dim=(0, 2))
        mean = total / passes
        return mean, mutual_information(mean, entropy / passes)

    def _networks(self) -> list[PrototypeNetwork]:
        return list(self.members)  # type: ignore[arg-type]


def _slices(total: int, step: int) -> list[slice]:
    return [slice(start, start + step) for start in range(0, total, step)]


def to_tensors(network: Ensemble) -> dict[str, Tensor]:
    """The weights, on the CPU and in half precision, which changes probabilities by less than the passes do."""
    return {name: value.detach().cpu().half().contiguous() for name, value in network.state_dict().items()}


def from_tensors(settings: dict[str, Any], tensors: dict[str, Tensor], device: torch.device) -> Ensemble:
    """Build the ensemble, ready to predict.

    Raises:
        ZooError: settings and tensors do not fit.
    """
    with fitting():
        network = Ensemble(NetworkConfig.from_settings(settings))
        network.load_state_dict({name: tensors[name] for name in network.state_dict()})
    return network.to(device).eval().requires_grad_(requires_grad=False)
