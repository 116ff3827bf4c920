"""Densities: of pairs over the distance (matminer), and of atoms in the cell (voxels)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import MagnetiteError
from magnetite.representations.encoder import Encoder, Vector, positive
from magnetite.representations.kinds import Channels

if TYPE_CHECKING:
    from magnetite.structures import Crystal


ROUNDING = 1e-6
"""By which crystals are stretched: textbook distances lie on the edges of bins, where rounding would decide."""


class PairDistribution(Encoder):
    """Partial radial distribution functions (Schütt 2014), by matminer; zero for pairs that the crystal lacks.

    Args:
        species: elements that are kept apart; None for the kinds of `magnetite.representations.kinds.KINDS`.
        cutoff: in Å.
        bin_size: in Å.
    """

    def __init__(self, species: tuple[str, ...] | None = None, cutoff: float = 6.0, bin_size: float = 0.25) -> None:
        from matminer.featurizers.structure import PartialRadialDistributionFunction

        positive(cutoff=cutoff, bin_size=bin_size)
        self.channels = Channels(species)
        self.prdf = PartialRadialDistributionFunction(cutoff, bin_size, include_elems=self.channels.symbols).fit([])
        self.citations = tuple(self.prdf.citations())
        names = dict(zip(self.channels.symbols, self.channels.names, strict=True))
        pairs = (label.partition(" ") for label in self.prdf.feature_labels())
        self.labels = tuple("-".join(names[s] for s in pair.split("-")) + f" {rest}" for pair, _, rest in pairs)

    def encode(self, crystal: Crystal) -> Vector:
        """The functions of all pairs."""
        from pymatgen.core.structure import Structure

        symbols = [self.channels.symbols[c] for c in self.channels.of(crystal)]
        lattice = crystal.lattice * (1 + ROUNDING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that matminer calls what pymatgen will rename
            return np.asarray(self.prdf.featurize(Structure(lattice, symbols, crystal.frac_coords)))


class Voxels(Encoder):
    """Atomic numbers on a grid over the cell, smeared by a Gaussian: an image of the cell, as early studies used it.

    It changes with origin, setting and size of the cell; it is here to be compared with, not to be used.

    Args:
        grid: points along each cell vector.
        width: of the Gaussian, in points.
    """

    def __init__(self, grid: int = 8, width: float = 0.7) -> None:
        positive(grid=grid)
        if not 0 <= width < np.inf:
            raise MagnetiteError(f"width must be at least 0, not {width}")
        self.grid, self.width = grid, width
        self.labels = tuple(f"voxel {i} {j} {k}" for i, j, k in np.ndindex(grid, grid, grid))

    def encode(self, crystal: Crystal) -> Vector:
        """Smeared atomic numbers, the last cell vector running fastest."""
        from scipy.ndimage import gaussian_filter

        places = np.floor((crystal.frac_coords % 1.0) * self.grid).astype(int) % self.grid
        image = np.zeros((self.grid,) * 3)
        np.add.at(image, tuple(places.T), crystal.numbers)
        smeared: Vector = gaussian_filter(image, self.width, mode="wrap").ravel()
        return smeared
