"""Propagation vectors of magnetic order: candidates by symmetry, and how probable each is."""

from magnetite.propagation.ranking import rank_wave_vectors
from magnetite.propagation.reports import RankedVector

__all__ = ["RankedVector", "rank_wave_vectors"]
