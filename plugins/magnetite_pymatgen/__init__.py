"""Magnetite in pymatgen: ``structure.analyze_magnetism()``, `MagneticOrderPredictor` and `PrototypeClassifier`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from magnetite_pymatgen.method import disable, enable

if TYPE_CHECKING:
    from magnetite_pymatgen.classifier import PrototypeClassifier
    from magnetite_pymatgen.predictor import MagneticOrderPredictor

__all__ = ["MagneticOrderPredictor", "PrototypeClassifier", "disable", "enable"]

_HOMES = {
    "MagneticOrderPredictor": "magnetite_pymatgen.predictor",
    "PrototypeClassifier": "magnetite_pymatgen.classifier",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
