"""Magnetite's predictor at pymatgen's own place for add-ons."""

from magnetite_pymatgen.predictor import MagneticOrderPredictor

__all__ = ["MagneticOrderPredictor"]
