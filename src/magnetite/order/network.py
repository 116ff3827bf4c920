"""The network for order and moments: one body, pooled and read out, with trees beside it.

Pooling is by mean, maximum and attention, none of which grows with the cell; Merker 2022 (Fig. 3) sums.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from magnetite.dropout import mutual_information, thinned
from magnetite.order.body import Body
from magnetite.order.config import NetworkConfig
from magnetite.order.relatives import Relatives, family_codes
from magnetite.order.site_moments import MEAN_LOG_VOLUME, SiteMoments
from magnetite.order.trees import Trees, descriptor, with_none, with_share
from magnetite.runtime import Batch

FEATURES = 128
"""Length of a crystal's vector before the last layer."""
PASSES = 32
"""Thinned networks that are asked how sure the network is."""
ORDER_CLASSES = ("NM", "AFM", "FM")
"""Order of the classes in every array of probabilities; FM includes ferrimagnets."""


class Pool(nn.Module):
    """Crystal features from atom features; a supercell pools to the same vector."""

    def __init__(self, features: int, heads: int = 4) -> None:
        super().__init__()
        self.score = nn.Linear(features, heads)
        self.size = features * (2 + heads)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """Pool atom features (n_atoms, features) to (n_crystals, size)."""
        mean = batch.mean_over_atoms(x)
        highest = batch.largest_over_atoms(x)
        scores = self.score(x)
        weights = torch.exp(scores - batch.largest_over_atoms(scores)[batch.owners])
        total = batch.mean_over_atoms(weights)
        attended = [batch.mean_over_atoms(x * weights[:, [h]]) / total[:, [h]] for h in range(weights.shape[1])]
        return torch.cat([mean, highest, *attended], dim=1)


class Readout(nn.Module):
    """Atom features → the logits of one question asked of the crystal."""

    def __init__(self, size: int, config: NetworkConfig, classes: int) -> None:
        super().__init__()
        self.site = nn.Sequential(nn.Linear(size, config.scalars), nn.SiLU())
        self.pool = Pool(config.scalars)
        self.crystal = nn.Sequential(
            nn.Linear(self.pool.size + 1, FEATURES), nn.SiLU(), nn.Dropout(config.dropout),
            nn.Linear(FEATURES, FEATURES), nn.SiLU(),
        )  # fmt: skip
        self.logits = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(FEATURES, classes))

    def forward(self, atoms: Tensor, batch: Batch) -> Tensor:
        """Logits, (n_crystals, classes)."""
        logits: Tensor = self.logits(self.features(atoms, batch))
        return logits

    def features(self, atoms: Tensor, batch: Batch) -> Tensor:
        """What the last layer sees, (n_crystals, FEATURES)."""
        features: Tensor = self.crystal(self.pooled(atoms, batch))
        return features

    def passes(self, pooled: Tensor, masks: Sequence[Tensor]) -> Tensor:
        """Logits under dropout: a mask of either hidden layer, (t, FEATURES) each → (t, n_crystals, classes)."""
        first, second = (mask.to(pooled.device)[:, None] for mask in masks)
        widen, act, _, mix, again = self.crystal
        hidden = again(mix(act(widen(pooled)) * first))
        logits: Tensor = self.logits[-1](hidden * second)
        return logits

    def pooled(self, atoms: Tensor, batch: Batch) -> Tensor:
        """Atom features of each crystal as one vector, and its volume, (n_crystals, Pool.size + 1)."""
        pooled = self.pool(self.site(atoms), batch)
        volume = batch.volume_per_atom.log()[:, None] - MEAN_LOG_VOLUME
        return torch.cat([pooled, volume], dim=1)


class Companion(nn.Module):
    """Another body with its readout for the order."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.body = Body(config)
        self.order = Readout(self.body.size, config, len(ORDER_CLASSES))


class MagnetismNetwork(nn.Module):
    """One body with the readouts for order, propagation vector and |m| of each atom.

    The propagation vector is told by trees alone, several members grown on different compounds: readouts of the body
    beside them brought nothing (`benchmarks/zero_k.py`).
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        self.body = Body(config)
        self.order = Readout(self.body.size, config, len(ORDER_CLASSES))
        self.moment = nn.Sequential(nn.Linear(self.body.size, 64), nn.SiLU(), nn.Linear(64, 1))
        self.companions = nn.ModuleList(Companion(config) for _ in range(config.companions))
        self.trees = Trees(*config.trees) if config.trees else None
        self.ggau_trees = Trees(*config.ggau_trees) if config.ggau_trees else None
        self.relatives = Relatives(config.relatives) if config.relatives else None
        self.none_trees = Trees(*config.none_trees) if config.none_trees else None
        self.k_trees = nn.ModuleList(Trees(*config.k_trees) for _ in range(config.k_members) if config.k_trees)
        self.site_moments = SiteMoments(self.body.size, config.site_moments) if config.site_moments else None

    def forward(self, batch: Batch, atoms: Tensor | None = None) -> dict[str, Tensor]:
        """Evaluate a batch.

        Args:
            batch: the crystals.
            atoms: what the body makes of them, if that is known already, (n_atoms, Body.size).

        Returns:
            ``order``: logits of ORDER_CLASSES, (n_crystals, 3); ``ggau``: whether the order set holds such
            compounds, (n_crystals,); ``features``: mean over the atoms of what the body makes of them,
            (n_crystals, Body.size); ``moment``: |m| in μB, not clipped at zero, (n_atoms,); ``zero_k``: logits of each
            member, (n_crystals, k_members); out of training ``information``: how much the networks disagree on the
            order over `PASSES` with dropout, before the trees are asked, in bits, (n_crystals,).
        """
        if atoms is None:
            atoms = self.body(batch)
        others: list[Companion] = list(self.companions)  # type: ignore[arg-type]
        sights = [(self.order, atoms), *((other.order, other.body(batch)) for other in others)]
        asked = [(readout, readout.pooled(features, batch)) for readout, features in sights]
        opinions = torch.stack([readout.logits(readout.crystal(pooled)) for readout, pooled in asked])
        order = torch.logsumexp(opinions.log_softmax(-1), dim=0) - math.log(len(opinions))
        known = {} if self.training else {"information": self._disagreement(asked)}
        zero_k, ggau = order.new_zeros(len(order), 0), batch.in_order_set
        if self.trees is not None or len(self.k_trees):
            table = self.described(batch)
            order = self._with_trees(order, table, ggau)
            if len(self.k_trees):
                zero_k = torch.stack([member(table) for member in self.k_trees], dim=1).to(order.dtype)
        return known | {
            "order": order,
            "ggau": ggau,
            "features": batch.mean_over_atoms(atoms),
            "moment": self._moments(atoms, batch),
            "zero_k": zero_k,
        }

    def _disagreement(self, asked: Sequence[tuple[Readout, Tensor]]) -> Tensor:
        masks = thinned((FEATURES, FEATURES), self.config.dropout, PASSES, seed=0)
        passes = torch.cat([readout.passes(pooled, masks) for readout, pooled in asked])
        p = passes.softmax(-1)
        return mutual_information(p.mean(0), torch.special.entr(p).sum(-1).mean(0))

    def _moments(self, atoms: Tensor, batch: Batch) -> Tensor:
        readout = self.site_moments
        found: Tensor = readout(atoms, batch, self.body.properties) if readout else self.moment(atoms).squeeze(1)
        return found

    def described(self, batch: Batch) -> Tensor:
        """What trees see: the `descriptor`, then the votes of relatives, which those with a Hubbard U heed alone."""
        table = descriptor(batch, self.body.properties)
        return table if self.relatives is None else torch.cat([table, self.relatives(family_codes(batch))], dim=1)

    def _with_trees(self, logits: Tensor, table: Tensor, ggau: Tensor) -> Tensor:
        if self.trees is None:
            return logits
        odds = self.trees(table)
        if self.ggau_trees is not None and ggau.any():
            odds[ggau] = self.ggau_trees(table[ggau])
        weights = logits.new_tensor([self.config.tree_weight, self.config.ggau_tree_weight])
        logits = with_share(logits, torch.sigmoid(odds).to(logits.dtype), weights[ggau.long()])
        if self.none_trees is not None and not ggau.all():
            share = torch.sigmoid(self.none_trees(table[~ggau])).to(logits.dtype)
            logits[~ggau] = with_none(logits[~ggau], share, self.config.none_weight)
        return logits
