"""Trees on composition, density and cell: a second opinion on the order, and the one on the propagation vector.

Between AFM and FM, and between NM and magnets where no Hubbard U is applied, they know as much as the network
and err elsewhere: together they are better than either (`benchmarks/order_levers.py`).
scikit-learn grows the trees; here they are tensors, so that they ship
as safetensors and run wherever the network runs.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from magnetite.elements import CAN_CARRY, MAX_ATOMIC_NUMBER
from magnetite.sublattice.valence import ALWAYS_ANIONS, ions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sklearn.ensemble import HistGradientBoostingClassifier

    from magnetite.runtime import Batch

DECIMALS = 6
"""Rounding of the descriptor (then to single precision, as forests do), so that a supercell falls on the same side
of every threshold."""
LEAST = 1e-9
"""No class is less probable, whatever trees say, so that logits stay finite."""
STRIDE = 4
"""Levels of a tree between two looks at which rows have reached a leaf."""
EXTENSIVE = 5
"""The last of what `counts` gives: numbers that are proportional to the cell. Before them comes what is odd of it."""
Room = tuple[int, int, int]
"""Number of trees, nodes of the largest and depth of the deepest."""


def descriptor(batch: Batch, properties: Tensor) -> Tensor:
    """Composition statistics, density, size of the cell and geometry of the magnetic sublattice of each crystal.

    Args:
        batch: the crystals.
        properties: element table, (MAX_ATOMIC_NUMBER + 1, p).

    Returns:
        Mean, spread, smallest and largest of each property over the atoms, the share of each element, the logarithm
        of the volume per atom in Å³, what `counts` gives, and the batch's geometry; (n_crystals, 4 p + 114 + g),
        double.
    """
    x = properties.double()[batch.numbers]
    mean = batch.mean_over_atoms(x)
    spread = (batch.mean_over_atoms(x.square()) - mean.square()).clamp(min=0).sqrt()
    shares = batch.mean_over_atoms(nn.functional.one_hot(batch.numbers, MAX_ATOMIC_NUMBER + 1).double())
    extremes = [-batch.largest_over_atoms(-x), batch.largest_over_atoms(x)]
    volume = batch.volume_per_atom.double().log()[:, None]
    return (
        torch.cat([mean, spread, *extremes, shares, volume, counts(batch), batch.geometry], dim=1)
        .round(decimals=DECIMALS)
        .float()
        .double()
    )


def counts(batch: Batch) -> Tensor:
    """Electrons and atoms of each primitive cell, which are the same for a supercell because crystals come as such.

    Electrons that charge balance leaves over are those of d shells, holes are radicals; an odd number makes a metal or
    a magnet.

    Returns:
        Outer electrons per atom; electrons left over per anion (atoms of the most electronegative element, and O, F,
        Cl, Br, I) if all others have their highest common charge, and if they have their lowest; then, for the cell,
        whether the outer electrons are odd, and the `EXTENSIVE` numbers: atoms, those that can carry a moment, outer
        electrons, and the same electrons left over; (n_crystals, 9), double.
    """
    of_atoms = _ion_table().to(batch.numbers.device)[:, batch.numbers]
    outer, highest, lowest, least, electronegativity, is_anion, can_carry = of_atoms
    strongest = batch.largest_over_atoms(electronegativity[:, None])[batch.owners, 0] == electronegativity
    anion = strongest | is_anion.bool()
    atoms = [torch.ones_like(outer), can_carry, outer, *(torch.where(anion, lowest, up) for up in (highest, least))]
    cell = (batch.mean_over_atoms(torch.stack(atoms, dim=1)) * batch.sizes[:, None]).round()
    n_atoms, _, electrons, by_highest, by_lowest = cell.unbind(1)
    n_anions = batch.mean_over_atoms(anion.double()[:, None])[:, 0] * n_atoms
    ratios = [electrons / n_atoms, by_highest / n_anions, by_lowest / n_anions, electrons % 2]
    return torch.cat([torch.stack(ratios, dim=1), cell], dim=1)


@cache
def _ion_table() -> Tensor:
    """What `counts` asks of each element, (7, MAX_ATOMIC_NUMBER + 1), double."""
    table, numbers = ions(), np.arange(MAX_ATOMIC_NUMBER + 1)
    columns = [table.outer_electrons, table.highest, table.lowest, table.least, table.electronegativity]
    return torch.from_numpy(np.stack([*columns, np.isin(numbers, ALWAYS_ANIONS), CAN_CARRY]).astype(float))


def with_share(logits: Tensor, share: Tensor, weight: float | Tensor) -> Tensor:
    """Logits whose NM share stays as it is, and whose AFM share among magnets is averaged with another opinion.

    Args:
        logits: of NM, AFM and FM, (n, 3).
        share: probability of AFM among magnets, (n,).
        weight: of that opinion, 0–1; one for all or (n,).
    """
    none, anti, ferro = logits.log_softmax(1).unbind(1)
    magnetic = torch.logaddexp(anti, ferro)
    mixed = (1 - weight) * (anti - magnetic).exp() + weight * share
    return torch.stack([none, magnetic + mixed.log(), magnetic + (1 - mixed).log()], dim=1)


def with_none(logits: Tensor, share: Tensor, weight: float) -> Tensor:
    """Logits whose NM share is averaged with another opinion, and whose AFM share among magnets stays as it is.

    Args:
        logits: of NM, AFM and FM, (n, 3).
        share: probability of NM, (n,).
        weight: of that opinion, 0–1.
    """
    none, anti, ferro = logits.log_softmax(1).unbind(1)
    magnetic = torch.logaddexp(anti, ferro)
    mixed = (1 - weight) * none.exp() + weight * share
    rest = (1 - mixed).clamp(min=LEAST).log() - magnetic
    return torch.stack([mixed.clamp(min=LEAST).log(), anti + rest, ferro + rest], dim=1)


class Trees(nn.Module):
    """Decision trees as arrays of nodes, whose leaves are added up; a leaf is a node that leads to itself.

    ``number`` is what a node compares its feature with, or what a leaf adds.
    """

    feature: Tensor
    number: Tensor
    left: Tensor
    right: Tensor

    def __init__(self, trees: int, nodes: int, depth: int) -> None:
        """Make room.

        Args:
            trees: number of trees.
            nodes: largest number of nodes of a tree.
            depth: longest way from a root to a leaf.
        """
        super().__init__()
        self.depth = depth
        for name in ("feature", "left", "right"):
            self.register_buffer(name, torch.zeros(trees, nodes, dtype=torch.int16))
        self.register_buffer("number", torch.zeros(trees, nodes, dtype=torch.float32))

    @classmethod
    def from_boosting(cls, models: Sequence[HistGradientBoostingClassifier], room: Room | None = None) -> Self:
        """The trees of fitted binary classifiers, which add up to the mean of their log-odds.

        Args:
            models: at least one.
            room: to make, where it has to be more than these need.
        """
        grown = [predictors[0].nodes for model in models for predictors in model._predictors]  # noqa: SLF001
        needed = (len(grown), max(map(len, grown)), max(int(nodes["depth"].max()) for nodes in grown))
        trees = cls(*(room or needed))
        start = float(np.mean([np.ravel(model._baseline_prediction) for model in models]))  # noqa: SLF001
        for index, nodes in enumerate(grown):
            trees._plant(index, nodes, nodes["value"] / len(models) + start * (index == 0))
        return trees

    def _plant(self, index: int, nodes: NDArray[Any], value: NDArray[np.float64]) -> None:
        """Set a tree from scikit-learn's nodes, and what each adds if it is a leaf."""
        leaf = nodes["is_leaf"].astype(bool)
        own = np.arange(len(leaf))
        threshold = np.where(leaf, 0.0, nodes["num_threshold"])
        below = threshold.astype(np.float32)
        above = below > threshold  # rounded up, past an input that may lie between
        below[above] = np.nextafter(below[above], np.float32(-np.inf))
        whole = {"feature": np.where(leaf, 0, nodes["feature_idx"]), "number": np.where(leaf, value, below)}
        whole |= {name: np.where(leaf, own, nodes[name]) for name in ("left", "right")}
        for name, column in whole.items():
            getattr(self, name)[index, : len(leaf)] = torch.from_numpy(column.astype(np.float32))

    @property
    def room(self) -> Room:
        """The arguments that make room for these trees."""
        return (*self.feature.shape, self.depth)

    def forward(self, x: Tensor) -> Tensor:
        """Sum of the leaves that each row ends in; x (n, features), double → (n,), double."""
        trees, nodes = self.feature.shape
        first = torch.arange(trees, device=x.device) * nodes
        feature, threshold = self.feature.long(), self.number.double()
        # One table for all trees; a leaf is a node that leads to itself.
        children = torch.stack([self.right.long() + first[:, None], self.left.long() + first[:, None]], dim=2)
        reached = first.repeat(len(x))
        row = (torch.arange(len(x), device=x.device) * x.shape[1]).repeat_interleave(trees)
        way, node = torch.arange(len(reached), device=x.device), reached.clone()
        for level in range(self.depth):
            if level % STRIDE == STRIDE - 1:  # most ways are short: go on with those that have not ended
                reached[way] = node
                going = (children.take(2 * node) != node).nonzero().squeeze(1)
                way, node, row = way[going], node[going], row[going]
            goes_left = x.take(row + feature.take(node)) <= threshold.take(node)
            node = children.take(2 * node + goes_left)
        reached[way] = node
        return self.number.take(reached).double().view(len(x), trees).sum(1)
