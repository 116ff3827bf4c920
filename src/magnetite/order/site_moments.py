"""|m| of each atom: from what the body makes of it, its coordination and what the crystal is made of.

The body is trained on the order and on |m| together, and one linear step from its features to |m| blurs what is
often a choice: high or low spin, magnetic or not. Here each site gets a distribution over |m| instead, and the answer
is its median, which is what a mean absolute error asks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from magnetite.elements import CAN_CARRY, MAX_ATOMIC_NUMBER, PROPERTY_NAMES, U_ANIONS
from magnetite.graphs import MAX_REACH

if TYPE_CHECKING:
    from magnetite.runtime import Batch

LEVELS = (*(0.05 * i for i in range(4)), *(0.1 * i for i in range(2, 51)), *(0.5 * i for i in range(11, 17)))
"""μB; |m| is shared out over these, densest where a site turns magnetic. No site of the training data has more."""
ANIONS = (7, 8, 9, 15, 16, 17, 33, 34, 35, 51, 52, 53)
"""Atomic numbers of what can be an anion: pnictogens, chalcogens and halogens."""
BOND_SOFTNESS = 0.37
"""Å; the fall of a bond's valence with its length (Brown & Altermatt, Acta Cryst. B 41, 244 (1985))."""
KINDS = 4
"""Of neighbours: carriers of the same element, other carriers, anions, and all others."""
GAPS = tuple(0.1 * i for i in range(-6, 9))
"""Å; distances beyond the sum of the covalent radii at which neighbours of each kind are counted."""
SURROUNDINGS = (3 + len(GAPS)) * KINDS + 1
"""Numbers that `SiteMoments.surroundings` gives for each atom."""
SWELLINGS = tuple(0.05 * i for i in range(-8, 9))
"""Logarithm of the volume over that of the elements in it, at which it is resolved: moments swell a metal by a few
percent."""
COMPOSITION = MAX_ATOMIC_NUMBER + 1 + len(PROPERTY_NAMES) + len(U_ANIONS) + 2 + len(SWELLINGS)
"""Numbers that say what a crystal is made of, beside the mean of its atoms' features."""
FURTHEST = 6.0
"""Standard deviations at which an input is cut, so that a freak does not run away with the answer."""
_NARROWEST = 1e-2
MEAN_LOG_VOLUME = 2.8
"""Of Å³ per atom."""


class SiteMoments(nn.Module):
    """A small network from features of the atom and of the crystal to a distribution over |m|."""

    site_mean: Tensor
    site_scale: Tensor
    crystal_mean: Tensor
    crystal_scale: Tensor
    levels: Tensor
    radii: Tensor
    kinds: Tensor
    gaps: Tensor
    swellings: Tensor
    log_volumes: Tensor

    def __init__(self, features: int, hidden: int, dropout: float = 0.1) -> None:
        """Make room.

        Args:
            features: of each atom, as the body gives them.
            hidden: width of both layers.
            dropout: share of their values dropped in training.
        """
        from ase.data import atomic_numbers, covalent_radii

        super().__init__()
        for name, size in (("site", features + SURROUNDINGS), ("crystal", features + COMPOSITION)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))
        self.register_buffer("levels", torch.tensor(LEVELS))
        self.register_buffer("gaps", torch.tensor(GAPS))
        self.register_buffer("swellings", torch.tensor(SWELLINGS))
        self.register_buffer("log_volumes", torch.full((MAX_ATOMIC_NUMBER + 1,), MEAN_LOG_VOLUME))
        self.register_buffer("radii", torch.tensor(covalent_radii[: MAX_ATOMIC_NUMBER + 1], dtype=torch.float32))
        kinds = torch.where(torch.tensor(CAN_CARRY), 1, 3)
        kinds[list(ANIONS)] = 2
        self.register_buffer("kinds", kinds)
        self.u_anions = [atomic_numbers[anion] for anion in U_ANIONS]
        self.site = nn.Linear(features + SURROUNDINGS, hidden)
        self.crystal = nn.Linear(features + COMPOSITION, hidden)
        self.element = nn.Embedding(MAX_ATOMIC_NUMBER + 1, hidden)
        nn.init.normal_(self.element.weight, std=0.1)
        self.answer = nn.Sequential(
            nn.SiLU(), nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.SiLU(), nn.Dropout(dropout),
            nn.Linear(hidden, len(LEVELS)),
        )  # fmt: skip

    def surroundings(self, batch: Batch) -> Tensor:
        """Neighbours of each kind: number, bond valence, nearness, gaps; and the reach; (n_atoms, SURROUNDINGS).

        All fade to zero at the atom's reach, as the edges of the body do.
        """
        lengths = batch.vectors.norm(dim=1)
        theirs, own = batch.numbers[batch.senders], batch.numbers[batch.receivers]
        fade = batch.fade(lengths)
        gap = lengths - self.radii[theirs] - self.radii[own]
        bond = torch.exp(-gap / BOND_SOFTNESS) * fade
        shells = _bumps(gap, self.gaps) * fade[:, None]
        kind = torch.where((theirs == own) & (self.kinds[own] == 1), 0, self.kinds[theirs])
        place = batch.receivers * KINDS + kind
        empty = lengths.new_zeros(len(batch.numbers) * KINDS)
        columns = [
            empty.index_add(0, place, fade),
            empty.index_add(0, place, bond),
            empty.scatter_reduce(0, place, (MAX_REACH - lengths) * fade, "amax"),
        ]
        resolved = lengths.new_zeros(len(empty), len(GAPS)).index_add_(0, place, shells)
        parts = [*(c.view(-1, KINDS) for c in columns), resolved.view(len(batch.numbers), -1), batch.reach[:, None]]
        found = torch.cat(parts, dim=1)
        return found.clamp(min=0).log1p()

    def inputs(self, atoms: Tensor, batch: Batch, properties: Tensor) -> tuple[Tensor, Tensor]:
        """What the answer is made from, not yet standardised.

        Args:
            atoms: features from the body, (n_atoms, features).
            batch: the crystals.
            properties: element table, (MAX_ATOMIC_NUMBER + 1, p).

        Returns:
            Of each atom, (n_atoms, features + SURROUNDINGS), and of each crystal, (n_crystals, features + COMPOSITION).
        """
        site = torch.cat([atoms, self.surroundings(batch)], dim=1)
        elements = nn.functional.one_hot(batch.numbers, MAX_ATOMIC_NUMBER + 1).to(atoms.dtype)
        shares = batch.mean_over_atoms(elements)
        has_u = (shares[:, self.u_anions] > 0).to(atoms.dtype)
        volume = batch.volume_per_atom.log().to(atoms.dtype)
        swelling = volume - shares @ self.log_volumes
        volumes = [volume[:, None] - MEAN_LOG_VOLUME, swelling[:, None], _bumps(swelling, self.swellings)]
        parts = [batch.mean_over_atoms(atoms), shares.sqrt(), shares @ properties.to(atoms.dtype), has_u, *volumes]
        return site, torch.cat(parts, dim=1)

    def expect_volumes(self, shares: Tensor, volumes: Tensor) -> None:
        """Learn the volume that an atom of each element takes, in the mean over crystals, as powers of its share.

        Args:
            shares: of each element in n crystals, (n, MAX_ATOMIC_NUMBER + 1).
            volumes: per atom in Å³, (n,).
        """
        shares, excess = shares.double(), volumes.double().log() - MEAN_LOG_VOLUME
        normal = shares.T @ shares + torch.eye(shares.shape[1], dtype=torch.float64, device=shares.device)
        self.log_volumes.copy_(MEAN_LOG_VOLUME + torch.linalg.solve(normal, shares.T @ excess))

    def standardise(self, site: Tensor, crystal: Tensor) -> None:
        """Learn mean and spread of the inputs, as `inputs` gives them, from a sample."""
        for name, x in (("site", site), ("crystal", crystal)):
            getattr(self, f"{name}_mean").copy_(x.mean(0))
            getattr(self, f"{name}_scale").copy_(x.std(0).clamp(min=_NARROWEST))

    def logits(self, site: Tensor, crystal: Tensor, owners: Tensor, numbers: Tensor) -> Tensor:
        """Logits of `LEVELS` for some atoms.

        Args:
            site: inputs of the atoms, (n, features + SURROUNDINGS).
            crystal: inputs of the crystals, (n_crystals, features + COMPOSITION).
            owners: the crystal of each atom, (n,).
            numbers: atomic numbers, (n,).
        """
        site = ((site - self.site_mean) / self.site_scale).clamp(-FURTHEST, FURTHEST)
        crystal = ((crystal - self.crystal_mean) / self.crystal_scale).clamp(-FURTHEST, FURTHEST)
        answer: Tensor = self.answer(self.site(site) + self.crystal(crystal)[owners] + self.element(numbers))
        return answer

    def targets(self, moments: Tensor) -> Tensor:
        """Each |m| in μB, (n,), shared between the two levels beside it, (n, levels)."""
        moments = moments.clamp(0, float(self.levels[-1]))
        upper = torch.searchsorted(self.levels, moments, right=True).clamp(1, len(self.levels) - 1)
        low, high = self.levels[upper - 1], self.levels[upper]
        share = ((moments - low) / (high - low))[:, None]
        target = torch.zeros(len(moments), len(self.levels), device=moments.device)
        return target.scatter(1, upper[:, None], share).scatter(1, upper[:, None] - 1, 1 - share)

    def median(self, logits: Tensor) -> Tensor:
        """The |m| in μB that is as likely too large as too small, (n,); changes smoothly with the logits."""
        p = logits.softmax(1)
        below = p.cumsum(1) - p / 2  # half of a level's share lies on either side of it
        upper = (below < 1 / 2).sum(1).clamp(1, len(self.levels) - 1)[:, None]
        low, high = below.gather(1, upper - 1).squeeze(1), below.gather(1, upper).squeeze(1)
        share = ((1 / 2 - low) / (high - low).clamp(min=1e-9)).clamp(0, 1)
        upper = upper.squeeze(1)
        return self.levels[upper - 1] + share * (self.levels[upper] - self.levels[upper - 1])

    def forward(self, atoms: Tensor, batch: Batch, properties: Tensor) -> Tensor:
        """|m| of each atom in μB, (n_atoms,), never negative; arguments as for `inputs`."""
        site, crystal = self.inputs(atoms, batch, properties)
        return self.median(self.logits(site, crystal, batch.owners, batch.numbers))


def _bumps(x: Tensor, centres: Tensor) -> Tensor:
    """Gaussians as wide as they are apart over x, (n,): (n, centres)."""
    return torch.exp(-(((x[:, None] - centres) / (centres[1] - centres[0])) ** 2))
