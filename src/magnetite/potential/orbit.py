"""Spin–orbit coupling: invariants under rotating crystal and moments together, even in the moments.

Moments are axial vectors (1e). Each invariant is bilinear in them: the anisotropy of one site (m ⊗ m with the shape of
its surroundings), the anisotropic exchange of a pair, and the antisymmetric one (Moriya, Phys. Rev. 120, 91, 1960).
"""

from __future__ import annotations

import torch
from e3nn import o3
from torch import Tensor, nn

_VECTORS, _QUADRUPOLES = slice(1, 4), slice(4, 9)
"""Components of l = 1 and l = 2 in a row of spherical tensors."""


class SpinOrbit(nn.Module):
    """Invariants that tie moments to the lattice."""

    quadrupole: Tensor
    cross: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("quadrupole", o3.wigner_3j(2, 1, 1))
        self.register_buffer("cross", o3.wigner_3j(1, 1, 1))

    def forward(self, moments: Tensor, surroundings: Tensor, spins: Tensor) -> Tensor:
        """Invariants of each atom, (n, 3 · channels).

        Args:
            moments: scaled, (n, 3).
            surroundings: spherical tensors of the neighbours, (n, channels, at least 9).
            spins: the same times the neighbours' moments, (n, channels, at least 9, 3).
        """
        own = torch.einsum("mab,na,nb->nm", self.quadrupole, moments, moments)
        site = (surroundings[..., _QUADRUPOLES] * own[:, None]).sum(-1)
        pair = torch.einsum("mab,ncma,nb->nc", self.quadrupole, spins[..., _QUADRUPOLES, :], moments)
        # The surroundings' polar shape × the bond is axial, as is m_i × m_j.
        axial = torch.einsum("uvw,ncu,ncva->ncaw", self.cross, surroundings[..., _VECTORS], spins[..., _VECTORS, :])
        moriya = torch.einsum("baw,nb,ncaw->nc", self.cross, moments, axial)
        return torch.cat([site, pair, moriya], dim=1)
