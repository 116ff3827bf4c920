"""ACSF, SOAP and MBTR by dscribe, averaged over the atoms of the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from magnetite.errors import MagnetiteError
from magnetite.representations.encoder import Encoder, Vector, positive
from magnetite.representations.kinds import Channels
from magnetite.representations.libraries import library, working_dscribe

if TYPE_CHECKING:
    from magnetite.structures import Crystal

Species = tuple[str, ...] | None


class Soap(Encoder):
    """SOAP's power spectrum of the averaged neighbour density (Bartók 2013; ``inner``) or averaged (``outer``).

    Args:
        species: elements that are kept apart; None for the kinds of `magnetite.representations.kinds.KINDS`.
        r_cut: in Å.
        n_max: radial functions.
        l_max: highest angular momentum.
        sigma: width of an atom in Å.
        average: ``inner`` or ``outer``.

    Raises:
        MagnetiteError: no such average, or dscribe is not installed.
    """

    def __init__(
        self, species: Species = None, r_cut: float = 5.0, n_max: int = 4, l_max: int = 3, sigma: float = 0.5,
        average: str = "inner",
    ) -> None:  # fmt: skip
        if average not in {"inner", "outer"}:
            raise MagnetiteError(f"average must be inner or outer, not {average!r}")
        self.channels = Channels(species)
        self.soap = library("dscribe.descriptors").SOAP(
            species=self.channels.symbols, r_cut=r_cut, n_max=n_max, l_max=l_max, sigma=sigma, average=average,
            periodic=True,
        )  # fmt: skip
        self.labels = tuple(f"soap {i}" for i in range(self.soap.get_number_of_features()))

    def encode(self, crystal: Crystal) -> Vector:
        """One power spectrum."""
        with working_dscribe():
            vector: Vector = self.soap.create(self.channels.atoms(crystal))
        return vector


class Acsf(Encoder):
    """Atom-centred symmetry functions G1, G2 and G4 (Behler 2011), averaged over the atoms of each channel.

    A channel without atoms has zeros, and its share of the atoms, which is the last number of each, is zero too.

    Args:
        species: as for `Soap`.
        r_cut: in Å.
        g2: pairs of η in Å⁻² and R_s in Å.
        g4: triples of η in Å⁻², ζ and λ; none leaves the angles out.

    Raises:
        MagnetiteError: dscribe is not installed.
    """

    def __init__(
        self,
        species: Species = None,
        r_cut: float = 4.5,
        g2: tuple[tuple[float, float], ...] = ((0.5, 0.0), (4.0, 2.0), (4.0, 2.5), (4.0, 3.0), (4.0, 3.5)),
        g4: tuple[tuple[float, float, float], ...] = ((0.05, 1, 1), (0.05, 1, -1), (0.05, 4, 1), (0.05, 4, -1)),
    ) -> None:
        self.channels = Channels(species)
        self.acsf = library("dscribe.descriptors").ACSF(
            r_cut=r_cut, g2_params=g2, g4_params=g4 or None, species=self.channels.symbols, periodic=True
        )
        size = self.acsf.get_number_of_features()
        self.labels = tuple(
            f"acsf {name} {i}" for name in self.channels.names for i in (*range(size), "share")
        )  # fmt: skip

    def encode(self, crystal: Crystal) -> Vector:
        """Means over the atoms of each channel, and its share of the atoms."""
        with working_dscribe():
            sites = self.acsf.create(self.channels.atoms(crystal))
        channel = self.channels.of(crystal)
        parts = []
        for place in range(len(self.channels)):
            chosen = sites[channel == place]
            parts += [chosen.mean(axis=0) if len(chosen) else np.zeros(sites.shape[1]), [len(chosen) / len(sites)]]
        return np.concatenate(parts)


class Mbtr(Encoder):
    """Many-body tensor representation of pairs or triples (Huo 2017), divided by the number of atoms.

    Args:
        species: as for `Soap`.
        geometry: ``inverse_distance`` (of pairs, in Å⁻¹) or ``cosine`` (of angles).
        grid: smallest and largest value.
        n: points of the grid.
        sigma: width of each contribution on the grid.
        r_cut: distance, and for angles length of the triangle's sides together, in Å, at which a contribution has
            faded to `threshold`.
        threshold: weight at which contributions are left out.

    Raises:
        MagnetiteError: no such geometry, or dscribe is not installed.
    """

    def __init__(
        self, species: Species = None, geometry: str = "inverse_distance", grid: tuple[float, float] | None = None,
        n: int = 40, sigma: float = 0.02, r_cut: float = 6.0, threshold: float = 1e-2,
    ) -> None:  # fmt: skip
        grids = {"inverse_distance": (0.1, 0.7), "cosine": (-1.0, 1.0)}
        if geometry not in grids:
            raise MagnetiteError(f"geometry must be one of {', '.join(grids)}, not {geometry!r}")
        positive(n=n, sigma=sigma, r_cut=r_cut)
        low, high = grid or grids[geometry]
        weighting: dict[str, Any] = {"function": "exp", "r_cut": r_cut, "threshold": threshold}
        self.channels = Channels(species)
        self.mbtr = library("dscribe.descriptors").MBTR(
            species=self.channels.symbols, geometry={"function": geometry},
            grid={"min": low, "max": high, "n": n, "sigma": sigma},
            weighting=weighting, periodic=True, normalization="n_atoms",
        )  # fmt: skip
        self.labels = tuple(f"mbtr {geometry} {i}" for i in range(self.mbtr.get_number_of_features()))

    def encode(self, crystal: Crystal) -> Vector:
        """The spectra of all pairs or triples of channels."""
        with working_dscribe():
            vector: Vector = self.mbtr.create(self.channels.atoms(crystal))
        return vector
