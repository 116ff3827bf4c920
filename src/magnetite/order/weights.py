"""The network as tensors and back, without the constants that e3nn generates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from magnetite.errors import ZooError
from magnetite.order.network import MagnetismNetwork, NetworkConfig

PROPERTIES = "body.properties"
"""The element table travels with the weights; all other buffers are generated."""


def to_tensors(network: MagnetismNetwork) -> dict[str, Tensor]:
    """Learned parameters and the element table, on the CPU."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.named_parameters() if value.numel()}
    return tensors | {PROPERTIES: network.body.properties.detach().cpu().contiguous()}


def from_tensors(size: dict[str, Any], tensors: dict[str, Tensor], device: torch.device) -> MagnetismNetwork:
    """Build the network, ready to predict.

    Args:
        size: the keys of `NetworkConfig`.
        tensors: what `to_tensors` gave; others are ignored.
        device: where it goes.

    Raises:
        ZooError: size and tensors do not fit.
    """
    try:
        network = MagnetismNetwork(NetworkConfig(**size))
        expected = to_tensors(network)
        network.load_state_dict({name: tensors[name] for name in expected}, strict=False)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ZooError(f"weights and settings of the model do not fit ({error})") from error
    return network.to(device).eval().requires_grad_(requires_grad=False)
