"""Size of the network and of what stands beside it, as the card keeps it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from magnetite.order.trees import Room


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
        relatives: number of families of crystals whose computed orders the latter are told; None if they are not.
        none_trees: of those that help to tell NM from magnets where it does not.
        tree_weight: share of the first in the probability of AFM among magnets.
        ggau_tree_weight: share of the second in it.
        none_weight: share of the last in the probability of NM.
        k_members: number of opinions on the propagation vector, 0 before there are any.
        k_trees: of the trees of each.
        companions: further bodies, trained on their own, whose opinion on the order is averaged with the first's.
        site_moments: width of the readout for |m| that is trained last; None before, when |m| is one step of the body.
    """

    scalars: int = 96
    vectors: int = 48
    layers: int = 3
    radial: int = 10
    dropout: float = 0.1
    trees: Room | None = None
    ggau_trees: Room | None = None
    relatives: int | None = None
    none_trees: Room | None = None
    tree_weight: float = 0.5
    ggau_tree_weight: float = 0.5
    none_weight: float = 0.7
    k_members: int = 0
    k_trees: Room | None = None
    companions: int = 0
    site_moments: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the model card."""
        return asdict(self)
