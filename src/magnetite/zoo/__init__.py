"""The model zoo: validated cards, hash-checked safetensors, one cache of loaded models."""

from magnetite.zoo.cards import Card
from magnetite.zoo.registry import DEFAULT_CLASSIFIER, DEFAULT_MODEL, available, find_card

__all__ = ["DEFAULT_CLASSIFIER", "DEFAULT_MODEL", "Card", "available", "find_card"]
