"""Networks that learned apart, as one: their mean is better than either, and where they part none of them knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from magnetite.potential.batch import SpinBatch
from magnetite.potential.derivatives import Derivatives, differentiate
from magnetite.potential.network import PotentialConfig, PotentialNetwork


@dataclass(frozen=True, eq=False)
class Spread:
    """How far the members of a committee part: standard deviations between them.

    Attributes:
        energies: of crystals, in eV, (b,).
        forces: on atoms, in eV/Å; root of the variances' sum over the components, (n,).
    """

    energies: Tensor
    forces: Tensor


class Committee(nn.Module):
    """One or more networks of the same elements and cutoff; their mean energy, and so the mean of its derivatives."""

    def __init__(self, members: Sequence[PotentialNetwork]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, batch: SpinBatch) -> Tensor:
        """Energy of each atom in eV without the reference energy of its species, (n,)."""
        return torch.stack([member(batch) for member in self.networks]).mean(0)

    def consult(self, batch: SpinBatch) -> tuple[Derivatives, Spread | None]:
        """Mean energy and derivatives of a batch, and how far two or more members part."""
        said = [differentiate(member, batch) for member in self.networks]
        if len(said) == 1:
            return said[0], None
        every = {field.name: torch.stack([getattr(one, field.name) for one in said]) for field in fields(Derivatives)}
        references = torch.stack([batch.sum_over_species(member.references) for member in self.networks])
        energies = every["energies"] + references
        spread = Spread(energies.std(0), every["forces"].var(0).sum(-1).sqrt())
        return Derivatives(**{name: each.mean(0) for name, each in every.items()}), spread

    @property
    def networks(self) -> list[PotentialNetwork]:
        """The members, by their type."""
        return list(self.members)  # type: ignore[arg-type]

    @property
    def config(self) -> PotentialConfig:
        """Size, elements and units, which the members share."""
        return self.networks[0].config

    @property
    def inverse_scales(self) -> Tensor:
        """1/μB of each species; its precision is that of the networks."""
        return self.networks[0].inverse_scales

    @property
    def references(self) -> Tensor:
        """Energy of each species without moments in eV, double precision, (kinds,)."""
        return torch.stack([member.references for member in self.networks]).mean(0)

    @property
    def magnetic_scale(self) -> Tensor:
        """The data's magnetic forces over the derivative of its energies."""
        return torch.stack([member.magnetic_scale for member in self.networks]).mean(0)

    @property
    def magnetic_numbers(self) -> list[int]:
        """Atomic numbers that carry moments."""
        return self.networks[0].magnetic_numbers
