"""Magnetite in pymatgen: ``structure.analyze_magnetism()`` and `MagneticOrderPredictor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magnetite_pymatgen.method import disable, enable

if TYPE_CHECKING:
    from magnetite_pymatgen.predictor import MagneticOrderPredictor

__all__ = ["MagneticOrderPredictor", "disable", "enable"]


def __getattr__(name: str) -> Any:
    if name == "MagneticOrderPredictor":
        from magnetite_pymatgen.predictor import MagneticOrderPredictor

        return MagneticOrderPredictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
