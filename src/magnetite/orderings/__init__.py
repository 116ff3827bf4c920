"""Magnetic orders to start a calculation from: which sites point up and down, in which cell, most probable first."""

from magnetite.orderings.order import MagneticOrder
from magnetite.orderings.proposing import propose_orders

__all__ = ["MagneticOrder", "propose_orders"]
