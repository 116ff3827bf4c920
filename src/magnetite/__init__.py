"""Magnetite: a crystal's magnetism from its atomic coordinates, inside pymatgen, matminer and ASE.

>>> import magnetite
>>> print(magnetite.analyze_magnetism("NiO.cif"))  # doctest: +SKIP

Importing the package puts ``analyze_magnetism()`` on pymatgen's structures; `disable` takes it
off again. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from magnetite.api import analyze_magnetism, analyze_many, classify_many, classify_structure, load
    from magnetite.errors import MagnetiteError
    from magnetite.orderings import MagneticOrder, propose_orders
    from magnetite.propagation import RankedVector, rank_wave_vectors
    from magnetite.prototypes.maps import PatternMap
    from magnetite.prototypes.matching import match_patterns
    from magnetite.prototypes.reports import PrototypeReport
    from magnetite.reports import MagnetismReport
    from magnetite.representations import list_representations, represent, represent_many
    from magnetite.sources import read_structures

from magnetite_pymatgen import disable, enable

__version__ = "0.1.0"
__all__ = [
    "MagneticOrder",
    "MagnetismReport",
    "MagnetiteError",
    "PatternMap",
    "PrototypeReport",
    "RankedVector",
    "analyze_magnetism",
    "analyze_many",
    "classify_many",
    "classify_structure",
    "disable",
    "enable",
    "list_representations",
    "load",
    "match_patterns",
    "propose_orders",
    "rank_wave_vectors",
    "read_structures",
    "represent",
    "represent_many",
]

_HOMES = {
    "MagneticOrder": "magnetite.orderings.order",
    "MagnetismReport": "magnetite.reports",
    "MagnetiteError": "magnetite.errors",
    "PatternMap": "magnetite.prototypes.maps",
    "PrototypeReport": "magnetite.prototypes.reports",
    "RankedVector": "magnetite.propagation",
    "analyze_magnetism": "magnetite.api",
    "analyze_many": "magnetite.api",
    "classify_many": "magnetite.api",
    "classify_structure": "magnetite.api",
    "list_representations": "magnetite.representations",
    "load": "magnetite.api",
    "match_patterns": "magnetite.prototypes.matching",
    "propose_orders": "magnetite.orderings.proposing",
    "rank_wave_vectors": "magnetite.propagation",
    "read_structures": "magnetite.sources",
    "represent": "magnetite.representations",
    "represent_many": "magnetite.representations",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


enable()
