"""The networks of a potential as tensors and back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from magnetite.potential.committee import Committee
from magnetite.potential.network import PotentialConfig, PotentialNetwork
from magnetite.zoo.fitting import fitting


def to_tensors(committee: Committee) -> dict[str, Tensor]:
    """Learned parameters and reference energies, on the CPU; symbols and scales follow from the settings."""
    tensors: dict[str, Tensor] = {}
    for number, member in enumerate(committee.networks):
        own = {name: value.float() for name, value in member.named_parameters()} | {"references": member.references}
        tensors |= {f"{_prefix(number)}{name}": value.detach().cpu().contiguous() for name, value in own.items()}
    return tensors


def from_tensors(
    settings: dict[str, Any], tensors: dict[str, Tensor], device: torch.device, members: int = 1
) -> Committee:
    """Build the networks in double precision, ready to predict.

    Args:
        settings: the keys of `PotentialConfig`.
        tensors: what `to_tensors` gave.
        device: where they go.
        members: how many networks there are.

    Raises:
        ZooError: settings and tensors do not fit.
    """
    with fitting():
        committee = Committee([PotentialNetwork(PotentialConfig(**settings)).double() for _ in range(members)])
        for number, member in enumerate(committee.networks):
            expected = [*dict(member.named_parameters()), "references"]
            member.load_state_dict({name: tensors[f"{_prefix(number)}{name}"] for name in expected}, strict=False)
    return committee.to(device).eval().requires_grad_(requires_grad=False)


def _prefix(number: int) -> str:
    """Of a member's tensors; the first has none, as a potential of one network."""
    return f"members.{number}." if number else ""
