"""Boosted trees on composition and density, a second opinion on AFM against FM.

The network tells magnets from non-magnets far better than trees do, but between the two magnetic
orders composition alone says about as much as it reads from the geometry, and differently: together
they are better than either. scikit-learn grows the trees; here they are tensors, so that they ship
as safetensors and run wherever the network runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor, nn

from magnetite.elements import CAN_CARRY, MAX_ATOMIC_NUMBER

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

    from magnetite.runtime import Batch

DECIMALS = 6
"""Rounding of the descriptor, so that a supercell falls on the same side of every threshold."""


def descriptor(batch: Batch, properties: Tensor) -> Tensor:
    """Composition statistics, density and size of the cell of each crystal.

    Args:
        batch: the crystals.
        properties: element table, (MAX_ATOMIC_NUMBER + 1, p).

    Returns:
        Mean, spread, smallest and largest of each property over the atoms, the share of each
        element, the logarithm of the volume per atom in Å³, and the numbers of all atoms and of those
        that can carry a moment, which are the same for a supercell because crystals come as primitive
        cells; (n_crystals, 4 p + 107), double.
    """
    x = properties.double()[batch.numbers]
    mean = batch.mean_over_atoms(x)
    spread = (batch.mean_over_atoms(x.square()) - mean.square()).clamp(min=0).sqrt()
    shares = batch.mean_over_atoms(nn.functional.one_hot(batch.numbers, MAX_ATOMIC_NUMBER + 1).double())
    extremes = [-batch.largest_over_atoms(-x), batch.largest_over_atoms(x)]
    volume = batch.volume_per_atom.double().log()[:, None]
    magnets = batch.mean_over_atoms(torch.tensor(CAN_CARRY, device=x.device)[batch.numbers].double()[:, None])
    sizes = batch.sizes.double()[:, None]
    return torch.cat([mean, spread, *extremes, shares, volume, sizes, magnets * sizes], dim=1).round(decimals=DECIMALS)


class BoostedTrees(nn.Module):
    """Trees as arrays of nodes; a leaf is a node that leads to itself."""

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    value: Tensor

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
            self.register_buffer(name, torch.zeros(trees, nodes, dtype=torch.int32))
        for name in ("threshold", "value"):
            self.register_buffer(name, torch.zeros(trees, nodes, dtype=torch.float64))

    @classmethod
    def from_sklearn(cls, model: HistGradientBoostingClassifier) -> Self:
        """The trees of a fitted binary classifier, whose baseline goes into the first tree's leaves."""
        grown = [predictors[0].nodes for predictors in model._predictors]  # noqa: SLF001 (no public way)
        size, depth = max(map(len, grown)), max(int(nodes["depth"].max()) for nodes in grown)
        trees = cls(len(grown), size, depth)
        for index, nodes in enumerate(grown):
            leaf = nodes["is_leaf"].astype(bool)
            own = np.arange(len(nodes))
            columns = {
                "feature": np.where(leaf, 0, nodes["feature_idx"]),
                "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
                "left": np.where(leaf, own, nodes["left"]),
                "right": np.where(leaf, own, nodes["right"]),
                "value": nodes["value"],
            }
            for name, column in columns.items():
                getattr(trees, name)[index, : len(nodes)] = torch.from_numpy(column.astype(np.float64))
        trees.value[0] += float(np.ravel(model._baseline_prediction)[0])  # noqa: SLF001
        return trees

    def forward(self, x: Tensor) -> Tensor:
        """Log-odds of AFM against FM; x (n, features), double → (n,)."""
        tree = torch.arange(len(self.feature), device=x.device)[None, :]
        row = torch.arange(len(x), device=x.device)[:, None]
        node = torch.zeros(len(x), len(self.feature), dtype=torch.long, device=x.device)
        for _ in range(self.depth):
            goes_left = x[row, self.feature[tree, node].long()] <= self.threshold[tree, node]
            node = torch.where(goes_left, self.left[tree, node].long(), self.right[tree, node].long())
        return self.value[tree, node].sum(1)
