"""The equivariant network: one body, and one small head per question asked of a crystal.

Starts from Merker 2022 (Fig. 3: embedding, gated convolutions, pooling) and changes what the paper
leaves on the table: learned element vectors beside tabulated properties, an adaptive smooth
neighbourhood instead of a fixed radius, residual channel-wise convolutions, and pooling by mean,
maximum and attention, none of which grows with the cell.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from e3nn import o3
from e3nn.nn import FullyConnectedNet
from torch import Tensor, nn

from magnetite.elements import MAX_ATOMIC_NUMBER, PROPERTY_NAMES, property_table
from magnetite.graphs import MAX_REACH
from magnetite.order.site_moments import MEAN_LOG_VOLUME, SiteMoments
from magnetite.order.trees import Trees, descriptor, with_share
from magnetite.runtime import Batch

FEATURES = 128
"""Length of a crystal's vector before the last layer."""
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
        k_members: readouts for the propagation vector; 0 before they are trained.
        trees: number, nodes and depth of the trees that help to tell AFM from FM; None before they are grown.
        tree_weight: their share in the probability of AFM among magnets.
        k_forest: size of the forest beside each propagation-vector readout; None before they are grown.
        k_forest_weight: its share in the probability of a zero propagation vector.
        companions: further bodies, trained from other seeds, whose opinion on the order is averaged with the first's.
        site_moments: width of the readout for |m| that is trained last; None before, when |m| is one step of the body.
    """

    scalars: int = 96
    vectors: int = 48
    layers: int = 3
    radial: int = 10
    dropout: float = 0.1
    k_members: int = 0
    trees: tuple[int, int, int] | None = None
    tree_weight: float = 0.5
    k_forest: tuple[int, int, int] | None = None
    k_forest_weight: float = 0.9
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
        pooled = self.pool(self.site(atoms), batch)
        volume = batch.volume_per_atom.log()[:, None] - MEAN_LOG_VOLUME
        features: Tensor = self.crystal(torch.cat([pooled, volume], dim=1))
        return features


class Companion(nn.Module):
    """Another body with its readout for the order."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.body = Body(config)
        self.order = Readout(self.body.size, config, len(ORDER_CLASSES))

    def forward(self, batch: Batch) -> Tensor:
        """Logits of ORDER_CLASSES, (n_crystals, 3)."""
        logits: Tensor = self.order(self.body(batch), batch)
        return logits


class MagnetismNetwork(nn.Module):
    """One body with the readouts for order, propagation vector and |m| of each atom.

    The propagation vector is read by several members, trained on different compounds; they share
    the body, so asking all of them costs little more than asking one.
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or NetworkConfig()
        self.body = Body(config)
        self.order = Readout(self.body.size, config, len(ORDER_CLASSES))
        self.moment = nn.Sequential(nn.Linear(self.body.size, 64), nn.SiLU(), nn.Linear(64, 1))
        self.zero_k = nn.ModuleList(Readout(self.body.size, config, 1) for _ in range(config.k_members))
        self.companions = nn.ModuleList(Companion(config) for _ in range(config.companions))
        self.trees = Trees(*config.trees) if config.trees else None
        forests = config.k_members if config.k_forest else 0
        self.k_forests = nn.ModuleList(Trees(*(config.k_forest or ())) for _ in range(forests))
        self.site_moments = SiteMoments(self.body.size, config.site_moments) if config.site_moments else None

    def forward(self, batch: Batch, atoms: Tensor | None = None) -> dict[str, Tensor]:
        """Evaluate a batch.

        Args:
            batch: the crystals.
            atoms: what the body makes of them, if that is known already, (n_atoms, Body.size).

        Returns:
            ``order``: logits of ORDER_CLASSES, (n_crystals, 3); ``features``: mean over the atoms of what the body
            makes of them, (n_crystals, Body.size); ``moment``: |m| in μB, not clipped at zero, (n_atoms,);
            ``zero_k``: logits of each member, (n_crystals, k_members).
        """
        if atoms is None:
            atoms = self.body(batch)
        order = self.order(atoms, batch)
        if len(self.companions):
            opinions = torch.stack([order, *(companion(batch) for companion in self.companions)])
            order = torch.logsumexp(opinions.log_softmax(-1), dim=0) - math.log(len(opinions))
        members = [member(atoms, batch) for member in self.zero_k]
        zero_k = torch.cat(members, dim=1) if members else order.new_zeros(len(order), 0)
        if self.trees is not None:
            table = descriptor(batch, self.body.properties)
            order = self._with_trees(order, table)
            zero_k = self._with_forests(zero_k, table)
        return {
            "order": order,
            "features": batch.mean_over_atoms(atoms),
            "moment": self._moments(atoms, batch),
            "zero_k": zero_k,
        }

    def _moments(self, atoms: Tensor, batch: Batch) -> Tensor:
        readout = self.site_moments
        found: Tensor = readout(atoms, batch, self.body.properties) if readout else self.moment(atoms).squeeze(1)
        return found

    def _with_forests(self, logits: Tensor, table: Tensor) -> Tensor:
        """Logits of the probabilities of zero k, each member's averaged with its forest's."""
        if not len(self.k_forests):
            return logits
        shares = torch.stack([forest(table) for forest in self.k_forests], dim=1).to(logits.dtype)
        weight = self.config.k_forest_weight
        return torch.logit((1 - weight) * torch.sigmoid(logits) + weight * shares, eps=1e-6)

    def _with_trees(self, logits: Tensor, table: Tensor) -> Tensor:
        assert self.trees is not None
        return with_share(logits, torch.sigmoid(self.trees(table)).to(logits.dtype), self.config.tree_weight)
