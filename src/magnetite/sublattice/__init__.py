"""What the magnetic sublattice of a crystal looks like, in numbers."""

from magnetite.sublattice.features import GEOMETRY_NAMES, magnetic_geometry

__all__ = ["GEOMETRY_NAMES", "magnetic_geometry"]
