"""The crystal graph for other libraries, and its statistics as a vector.

Nodes are the atoms of the given cell. An edge leads from the atom that sees to the neighbour that is seen, of which
the periodic image says in which cell it lies; several edges between two atoms differ in it. How far an atom sees is
decided in `magnetite.graphs`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from magnetite.representations.encoder import Encoder, Vector
from magnetite.representations.kinds import KINDS, kind_table
from magnetite.representations.libraries import library
from magnetite.structures import Crystal, as_crystal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.graphs import Graph
    from magnetite.structures import StructureLike


@dataclass(frozen=True, eq=False)
class CrystalGraph:
    """The neighbour graph of a crystal with the periodic image of each edge.

    Attributes:
        crystal: the cell that atoms and images are counted in.
        graph: `magnetite.graphs.Graph`; edges from ``receivers``, which see, to ``senders``, which are seen.
        images: cell of the neighbour, such that ``(frac[sender] + image - frac[receiver]) @ lattice`` is the edge's
            vector, shape (n_edges, 3).
    """

    crystal: Crystal
    graph: Graph
    images: NDArray[np.int64]

    @property
    def distances(self) -> Vector:
        """Length of each edge in Å, shape (n_edges,)."""
        return _lengths(self.graph)

    def to_networkx(self) -> Any:
        """A ``networkx.MultiDiGraph``.

        Nodes have ``number``, ``symbol``, ``position`` (Å) and ``reach`` (Å); edges, whose key is the image,
        ``image``, ``vector`` and ``distance`` (Å); the graph has ``lattice`` (Å).
        """
        from ase.data import chemical_symbols

        crystal, graph = self.crystal, self.graph
        found = library("networkx").MultiDiGraph(lattice=crystal.lattice, source=crystal.source)
        for i, (z, place, reach) in enumerate(
            zip(graph.numbers.tolist(), crystal.frac_coords @ crystal.lattice, graph.reach.tolist(), strict=True)
        ):
            found.add_node(i, number=z, symbol=chemical_symbols[z], position=place, reach=reach)
        ends = zip(graph.receivers.tolist(), graph.senders.tolist(), strict=True)
        for (receiver, sender), image, vector, distance in zip(
            ends, map(tuple, self.images.tolist()), graph.vectors, self.distances.tolist(), strict=True
        ):
            found.add_edge(receiver, sender, key=image, image=image, vector=vector, distance=distance)
        return found

    def to_pyg(self) -> Any:
        """A ``torch_geometric.data.Data``.

        ``z``, ``pos`` (Å), ``cell`` (1, 3, 3), ``edge_index`` (2, n_edges; PyTorch Geometric's messages flow from its
        first row, the neighbours, to its second), ``edge_attr`` (lengths in Å, (n_edges, 1)), ``edge_vec`` (n_edges, 3)
        and ``edge_shift`` (images, (n_edges, 3)).

        Raises:
            MagnetiteError: PyTorch Geometric is not installed.
        """
        data = library("torch_geometric.data").Data
        import torch

        crystal, graph = self.crystal, self.graph
        return data(
            z=torch.from_numpy(graph.numbers),
            pos=torch.from_numpy(crystal.frac_coords @ crystal.lattice).float(),
            cell=torch.from_numpy(crystal.lattice).float()[None],
            edge_index=torch.from_numpy(np.stack([graph.senders, graph.receivers])).long(),
            edge_attr=torch.from_numpy(self.distances).float()[:, None],
            edge_vec=torch.from_numpy(graph.vectors),
            edge_shift=torch.from_numpy(self.images),
            num_nodes=graph.n_atoms,
        )


def crystal_graph(structure: StructureLike) -> CrystalGraph:
    """The crystal graph of one structure, in the cell that is given.

    Args:
        structure: what `magnetite.structures.as_crystal` takes.

    Raises:
        StructureError: it cannot be used, or atoms coincide.
        ReadError: a file cannot be read.
    """
    crystal = as_crystal(structure)
    graph = crystal.graph
    places = crystal.frac_coords
    steps = graph.vectors @ np.linalg.inv(crystal.lattice) - places[graph.senders] + places[graph.receivers]
    return CrystalGraph(crystal, graph, np.rint(steps).astype(np.int64))


class GraphStatistics(Encoder):
    """The crystal graph in a few numbers: neighbours and distances over the atoms, edges between kinds of elements."""

    ATOM_NAMES = ("neighbours", "nearest", "mean distance", "reach")
    STATISTICS = ("mean", "spread", "min", "max")

    def __init__(self) -> None:
        kinds = list(KINDS)
        pairs = [f"{a}-{b}" for i, a in enumerate(kinds) for b in kinds[i:]]
        atoms = [f"{how} {what}" for how in self.STATISTICS for what in self.ATOM_NAMES]
        self.labels = tuple(f"graph {name}" for name in (*atoms, *(f"edges {pair}" for pair in pairs)))

    def encode(self, crystal: Crystal) -> Vector:
        """Mean, spread, smallest and largest over the atoms, and the share of edges between each two kinds.

        An atom without neighbours counts as one whose nearest is at its reach.
        """
        graph, n = crystal.graph, len(crystal)
        lengths = _lengths(graph)
        degree = np.bincount(graph.receivers, minlength=n)
        nearest = graph.reach.astype(float)
        np.minimum.at(nearest, graph.receivers, lengths)
        mean = np.where(degree, np.bincount(graph.receivers, lengths, n) / np.maximum(degree, 1), graph.reach)
        atoms = np.stack([degree, nearest, mean, graph.reach])
        kinds = kind_table()[graph.numbers]
        table = np.zeros((len(KINDS), len(KINDS)))
        np.add.at(table, (kinds[graph.receivers], kinds[graph.senders]), 1 / max(graph.n_edges, 1))
        both = table + table.T - np.diag(table.diagonal())
        columns = (atoms.mean(1), atoms.std(1), atoms.min(1), atoms.max(1), both[np.triu_indices(len(KINDS))])
        return np.concatenate(columns)


def _lengths(graph: Graph) -> Vector:
    lengths: Vector = np.linalg.norm(graph.vectors.astype(float), axis=1)
    return lengths
