"""The network: energies of atoms from positions and moments, with the symmetry built in.

Without spin–orbit coupling moments enter only as |m|², m_i·m_j and contractions over the spin axis, so that turning
all spins, or reversing them, changes nothing; with it they also enter as axial vectors, through `SpinOrbit`. Everything
is a polynomial in their components near m = 0, hence smooth there. Sums over neighbours follow the atomic cluster
expansion (Drautz, Phys. Rev. B 99, 014104, 2019; 102, 024104, 2020), the second layer passes messages (Batatia,
MACE, 2022).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from magnetite.errors import DataError
from magnetite.potential.batch import SpinBatch
from magnetite.potential.coupling import Harmonics, Mix, Power, SelfProduct, blocks
from magnetite.potential.explicit import ExplicitEnergy
from magnetite.potential.orbit import SpinOrbit
from magnetite.potential.radial import Densities, RadialBasis
from magnetite.potential.spins import SPIN_FACTORS, bounded, spin_factors
from magnetite.potential.standard import Standard
from magnetite.vacuum import VACUUM

_SPIN_CHANNELS = 8
_MIXED_SPECIES = 4
"""More species than this share as many learned kinds of neighbour."""


@dataclass(frozen=True)
class PotentialConfig:
    """Size and units of a potential.

    Attributes:
        numbers: atomic numbers it knows.
        scales: unit of |m| in μB of each of them; 0 for those that carry no moment.
        centres, widths: mean and width of (|m|/scale)² in the data, the origin and unit of the Landau polynomial.
        cutoff: in Å; no longer than the vacuum beside layers, across which nothing may act.
        radial: functions of distance.
        channels: of spherical tensors.
        degree: largest l.
        hidden: width of the dense layers.
        landau: highest power of |m|² in the energy of a lone moment.
        embedding: decays in 1/Å of the densities whose roots the explicit part knows.
        embedding_powers: highest power of these roots; beyond one, all of them also times |m|².
        spin_orbit: couple moments to the lattice.
        energy_scale: unit of what the dense layers give before data sets it, in eV.
    """

    numbers: tuple[int, ...]
    scales: tuple[float, ...]
    centres: tuple[float, ...]
    widths: tuple[float, ...]
    cutoff: float = 5.0
    radial: int = 8
    channels: int = 24
    degree: int = 2
    hidden: int = 64
    landau: int = 4
    spin_orbit: bool = False
    energy_scale: float = 0.3
    embedding: tuple[float, ...] = ()
    embedding_powers: int = 1

    def __post_init__(self) -> None:
        for name in ("numbers", "scales", "centres", "widths", "embedding"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # JSON has no tuples
        if not 0 < self.cutoff <= VACUUM:
            raise DataError(f"a cutoff lies between 0 and {VACUUM:g} Å, not at {self.cutoff}")

    @property
    def places(self) -> dict[int, int]:
        """Where each atomic number stands."""
        return {number: place for place, number in enumerate(self.numbers)}

    def as_dict(self) -> dict[str, Any]:
        """For the model card."""
        return asdict(self)


class PotentialNetwork(nn.Module):
    """Energies of atoms in eV."""

    inverse_scales: Tensor
    references: Tensor

    def __init__(self, config: PotentialConfig) -> None:
        super().__init__()
        self.config = config
        kinds, channels, lmax = len(config.numbers), config.channels, config.degree
        inverse = torch.tensor([1 / s if s else 0.0 for s in config.scales], dtype=torch.float64)
        self.register_buffer("inverse_scales", inverse.to(torch.get_default_dtype()))
        # Energy of a species without moments, in eV, in double precision: it is large and sums over atoms.
        self.register_buffer("references", torch.zeros(kinds, dtype=torch.float64))
        # The data's magnetic forces over the derivative of its energies; 1 unless they were computed otherwise.
        self.magnetic_scale = nn.Parameter(torch.ones(()), requires_grad=False)
        mixed = min(kinds, _MIXED_SPECIES)
        start = torch.eye(kinds) if kinds == mixed else torch.randn(kinds, mixed) / mixed**0.5
        self.senders = nn.Parameter(start)
        self.spin_senders = nn.Parameter(torch.ones(kinds, 1))
        self.radial = RadialBasis(config.radial, config.cutoff)
        first = config.radial * (mixed + SPIN_FACTORS)
        self.plain = config.radial * mixed
        self.densities = Densities(config.embedding, config.cutoff)
        self.explicit = ExplicitEnergy(config, self.plain, config.radial * SPIN_FACTORS)
        self.receivers = nn.Embedding(kinds, channels)
        self.left, self.right = (Mix([first] * (lmax + 1), channels) for _ in range(2))
        self.harmonics, self.product = Harmonics(lmax), SelfProduct(lmax)
        self.contract, self.power = Power(lmax, 0.5), Power(lmax, 1.0)
        self.gather = Mix([count * channels for count in self.product.counts], channels)
        self.spin_mix = Mix([config.radial] * (lmax + 1), _SPIN_CHANNELS)
        self.orbit = SpinOrbit() if config.spin_orbit else None
        invariants = 2 * channels * (lmax + 1) + _SPIN_CHANNELS * (lmax + 1) + 3
        invariants += 3 * _SPIN_CHANNELS if config.spin_orbit else 0
        self.standard = Standard(kinds, invariants)
        # Unit of what dense layers give, in eV; what least squares leave over decides it.
        self.scale = nn.Parameter(torch.tensor(config.energy_scale), requires_grad=False)
        self.first = _dense(invariants + channels, config.hidden, channels + 1)
        self.radial_again = nn.Linear(config.radial, 2 * channels, bias=False)
        self.again = Mix([3 * channels] * (lmax + 1), channels)
        self.gather_again = Mix([count * channels for count in self.product.counts], channels)
        self.standard_again = Standard(kinds, 2 * channels * (lmax + 1))
        self.second = _dense(2 * channels * (lmax + 1) + 2 * channels, config.hidden, 1)

    def forward(self, batch: SpinBatch) -> Tensor:
        """Energy of each atom in eV without the reference energy of its species, (n,)."""
        lmax, n = self.config.degree, len(batch.species)
        lengths = batch.vectors.norm(dim=-1)
        spins, sizes, factors, basis, both, magnetic, wall = self._pairs(batch, lengths)
        shapes = self.harmonics(batch.vectors / lengths[..., None])
        density = both.transpose(1, 2) @ shapes  # (n, first, (lmax + 1)²)
        explicit = self.explicit(batch.species, sizes, density[..., 0], self.densities(lengths, batch.present))

        parts = [density[..., part] for part in blocks(lmax)]
        left, right = self.left(parts), self.right(parts)
        kind = self.receivers(batch.species)
        left = left * (1 + kind[..., None])
        coupled = self.gather(self.product(left, right)) / 2
        field = magnetic.transpose(1, 2) @ (shapes[..., None] * spins[batch.neighbours][..., None, :]).flatten(2)
        field = field.view(n, self.config.radial, -1, 3)
        swirl = self.spin_mix([field[:, :, part].flatten(2) for part in blocks(lmax)]).unflatten(2, (-1, 3))
        powers = self.power(swirl.square().sum(-1))
        own = torch.stack([sizes, sizes**2, sizes**3], dim=-1)
        invariants = [self.contract(left * right), self.contract(coupled * left), powers, own]
        if self.orbit is not None:
            invariants.append(self.orbit(spins, left[:, :_SPIN_CHANNELS], swirl))
        told = self.standard(torch.cat(invariants, dim=-1), batch.species)
        hidden = self.first(torch.cat([told, kind], dim=-1))
        energy, state = hidden[:, 0], hidden[:, 1:]

        weights = self.radial_again(basis)
        told = state[batch.neighbours]
        plain, turned = weights.chunk(2, dim=-1)
        message = torch.cat([plain * told, turned * told * factors[..., :1]], dim=-1).transpose(1, 2) @ shapes
        again = self.again([torch.cat([message[..., part], left[..., part]], dim=1) for part in blocks(lmax)])
        coupled = self.gather_again(self.product(again, right)) / 2
        invariants = [self.contract(again * left), self.contract(coupled * again)]
        told = self.standard_again(torch.cat(invariants, dim=-1), batch.species)
        energy = energy + self.second(torch.cat([told, state, kind], dim=-1))[:, 0]
        total: Tensor = explicit + self.scale * energy + wall
        return total

    def _pairs(self, batch: SpinBatch, lengths: Tensor) -> tuple[Tensor, ...]:
        """Scaled moments, their squares, spin factors, radial functions, products of these, the spins' part, a wall."""
        spins, sizes, wall = bounded(batch.moments * self.inverse_scales[batch.species][:, None])
        basis = self.radial(lengths) * batch.present[..., None]
        factors = spin_factors(spins, sizes, batch.neighbours)
        who = batch.species[batch.neighbours]
        plain = (basis[..., None, :] * self.senders[who][..., None]).flatten(2)
        magnetic = basis * self.spin_senders[who]
        both = torch.cat([plain, (magnetic[..., None, :] * factors[..., None]).flatten(2)], dim=-1)
        return spins, sizes, factors, basis, both, magnetic, wall

    def linear_features(self, batch: SpinBatch) -> Tensor:
        """What the constants of the explicit part multiply, (n, terms)."""
        lengths = batch.vectors.norm(dim=-1)
        _, sizes, _, _, both, _, _ = self._pairs(batch, lengths)
        return self.explicit.features(batch.species, sizes, both.sum(1), self.densities(lengths, batch.present))

    def fix_descriptors(self) -> None:
        """Train only what stands behind the invariants."""
        parts = (
            self.left, self.right, self.gather, self.spin_mix, self.receivers, self.radial_again, self.again,
            self.gather_again,
        )  # fmt: skip
        for part in parts:
            part.requires_grad_(requires_grad=False)
        self.senders.requires_grad_(False)  # noqa: FBT003 (takes no keyword)
        self.spin_senders.requires_grad_(False)  # noqa: FBT003

    @property
    def magnetic_numbers(self) -> list[int]:
        """Atomic numbers that carry moments."""
        return [z for z, scale in zip(self.config.numbers, self.config.scales, strict=True) if scale]


def _dense(size: int, hidden: int, out: int) -> nn.Sequential:
    last = nn.Linear(hidden, out)
    nn.init.zeros_(last.bias)
    with torch.no_grad():
        last.weight[0] = 0  # the energy starts with what least squares found
    return nn.Sequential(nn.Linear(size, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), last)
