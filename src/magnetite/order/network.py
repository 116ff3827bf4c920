"""The equivariant network: one body, and one small head per question asked of a crystal.

Starts from Merker 2022 (Fig. 3: embedding, gated convolutions, pooling) and changes what the paper
leaves on the table: learned element vectors beside tabulated properties, an adaptive smooth
neighbourhood instead of a fixed radius, residual channel-wise convolutions, and pooling by mean,
maximum and attention, none of which grows with the cell.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from e3nn import o3
from e3nn.nn import FullyConnectedNet
from torch import Tensor, nn

from magnetite.dropout import mutual_information, thinned
from magnetite.elements import MAX_ATOMIC_NUMBER, PROPERTY_NAMES, property_table
from magnetite.graphs import MAX_REACH
from magnetite.order.site_moments import MEAN_LOG_VOLUME, SiteMoments
from magnetite.order.trees import Room, Trees, descriptor, with_none, with_share
from magnetite.runtime import Batch

FEATURES = 128
"""Length of a crystal's vector before the last layer."""
PASSES = 32
"""Thinned networks that are asked how sure the network is."""
ORDER_CLASSES = ("NM", "AFM", "FM")
"""Order of the classes in every array of probabilities; FM includes ferrimagnets."""


@dataclass(frozen=True)
class NetworkConfig:
    """Size of the network.

    Attributes:
        scalars: invariant channels per atom.
        vectors: vector channels per atom.
        layers: number of convolutions.
        radial: number of radial basis functions.
        dropout: share of pooled features dropped in training.
        trees: of the trees that help to tell AFM from FM; None before they are grown.
        ggau_trees: of those that do so where the Materials Project applies a Hubbard U.
        none_trees: of those that help to tell NM from magnets where it does not.
        tree_weight: share of all these in the probability that they are asked for.
        k_members: number of opinions on the propagation vector, 0 before there are any.
        k_trees: of the trees of each.
        companions: further bodies, trained from other seeds, whose opinion on the order is averaged with the first's.
        site_moments: width of the readout for |m| that is trained last; None before, when |m| is one step of the body.
    """

    scalars: int = 96
    vectors: int = 48
    layers: int = 3
    radial: int = 10
    dropout: float = 0.1
    trees: Room | None = None
    ggau_trees: Room | None = None
    none_trees: Room | None = None
    tree_weight: float = 0.5
    k_members: int = 0
    k_trees: Room | None = None
    companions: int = 0
    site_moments: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the model card."""
        return asdict(self)


class RadialBasis(nn.Module):
    """Gaussians over the distance."""

    centres: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("centres", torch.linspace(0.8, MAX_REACH, size))
        self.width = (MAX_REACH - 0.8) / size

    def forward(self, lengths: Tensor) -> Tensor:
        """The basis, shape (n_edges, size)."""
        relative = ((lengths[:, None] - self.centres) / self.width) ** 2
        return torch.exp(-relative)


class Convolution(nn.Module):
    """A gated channel-wise convolution with a residual (Merker 2022, Eqs. 1 and 2)."""

    def __init__(self, irreps_in: o3.Irreps, config: NetworkConfig) -> None:
        super().__init__()
        harmonics = o3.Irreps("0e + 1o")
        self.irreps_out = o3.Irreps(f"{config.scalars}x0e + {config.vectors}x1o")
        mid: list[tuple[int, Any]] = []
        paths = []
        for i, (multiplicity, ir_in) in enumerate(irreps_in):
            for j, (_, ir_edge) in enumerate(harmonics):
                for ir_out in ir_in * ir_edge:
                    if ir_out in self.irreps_out:
                        paths.append((i, j, len(mid), "uvu", True))
                        mid.append((multiplicity, ir_out))
        irreps_mid, permutation, _ = o3.Irreps(mid).sort()
        paths = [(i, j, permutation[k], mode, train) for i, j, k, mode, train in paths]
        self.product = o3.TensorProduct(
            irreps_in, harmonics, irreps_mid, paths, shared_weights=False, internal_weights=False
        )
        self.radial = FullyConnectedNet([config.radial, 32, self.product.weight_numel], torch.nn.functional.silu)
        self.before = o3.Linear(irreps_in, irreps_in)
        gated = o3.Irreps(f"{config.scalars + config.vectors}x0e + {config.vectors}x1o")
        self.after = o3.Linear(irreps_mid.simplify(), gated)
        self.skip = o3.Linear(irreps_in, self.irreps_out)
        self.scalars, self.vectors = config.scalars, config.vectors

    def forward(self, x: Tensor, batch: Batch, harmonics: Tensor, basis: Tensor, fade: Tensor) -> Tensor:
        """Atom features after one exchange with the neighbours, in `irreps_out`."""
        weights = self.radial(basis) * fade
        messages = self.product(self.before(x)[batch.senders], harmonics, weights)
        gathered = torch.zeros(len(x), messages.shape[1], dtype=x.dtype, device=x.device)
        gathered.index_add_(0, batch.receivers, messages)
        y = self.after(gathered / batch.mean_degree**0.5)
        scalars, gates, vectors = y.split([self.scalars, self.vectors, 3 * self.vectors], dim=1)
        vectors = vectors.view(-1, self.vectors, 3) * torch.sigmoid(gates)[:, :, None]
        update = torch.cat([torch.nn.functional.silu(scalars), vectors.flatten(1)], dim=1)
        combined: Tensor = self.skip(x) + update
        return combined


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


class Body(nn.Module):
    """Atoms and their surroundings → invariant features of each atom."""

    properties: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("properties", torch.from_numpy(property_table().copy()))
        self.element = nn.Embedding(MAX_ATOMIC_NUMBER + 1, 32)
        nn.init.normal_(self.element.weight, std=0.3)
        self.embed = nn.Sequential(
            nn.Linear(32 + len(PROPERTY_NAMES), config.scalars), nn.SiLU(), nn.Linear(config.scalars, config.scalars)
        )
        self.basis = RadialBasis(config.radial)
        irreps = o3.Irreps(f"{config.scalars}x0e")
        self.layers = nn.ModuleList()
        for _ in range(config.layers):
            layer = Convolution(irreps, config)
            self.layers.append(layer)
            irreps = layer.irreps_out
        self.size = 2 * config.scalars + config.vectors

    def forward(self, batch: Batch) -> Tensor:
        """Atom features: initial scalars, final scalars, lengths of the vectors; (n_atoms, size)."""
        x = first = self.embed(torch.cat([self.element(batch.numbers), self.properties[batch.numbers]], dim=1))
        lengths = batch.vectors.norm(dim=1)
        basis, fade = self.basis(lengths), batch.fade(lengths)[:, None]
        harmonics = o3.spherical_harmonics("0e + 1o", batch.vectors, normalize=True, normalization="component")
        for layer in self.layers:
            x = layer(x, batch, harmonics, basis, fade)
        scalars, vectors = x[:, : self.config.scalars], x[:, self.config.scalars :].view(len(x), -1, 3)
        return torch.cat([first, scalars, (vectors.square().sum(-1) + 1e-6).sqrt()], dim=1)


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
        features: Tensor = self.crystal(self._pooled(atoms, batch))
        return features

    def passes(self, atoms: Tensor, batch: Batch, masks: Sequence[Tensor]) -> Tensor:
        """Logits under dropout: a mask of either hidden layer, (t, FEATURES) each → (t, n_crystals, classes)."""
        first, second = (mask.to(atoms.device)[:, None] for mask in masks)
        widen, act, _, mix, again = self.crystal
        hidden = again(mix(act(widen(self._pooled(atoms, batch))) * first))
        logits: Tensor = self.logits[-1](hidden * second)
        return logits

    def _pooled(self, atoms: Tensor, batch: Batch) -> Tensor:
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
        self.none_trees = Trees(*config.none_trees) if config.none_trees else None
        self.k_trees = nn.ModuleList(Trees(*config.k_trees) for _ in range(config.k_members) if config.k_trees)
        self.site_moments = SiteMoments(self.body.size, config.site_moments) if config.site_moments else None

    def forward(self, batch: Batch, atoms: Tensor | None = None) -> dict[str, Tensor]:
        """Evaluate a batch.

        Args:
            batch: the crystals.
            atoms: what the body makes of them, if that is known already, (n_atoms, Body.size).

        Returns:
            ``order``: logits of ORDER_CLASSES, (n_crystals, 3); ``ggau``: whether the Materials Project applies a
            Hubbard U, (n_crystals,); ``features``: mean over the atoms of what the body makes of them,
            (n_crystals, Body.size); ``moment``: |m| in μB, not clipped at zero, (n_atoms,); ``zero_k``: logits of each
            member, (n_crystals, k_members); out of training ``information``: how much the networks disagree on the
            order over `PASSES` with dropout, before the trees are asked, in bits, (n_crystals,).
        """
        if atoms is None:
            atoms = self.body(batch)
        others: list[Companion] = list(self.companions)  # type: ignore[arg-type]
        asked = [(self.order, atoms), *((other.order, other.body(batch)) for other in others)]
        opinions = torch.stack([readout(features, batch) for readout, features in asked])
        order = torch.logsumexp(opinions.log_softmax(-1), dim=0) - math.log(len(opinions))
        known = {} if self.training else {"information": self._disagreement(asked, batch)}
        zero_k, ggau = order.new_zeros(len(order), 0), batch.is_ggau
        if self.trees is not None or len(self.k_trees):
            table = descriptor(batch, self.body.properties)
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

    def _disagreement(self, asked: Sequence[tuple[Readout, Tensor]], batch: Batch) -> Tensor:
        masks = thinned((FEATURES, FEATURES), self.config.dropout, PASSES, seed=0)
        passes = torch.cat([readout.passes(features, batch, masks) for readout, features in asked])
        p = passes.softmax(-1)
        return mutual_information(p.mean(0), torch.special.entr(p).sum(-1).mean(0))

    def _moments(self, atoms: Tensor, batch: Batch) -> Tensor:
        readout = self.site_moments
        found: Tensor = readout(atoms, batch, self.body.properties) if readout else self.moment(atoms).squeeze(1)
        return found

    def _with_trees(self, logits: Tensor, table: Tensor, ggau: Tensor) -> Tensor:
        if self.trees is None:
            return logits
        odds, weight = self.trees(table), self.config.tree_weight
        if self.ggau_trees is not None and ggau.any():
            odds[ggau] = self.ggau_trees(table[ggau])
        logits = with_share(logits, torch.sigmoid(odds).to(logits.dtype), weight)
        if self.none_trees is not None and not ggau.all():
            share = torch.sigmoid(self.none_trees(table[~ggau])).to(logits.dtype)
            logits[~ggau] = with_none(logits[~ggau], share, weight)
        return logits
