"""What the models of the study learn from: the body's features of atoms, and the trees' of crystals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import Example
from magnetite.elements import property_table
from magnetite.evaluation.paper.work import Work
from magnetite.graphs import Graph
from magnetite.order.network import MagnetismNetwork
from magnetite.order.tasks import FrozenAtoms, join
from magnetite.order.trees import EXTENSIVE, descriptor
from magnetite.runtime import EDGES_PER_BATCH, by_edges
from magnetite.sublattice import GEOMETRY_NAMES

_NONE = np.zeros(0, np.int64)
_ATOMS_PER_BATCH = 4_000


class KeptAtoms(FrozenAtoms):
    """Features of atoms under a body that no longer learns, kept in a folder.

    Args:
        network: whose body it is.
        examples: whose atoms.
        bare: the same `without_edges`: what is asked for later.
        device: where the network runs.
        work: of this network.
        name: of the kept result; tells these examples from others.
        progress: show a bar.
    """

    def __init__(
        self,
        network: MagnetismNetwork,
        examples: Sequence[Example],
        bare: Sequence[Example],
        device: torch.device,
        work: Work,
        name: str,
        *,
        progress: bool = True,
    ) -> None:
        self.device = device
        network.eval()

        @torch.no_grad()
        def make() -> dict[str, NDArray[np.float16]]:
            parts = list(by_edges(examples, lambda e: e.graph.n_edges, EDGES_PER_BATCH[device.type]))
            bar = tqdm(parts, desc=name, unit="batch", disable=not progress)
            return {"atoms": torch.cat([network.body(join(part).to(device)).half().cpu() for part in bar]).numpy()}

        atoms = torch.from_numpy(work.kept(name, make)["atoms"])
        sizes = [e.graph.n_atoms for e in examples]
        self._of = dict(zip(bare, torch.split(atoms, sizes), strict=True))

    def mean(self, example: Example) -> NDArray[np.float32]:
        """Mean over the atoms of a crystal, shape (Body.size,)."""
        mean: NDArray[np.float32] = self._of[example].float().mean(0).numpy()
        return mean


def without_edges(example: Example) -> Example:
    """The example with its atoms alone: all that readouts of known features need, and quick to batch."""
    graph = example.graph
    bare = Graph(graph.numbers, _NONE, _NONE, np.zeros((0, 3), np.float32), graph.reach)
    return replace(example, graph=bare)


def tree_table(examples: Sequence[Example]) -> NDArray[np.float32]:
    """The trees' descriptor of each example, (n, features); see `magnetite.order.trees.descriptor`."""
    properties = torch.from_numpy(property_table())
    parts = by_edges(map(without_edges, examples), lambda e: e.graph.n_atoms, _ATOMS_PER_BATCH)
    return torch.cat([descriptor(join(part), properties).float() for part in parts]).numpy()


def with_cell(table: NDArray[np.float32], atoms: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.float32]:
    """The table as it would be for another cell of each crystal.

    The descriptor holds the cell in few columns only: numbers of atoms and electrons, and whether those are odd.
    Everything else describes the primitive cell, as it always does.

    Args:
        table: of primitive cells, (n, features).
        atoms: of the primitive cells, (n,).
        cell: atoms of the other cells, (n,).
    """
    end = table.shape[1] - len(GEOMETRY_NAMES)
    odd, sizes = end - EXTENSIVE - 1, slice(end - EXTENSIVE, end)
    changed = table.copy()
    changed[:, sizes] *= (cell / atoms)[:, None]
    changed[:, odd] *= (cell // atoms) % 2
    return changed
