"""What calculations say of a crystal's relatives: compounds that share its space group and much of its composition.

Whether a structure type orders AFM or FM is known of many from other elements in it. Trees cannot look such a thing up:
there are more types than leaves.
"""

from __future__ import annotations

from functools import cache, reduce
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor, nn

from magnetite.elements import MAX_ATOMIC_NUMBER, ORDER_SET_PARTS
from magnetite.sublattice import GEOMETRY_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.runtime import Batch

KINDS = 3
"""Ways to be related, beside a common space group: the anonymous formula (AB2O4); the number of atoms in the primitive
cell; that number and the elements, where those with a Hubbard U count as one."""
COLUMNS = 2 * KINDS
"""What `Relatives` adds to the trees' descriptor: for each kind the share of AFM and how many relatives voted."""
CAUTION = 2.0
"""Votes that the mean share of all counts as, so that one relative is not certainty."""
_SPACE_GROUP = GEOMETRY_NAMES.index("space group")
_MULTIPLIER = 6364136223846793005
"""Odd, of 63 bits (Knuth's MMIX): its powers make different lists of numbers different sums modulo 2⁶⁴."""


def family_codes(batch: Batch) -> Tensor:
    """Numbers that are the same for relatives of each kind, and different for all others, (n_crystals, KINDS)."""
    counts = nn.functional.one_hot(batch.numbers, MAX_ATOMIC_NUMBER + 1).double()
    atoms = (batch.mean_over_atoms(counts) * batch.sizes[:, None]).round().long()
    ranked = atoms.sort(dim=1, descending=True).values
    ranked = ranked // reduce(torch.gcd, ranked.unbind(1))[:, None]
    with_u = torch.tensor(ORDER_SET_PARTS, device=atoms.device)[:, 0].bool()
    present = (atoms > 0).long()
    kept = torch.where(with_u, 0, present)
    any_u = (present * with_u).amax(1, keepdim=True)
    group, size = batch.geometry[:, [_SPACE_GROUP]].long(), batch.sizes[:, None]
    nothing = torch.zeros_like(size)
    alike = [
        torch.cat([nothing, group, nothing, nothing, ranked], dim=1),
        torch.cat([nothing + 1, group, size, nothing, nothing.expand_as(ranked)], dim=1),
        torch.cat([nothing + 2, group, size, any_u, kept], dim=1),
    ]
    weights = _weights(alike[0].shape[1]).to(atoms.device)
    return torch.stack([(part * weights).sum(1) for part in alike], dim=1)


@cache
def _weights(number: int) -> Tensor:
    powers = [pow(_MULTIPLIER, k + 1, 2**64) for k in range(number)]
    return torch.from_numpy(np.array(powers, dtype=np.uint64).view(np.int64))


class Relatives(nn.Module):
    """Votes for AFM and for FM of the families that a data set knows."""

    codes: Tensor
    votes: Tensor

    def __init__(self, families: int) -> None:
        """Make room for so many families."""
        super().__init__()
        self.register_buffer("codes", torch.zeros(families, dtype=torch.int64))
        self.register_buffer("votes", torch.zeros(families, 2, dtype=torch.int32))

    @classmethod
    def of(cls, codes: NDArray[np.int64], is_afm: NDArray[np.bool_]) -> Self:
        """Count the votes of crystals that are ordered.

        Args:
            codes: their `family_codes`, (n, KINDS).
            is_afm: whether each is AFM, (n,).
        """
        known, votes = _count(codes.ravel(), np.repeat(is_afm, KINDS))
        table = cls(len(known))
        table.codes.copy_(torch.from_numpy(known))
        table.votes.copy_(torch.from_numpy(votes))
        return table

    def forward(self, codes: Tensor) -> Tensor:
        """Columns for the trees, from `family_codes` (n, KINDS): (n, COLUMNS), double."""
        return self._columns(self.ask(codes))

    def ask(self, codes: Tensor) -> Tensor:
        """Votes for FM and for AFM in each family, (n, KINDS, 2)."""
        places = torch.searchsorted(self.codes, codes).clamp(max=len(self.codes) - 1)
        return torch.where((self.codes[places] == codes)[..., None], self.votes[places], 0)

    def without_own_formula(
        self, codes: NDArray[np.int64], formulas: Sequence[str], voters: NDArray[np.bool_], is_afm: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Columns for crystals of which some have voted: as if no crystal of the same formula had.

        Args:
            codes: their `family_codes`, (n, KINDS).
            formulas: their reduced formulas, n.
            voters: which of them voted, (n,).
            is_afm: what they voted for, (n,).
        """
        number = np.unique(formulas, return_inverse=True)[1]
        pairs = np.stack([codes, np.broadcast_to(number[:, None], codes.shape)], axis=-1)
        _, place = np.unique(pairs.reshape(-1, 2), axis=0, return_inverse=True)
        place = place.reshape(codes.shape)
        own = np.zeros((place.max() + 1, 2), np.int64)
        np.add.at(own, (place[voters], is_afm[voters, None].astype(int)), 1)
        others = self.ask(torch.from_numpy(codes)) - torch.from_numpy(own[place])
        return self._columns(others).numpy()

    def _columns(self, votes: Tensor) -> Tensor:
        """Share of AFM, pulled towards that of all votes, and number of votes."""
        _, all_afm = mean = self.votes.sum(0).double()
        total = votes.sum(-1).double()
        share = (votes[..., 1] + CAUTION * all_afm / mean.sum()) / (total + CAUTION)
        return torch.stack([share, total], dim=-1).flatten(1).float().double()  # as the descriptor comes


def _count(codes: NDArray[np.int64], is_afm: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Different codes in rising order, and their votes for FM and for AFM."""
    known, place = np.unique(codes, return_inverse=True)
    votes = np.zeros((len(known), 2), np.int64)
    np.add.at(votes, (place, is_afm.astype(int)), 1)
    return known, votes
