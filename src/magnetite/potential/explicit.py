"""The part of the energy that is linear in its constants: pairs, embedding, exchange, Landau polynomials.

Σ_i [ ½ Σ_j V(r_ij; z_i, z_j) + Σ_kap b_kap(z_i) x_i^p ρ_k,i^(a/2) + Σ_n a_n(z_i) (x_i − x0)^n ]
− ½ Σ_ij Σ_q J_q(r_ij; z_i, x_i) φ_q(m_i, m_j), with x = |m|², ρ_k,i = Σ_j exp(−λ_k r_ij) the density that neighbours
bring (its root, embedding of metals: Finnis & Sinclair, Phil. Mag. A 50, 45, 1984; itself, repulsion of squeezed atoms:
Born & Mayer, Z. Phys. 75, 1, 1932) and φ the pair's s = m_i·m_j, s² (biquadratic) and s |m_j|². Least squares find the
constants, and they stay as found: where frames are sparse, a few functions of the right shape, held back by a ridge, go
on better than dense layers do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from magnetite.potential.spins import EXCHANGE, SPIN_FACTORS

if TYPE_CHECKING:
    from magnetite.potential.network import PotentialConfig

_FAINT = 1e-3
"""Density below which its root is smooth: an atom that leaves its last neighbour feels no jump."""


class ExplicitEnergy(nn.Module):
    """Pair, embedding, Landau and exchange energy of each atom."""

    centres: Tensor
    widths: Tensor

    def __init__(self, config: PotentialConfig, plain: int, magnetic: int) -> None:
        super().__init__()
        kinds = len(config.numbers)
        self.exchange = magnetic * EXCHANGE // SPIN_FACTORS
        self.powers, self.plain, self.embedding_powers = config.landau, plain, config.embedding_powers
        self.bends = 2 if config.embedding_powers > 1 else 1  # powers of x, the zeroth among them, that embedding knows
        self.register_buffer("centres", torch.tensor(config.centres, dtype=torch.get_default_dtype()))
        self.register_buffer("widths", torch.tensor(config.widths, dtype=torch.get_default_dtype()))
        embedded = self.bends * config.embedding_powers * len(config.embedding)
        self.terms = config.landau + 2 * self.exchange + plain + embedded
        # Solved for, not trained: the optimizer's steps know no scale, and would shake what least squares found.
        self.linear = nn.Parameter(torch.zeros(kinds, self.terms), requires_grad=False)

    def features(self, species: Tensor, sizes: Tensor, isotropic: Tensor, densities: Tensor) -> Tensor:
        """What the constants multiply, (n, terms).

        Args:
            species: (n,).
            sizes: scaled |m|², (n,).
            isotropic: l = 0 of the density of neighbours, (n, plain + magnetic).
            densities: ρ_k, not negative, (n, n_decays).
        """
        centre, width = self.centres[species], self.widths[species]
        x, origin = (sizes - centre) / width, -centre / width
        landau = torch.stack([x**n - origin**n for n in range(1, self.powers + 1)], dim=-1)
        pairs = -0.5 * isotropic[:, self.plain : self.plain + self.exchange]
        root = torch.sqrt(densities + _FAINT) - _FAINT**0.5
        embedded = torch.cat([root**power for power in range(1, self.embedding_powers + 1)], dim=-1)
        bent = [embedded, embedded * x[:, None]][: self.bends]
        return torch.cat([landau, pairs, pairs * x[:, None], 0.5 * isotropic[:, : self.plain], *bent], dim=-1)

    def forward(self, species: Tensor, sizes: Tensor, isotropic: Tensor, densities: Tensor) -> Tensor:
        """Energies in eV, (n,); arguments as those of `features`."""
        energies: Tensor = (self.features(species, sizes, isotropic, densities) * self.linear[species]).sum(-1)
        return energies
