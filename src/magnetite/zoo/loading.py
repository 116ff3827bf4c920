"""From a name to a model on a device: the hash is checked before anything is parsed."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib import import_module
from os import PathLike
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors

from magnetite.errors import ZooError
from magnetite.runtime import resolve_device
from magnetite.structures import say
from magnetite.zoo.cards import Card
from magnetite.zoo.model import ZooModel
from magnetite.zoo.registry import DEFAULT_MODEL, find_card

Kind = TypeVar("Kind", bound=ZooModel[Any, Any])

FAMILIES = {
    "order": "magnetite.order.model:OrderModel",
    "prototypes": "magnetite.prototypes.model:PrototypeModel",
    "potential": "magnetite.potential.model:PotentialModel",
    "propagation": "magnetite.propagation.model:PropagationModel",
}
"""The class behind each family of models."""


def load(name: str | PathLike[str] = DEFAULT_MODEL, device: str | torch.device = "auto") -> ZooModel[Any, Any]:
    """Load a model of the zoo; the same name on the same device is loaded once.

    Args:
        name: a model's name (see ``magnetite models``) or the path of a card.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` …

    Raises:
        ZooError: no such model, a broken card, or weights that are not what the card says.
        DeviceError: no such device.
    """
    return _load(find_card(name), resolve_device(device))


def load_kind(kind: type[Kind], wanted: str, name: str, device: str | torch.device = "auto") -> Kind:
    """Load a model and check its family.

    Args:
        kind: class of the family.
        wanted: the rest of "is a model of FAMILY, not …".
        name: as for `load`.
        device: as for `load`.

    Raises:
        ZooError: as `load`, or a model of another family.
        DeviceError: no such device.
    """
    loaded = load(name, device)
    if not isinstance(loaded, kind):
        raise ZooError(f"is a model of {loaded.card.family}, not {wanted}", name)
    return loaded


@lru_cache(maxsize=8)
def _load(card: Card, device: torch.device) -> ZooModel[Any, Any]:
    try:
        data = card.weights.read_bytes()
    except OSError as error:
        raise ZooError(f"weights cannot be read ({error})", str(card.weights)) from error
    found, digest = hashlib.sha256(data).hexdigest(), card.content["sha256"]
    if found != digest:
        raise ZooError(
            f"weights are not those of the card (sha256 {found[:12]}…, card {digest[:12]}…)", str(card.weights)
        )
    if card.family not in FAMILIES:
        raise ZooError(f"unknown model family {card.family!r}; known are {', '.join(FAMILIES)}", str(card.path))
    try:
        tensors = parse_safetensors(data)
    except SafetensorError as error:
        raise ZooError(f"weights are not safetensors ({error})", str(card.weights)) from error
    module, name = FAMILIES[card.family].split(":")
    try:
        with torch.random.fork_rng(devices=[]):  # networks are drawn before they are given their weights
            model: ZooModel[Any, Any] = getattr(import_module(module), name).from_weights(card, tensors, device)
    except ZooError as error:
        raise error.at(str(card.path)) from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = f"settings are not those of a model of {card.family} ({say(error)})"
        raise ZooError(f"model card is not valid: {reason}", str(card.path)) from error
    return model
