"""The catalogue of representations: compositions, crystals and graphs as vectors of fixed length, side by side."""

from magnetite.representations.calling import represent, represent_many
from magnetite.representations.crystal_graph import CrystalGraph, crystal_graph
from magnetite.representations.registry import Representation, find, list_representations

__all__ = [
    "CrystalGraph",
    "Representation",
    "crystal_graph",
    "find",
    "list_representations",
    "represent",
    "represent_many",
]
