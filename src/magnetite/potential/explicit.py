"""The part of the energy that is linear in its constants: pairs, embedding, angles, exchange, Landau polynomials.

Σ_i [ ½ Σ_j V(r_ij; z_i, z_j) + Σ_k b_k(z_i) √ρ_k,i + Σ_nn'lp c_nn'lp(z_i) x_i^p p_nn'l,i + Σ_n a_n(z_i) (x_i − x0)^n ]
− ½ Σ_ij Σ_q J_q(r_ij; z_i, x_i) φ_q(m_i, m_j), with x = |m|², ρ_k,i = Σ_j exp(−λ_k r_ij) the density that neighbours
bring (embedding of metals: Finnis & Sinclair, Phil. Mag. A 50, 45, 1984), p the power spectrum of all neighbours
(Bartók, Kondor & Csányi, Phys. Rev. B 87, 184115, 2013; an energy linear in it: Drautz, Phys. Rev. B 99, 014104, 2019)
and φ the pair's s = m_i·m_j, s² (biquadratic) and s |m_j|². Least squares find the constants, and they stay as found:
where frames are sparse, polynomials held back by a ridge go on better than dense layers do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from magnetite.potential.coupling import blocks
from magnetite.potential.spins import EXCHANGE, SPIN_FACTORS

if TYPE_CHECKING:
    from magnetite.potential.network import PotentialConfig

_FAINT = 1e-3
"""Density below which its root is smooth: an atom that leaves its last neighbour feels no jump."""


class ExplicitEnergy(nn.Module):
    """Pair, embedding, angular, Landau and exchange energy of each atom."""

    centres: Tensor
    widths: Tensor
    pairs: Tensor

    def __init__(self, config: PotentialConfig, plain: int, magnetic: int) -> None:
        super().__init__()
        kinds = len(config.numbers)
        self.exchange = magnetic * EXCHANGE // SPIN_FACTORS
        self.powers, self.plain = config.landau, plain
        self.radial, self.angular, self.degree = config.radial, config.angular, config.degree
        self.register_buffer("centres", torch.tensor(config.centres, dtype=torch.get_default_dtype()))
        self.register_buffer("widths", torch.tensor(config.widths, dtype=torch.get_default_dtype()))
        self.register_buffer("pairs", torch.triu_indices(config.radial, config.radial), persistent=False)
        spectrum = self.pairs.shape[1] * (config.degree + 1)
        self.plain_terms = config.landau + 2 * self.exchange + plain + len(config.embedding)
        self.terms = self.plain_terms + config.angular * spectrum
        # Solved for, not trained: the optimizer's steps know no scale, and would shake what least squares found.
        self.linear = nn.Parameter(torch.zeros(kinds, self.terms), requires_grad=False)

    def features(self, species: Tensor, sizes: Tensor, density: Tensor, densities: Tensor) -> Tensor:
        """What the constants multiply, (n, terms); angles come last, after `plain_terms`.

        Args:
            species: (n,).
            sizes: scaled |m|², (n,).
            density: of neighbours, (n, plain + magnetic, (degree + 1)²).
            densities: ρ_k, not negative, (n, n_decays).
        """
        centre, width = self.centres[species], self.widths[species]
        x, origin = (sizes - centre) / width, -centre / width
        landau = torch.stack([x**n - origin**n for n in range(1, self.powers + 1)], dim=-1)
        isotropic = density[..., 0]
        pairs = -0.5 * isotropic[:, self.plain : self.plain + self.exchange]
        embedded = torch.sqrt(densities + _FAINT) - _FAINT**0.5
        parts = [landau, pairs, pairs * x[:, None], 0.5 * isotropic[:, : self.plain], embedded]
        if self.angular:
            spectrum = self._spectrum(density)
            parts += [spectrum * x[:, None] ** power for power in range(self.angular)]
        return torch.cat(parts, dim=-1)

    def _spectrum(self, density: Tensor) -> Tensor:
        """Power spectrum of all neighbours, whatever their element, (n, pairs · (degree + 1))."""
        everyone = density[:, : self.plain].reshape(len(density), -1, self.radial, density.shape[-1]).sum(1)
        one, other = self.pairs
        products = everyone[:, one] * everyone[:, other]
        return torch.cat([products[..., part].mean(-1) for part in blocks(self.degree)], dim=-1)

    def forward(self, species: Tensor, sizes: Tensor, density: Tensor, densities: Tensor) -> Tensor:
        """Energies in eV, (n,); arguments as those of `features`."""
        energies: Tensor = (self.features(species, sizes, density, densities) * self.linear[species]).sum(-1)
        return energies
