"""Magnetite in matminer: `MagneticOrderFeaturizer`."""

from magnetite_matminer.featurizer import MagneticOrderFeaturizer

__all__ = ["MagneticOrderFeaturizer"]
