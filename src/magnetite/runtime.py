"""Device, precision and batching: decided here, once, for every model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnetite.elements import ORDER_SET_PARTS
from magnetite.errors import DeviceError
from magnetite.graphs import Graph

Item = TypeVar("Item")

EDGES_PER_BATCH = {"cpu": 6_000, "cuda": 400_000}
"""Edges in one batch: on a CPU, what stays in the cache; on a GPU, what fills it (lowered when memory is short)."""

if hasattr(os, "register_at_fork"):
    # Forks, as multiprocessing's workers on Linux, have none of their parent's threads; torch would wait for them.
    os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Choose where models run: ``auto`` takes a CUDA GPU if one is there, else the CPU.

    Raises:
        DeviceError: the device does not exist here, or is of a kind that models were not tried on.
    """
    if str(device) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise DeviceError(f"device {device!r} is not available here; use auto or cpu") from error
    if resolved.type not in EDGES_PER_BATCH:
        raise DeviceError(f"device {device!r} is not supported; use auto, {' or '.join(EDGES_PER_BATCH)}")
    return resolved


@dataclass(frozen=True)
class Batch:
    """Several graphs as one, on a device.

    Attributes:
        numbers: atomic numbers, (n_atoms,).
        senders, receivers: edges, (n_edges,).
        vectors: from receiver to sender in Å, (n_edges, 3).
        reach: how far each atom looks in Å, (n_atoms,).
        owners: the crystal each atom belongs to, (n_atoms,).
        sizes: number of atoms of each crystal, (n_crystals,).
        volume_per_atom: in Å³, (n_crystals,).
        geometry: what is known of each crystal besides its graph, (n_crystals, g); g may be 0.
    """

    numbers: Tensor
    senders: Tensor
    receivers: Tensor
    vectors: Tensor
    reach: Tensor
    owners: Tensor
    sizes: Tensor
    volume_per_atom: Tensor
    geometry: Tensor

    mean_degree = 18.0
    """Typical number of neighbours; a fixed scale of the sums over them (z in Merker 2022, Eq. 1)."""

    def __len__(self) -> int:
        return len(self.sizes)

    def fade(self, lengths: Tensor) -> Tensor:
        """Weight of edges of these lengths in Å: flat near the atom, zero with zero slope at its reach; (n_edges,)."""
        x = (lengths / self.reach[self.receivers]).clamp(max=1.0)
        faded: Tensor = (1.0 - x**4) ** 2
        return faded

    @property
    def in_order_set(self) -> Tensor:
        """Whether the order set holds compounds of each crystal's elements (`elements.in_order_set`), (n_crystals,)."""
        parts = torch.tensor(ORDER_SET_PARTS, device=self.numbers.device)[self.numbers]
        return self.largest_over_atoms(parts).all(1)

    def to(self, device: torch.device) -> Batch:
        """Move all tensors to a device."""
        return Batch(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))

    def mean_over_atoms(self, x: Tensor) -> Tensor:
        """Mean of atom features (n_atoms, f) over each crystal: (n_crystals, f)."""
        total = torch.zeros(len(self), x.shape[1], dtype=x.dtype, device=x.device).index_add_(0, self.owners, x)
        return total / self.sizes[:, None]

    def largest_over_atoms(self, x: Tensor) -> Tensor:
        """Largest of atom features (n_atoms, f) in each crystal: (n_crystals, f)."""
        start = torch.full((len(self), x.shape[1]), -torch.inf, dtype=x.dtype, device=x.device)
        return start.scatter_reduce(0, self.owners[:, None].expand_as(x), x, "amax")


def collate(
    graphs: Sequence[Graph],
    volumes_per_atom: Sequence[float],
    geometries: Sequence[NDArray[np.float64]] | None = None,
) -> Batch:
    """Join graphs into one batch on the CPU.

    Args:
        graphs: at least one graph.
        volumes_per_atom: in Å³, one for each graph.
        geometries: further features of each crystal, (g,), where a model asks for them.
    """
    sizes = np.array([graph.n_atoms for graph in graphs])
    edges = np.array([graph.n_edges for graph in graphs])
    shift = np.repeat(np.concatenate(([0], np.cumsum(sizes)[:-1])), edges)
    return Batch(
        numbers=torch.from_numpy(np.concatenate([graph.numbers for graph in graphs])),
        senders=torch.from_numpy(np.concatenate([graph.senders for graph in graphs]) + shift),
        receivers=torch.from_numpy(np.concatenate([graph.receivers for graph in graphs]) + shift),
        vectors=torch.from_numpy(np.concatenate([graph.vectors for graph in graphs])),
        reach=torch.from_numpy(np.concatenate([graph.reach for graph in graphs])),
        owners=torch.from_numpy(np.repeat(np.arange(len(graphs)), sizes)),
        sizes=torch.from_numpy(sizes),
        volume_per_atom=torch.tensor(volumes_per_atom, dtype=torch.float32),
        geometry=torch.from_numpy(np.stack(geometries)) if geometries else torch.zeros(len(graphs), 0).double(),
    )


def by_edges(items: Iterable[Item], edges_of: Callable[[Item], int], limit: int) -> Iterator[list[Item]]:
    """Cut a stream into consecutive batches of at most `limit` edges; a larger item goes alone."""
    batch: list[Item] = []
    total = 0
    for item in items:
        edges = edges_of(item)
        if batch and total + edges > limit:
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += edges
    if batch:
        yield batch
