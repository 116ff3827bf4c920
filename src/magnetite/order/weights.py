"""The network as tensors and back, without the constants that e3nn generates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from magnetite.order.config import NetworkConfig
from magnetite.order.network import MagnetismNetwork
from magnetite.zoo.fitting import fitting

TABLES = ("body.properties", "trees.", "relatives.", "site_moments.")
"""Parts of the names of buffers that travel with the weights; all others are generated."""


def to_tensors(network: MagnetismNetwork) -> dict[str, Tensor]:
    """Learned parameters, the element table, the trees and the votes of relatives, on the CPU."""
    tensors: dict[str, Tensor] = {name: value for name, value in network.named_parameters() if value.numel()}
    tensors |= {name: value for name, value in network.named_buffers() if any(table in name for table in TABLES)}
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def from_tensors(size: dict[str, Any], tensors: dict[str, Tensor], device: torch.device) -> MagnetismNetwork:
    """Build the network, ready to predict.

    Args:
        size: the keys of `NetworkConfig`.
        tensors: what `to_tensors` gave; others are ignored.
        device: where it goes.

    Raises:
        ZooError: size and tensors do not fit.
    """
    with fitting():
        network = MagnetismNetwork(NetworkConfig(**size))
        expected = to_tensors(network)
        network.load_state_dict({name: tensors[name] for name in expected}, strict=False)
    return network.to(device).eval().requires_grad_(requires_grad=False)
