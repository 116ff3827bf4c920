"""The network as tensors and back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from magnetite.errors import ZooError
from magnetite.potential.network import PotentialConfig, PotentialNetwork


def to_tensors(network: PotentialNetwork) -> dict[str, Tensor]:
    """Learned parameters and reference energies, on the CPU; symbols and scales follow from the settings."""
    tensors: dict[str, Tensor] = {name: value.float() for name, value in network.named_parameters()}
    tensors["references"] = network.references
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def from_tensors(settings: dict[str, Any], tensors: dict[str, Tensor], device: torch.device) -> PotentialNetwork:
    """Build the network in double precision, ready to predict.

    Args:
        settings: the keys of `PotentialConfig`.
        tensors: what `to_tensors` gave.
        device: where it goes.

    Raises:
        ZooError: settings and tensors do not fit.
    """
    try:
        network = PotentialNetwork(PotentialConfig(**settings)).double()
        expected = to_tensors(network)
        network.load_state_dict({name: tensors[name] for name in expected}, strict=False)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ZooError(f"weights and settings of the potential do not fit ({error})") from error
    return network.to(device).eval().requires_grad_(requires_grad=False)
