"""Magnetite's classifier at pymatgen's own place for add-ons."""

from magnetite_pymatgen.classifier import PrototypeClassifier

__all__ = ["PrototypeClassifier"]
