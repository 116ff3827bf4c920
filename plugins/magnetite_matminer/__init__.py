"""Magnetite in matminer: `MagneticOrderFeaturizer`, `PrototypeFeaturizer` and `RepresentationFeaturizer`."""

from magnetite_matminer.featurizer import MagneticOrderFeaturizer
from magnetite_matminer.prototypes import PrototypeFeaturizer
from magnetite_matminer.representations import RepresentationFeaturizer

__all__ = ["MagneticOrderFeaturizer", "PrototypeFeaturizer", "RepresentationFeaturizer"]
