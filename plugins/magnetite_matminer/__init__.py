"""Magnetite in matminer: `MagneticOrderFeaturizer` and `PrototypeFeaturizer`."""

from magnetite_matminer.featurizer import MagneticOrderFeaturizer
from magnetite_matminer.prototypes import PrototypeFeaturizer

__all__ = ["MagneticOrderFeaturizer", "PrototypeFeaturizer"]
