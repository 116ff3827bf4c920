"""ACE-type invariants with e3nn: powers of each atom's neighbour density that no rotation changes, averaged.

After Drautz 2019: A_cnlm = Σ R_n(r) Y_lm(r̂) over the neighbours of channel c; of these the single (l = 0), the pairs
that couple to zero (power spectrum) and the triples that do, within one channel and radial function (bispectrum).
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
import torch
from e3nn import o3
from e3nn.math import soft_one_hot_linspace

from magnetite.cells import compact
from magnetite.errors import MagnetiteError, StructureError
from magnetite.graphs import MIN_DISTANCE, neighbours_within
from magnetite.representations.encoder import Encoder, Vector, positive
from magnetite.representations.kinds import Channels

if TYPE_CHECKING:
    from torch import Tensor

    from magnetite.structures import Crystal


class Ace(Encoder):
    """Mean over the atoms of density, power spectrum and bispectrum of their neighbours.

    An atom without neighbours within `r_cut` counts with zeros.

    Args:
        species: elements that are kept apart; None for the kinds of `magnetite.representations.kinds.KINDS`.
        r_cut: in Å.
        n_max: radial functions.
        l_max: highest angular momentum.
        order: 2 for the power spectrum alone, 3 with the bispectrum.

    Raises:
        MagnetiteError: an option has no meaning.
    """

    def __init__(
        self, species: tuple[str, ...] | None = None, r_cut: float = 5.0, n_max: int = 4, l_max: int = 3, order: int = 3
    ) -> None:
        positive(r_cut=r_cut, n_max=n_max)
        if order not in {2, 3}:
            raise MagnetiteError(f"order must be 2 or 3, not {order!r}")
        self.channels, self.r_cut, self.n_max, self.l_max = Channels(species), r_cut, n_max, l_max
        self._slices = o3.Irreps.spherical_harmonics(l_max).slices()
        triples = combinations_with_replacement(range(l_max + 1), 3) if order > 2 else ()  # noqa: PLR2004
        # Odd sums change sign under inversion; those outside the triangle do not couple.
        coupled = [t for t in triples if t[2] <= t[0] + t[1] and sum(t) % 2 == 0]
        self._couplings = {t: o3.wigner_3j(*t, dtype=torch.float64) for t in coupled}
        names = [f"{name} {n}" for name in self.channels.names for n in range(n_max)]
        self._upper = np.triu_indices(len(names))
        self.labels = (
            *(f"ace {name}" for name in names),
            *(f"ace {names[i]} {names[j]} l={m}" for m in range(l_max + 1) for i, j in zip(*self._upper, strict=True)),
            *(f"ace {name} l={a},{b},{c}" for a, b, c in self._couplings for name in names),
        )

    @torch.no_grad()
    def encode(self, crystal: Crystal) -> Vector:
        """The invariants.

        Raises:
            StructureError: two atoms coincide.
        """
        density = self._density(crystal)
        parts = [density[:, :, 0].mean(0)]
        for m, place in enumerate(self._slices):
            flat = density[:, :, place].transpose(0, 1).flatten(1)
            parts.append((flat @ flat.T)[self._upper] / (len(crystal) * (2 * m + 1) ** 0.5))
        for triple, coupling in self._couplings.items():
            first, second, third = (density[:, :, self._slices[m]] for m in triple)
            coupled = torch.tensordot(third, coupling, dims=([2], [2]))
            parts.append((coupled * first[..., :, None] * second[..., None, :]).sum(dim=(0, 2, 3)) / len(crystal))
        return torch.cat(parts).numpy()

    def _density(self, crystal: Crystal) -> Tensor:
        """A of each atom, (n_atoms, channels * n_max, (l_max + 1)²)."""
        channel = torch.from_numpy(self.channels.of(crystal))
        lattice, coords = compact(crystal.lattice, crystal.frac_coords)
        receivers, senders, images, distances = neighbours_within(lattice, coords, self.r_cut)
        itself = (receivers == senders) & ~np.rint(images).any(axis=1)
        if (distances[~itself] < MIN_DISTANCE).any():
            raise StructureError(f"has atoms closer than {MIN_DISTANCE} Å", crystal.source)
        receivers, senders, images = receivers[~itself], senders[~itself], images[~itself]
        vectors = torch.from_numpy((coords[senders] + images - coords[receivers]) @ lattice)
        radial = soft_one_hot_linspace(
            vectors.norm(dim=1), 0.0, self.r_cut, self.n_max, basis="smooth_finite", cutoff=True
        )
        angular = o3.spherical_harmonics(
            list(range(self.l_max + 1)), vectors, normalize=True, normalization="component"
        )
        sums = torch.zeros(len(crystal) * len(self.channels), self.n_max, angular.shape[1], dtype=torch.float64)
        cells = torch.from_numpy(receivers) * len(self.channels) + channel[torch.from_numpy(senders)]
        sums.index_add_(0, cells, radial[:, :, None] * angular[:, None, :])
        return sums.view(len(crystal), len(self.channels) * self.n_max, -1)
