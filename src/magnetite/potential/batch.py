"""Neighbours in a fixed cutoff as a table, and several crystals as one batch of such tables.

The graph of the classifiers looks as far as each atom's surroundings ask for, which is not smooth enough to be
differentiated twice; energies need a fixed cutoff. A table (atoms × neighbours) turns the sums over neighbours into
matrix products, which are cheap to differentiate twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnetite.errors import StructureError
from magnetite.graphs import MIN_DISTANCE, neighbours_within
from magnetite.structures import Crystal


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A crystal with moments, and who sees whom.

    Attributes:
        numbers: atomic numbers, (n_atoms,).
        moments: in μB, (n_atoms, 3).
        receivers: the atom that sees, ascending, (n_edges,).
        senders: the neighbour it sees, (n_edges,).
        vectors: from receiver to sender in Å, (n_edges, 3).
        images: cell of the sender as seen from the receiver, (n_edges, 3).
        volume: in Å³; stress is per this, and zero for a cluster, whose volume is infinite.
        source: where the crystal came from, if known.
    """

    numbers: NDArray[np.int64]
    moments: NDArray[np.float64]
    receivers: NDArray[np.int64]
    senders: NDArray[np.int64]
    vectors: NDArray[np.float64]
    images: NDArray[np.int64]
    volume: float
    source: str | None = None

    def __len__(self) -> int:
        return len(self.numbers)


def surroundings(
    crystal: Crystal, moments: NDArray[np.float64], cutoff: float, volume: float | None = None
) -> Surroundings:
    """Find the neighbours within a cutoff.

    Args:
        crystal: of one or more atoms.
        moments: in μB, (n_atoms, 3).
        cutoff: in Å.
        volume: in Å³ that stress is per; the crystal's if None.

    Raises:
        StructureError: two atoms coincide.
    """
    coords = crystal.frac_coords
    receivers, senders, images, distances = neighbours_within(crystal.lattice, coords, cutoff)
    itself = (receivers == senders) & ~np.rint(images).any(axis=1)
    if (distances[~itself] < MIN_DISTANCE).any():
        raise StructureError(f"two atoms are closer than {MIN_DISTANCE} Å", crystal.source)
    seen = ~itself & (distances < cutoff)
    receivers, senders, images = receivers[seen], senders[seen], images[seen]
    vectors = (coords[senders] + images - coords[receivers]) @ crystal.lattice
    return Surroundings(
        crystal.numbers, np.asarray(moments, float), receivers, senders, vectors,
        np.rint(images).astype(np.int64), crystal.volume if volume is None else volume,
        crystal.source,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class SpinBatch:
    """Several crystals, on a device.

    Attributes:
        species: place of each atom's element in the network's list, (n,).
        moments: in μB, (n, 3).
        neighbours: the atoms each atom sees, (n, k); itself where there is none.
        present: 1 where there is a neighbour, 0 where the table is empty, (n, k).
        vectors: to the neighbours in Å, (n, k, 3); of the cutoff's length where there is none.
        owners: the crystal of each atom, (n,).
        sizes: atoms of each crystal, (b,).
        volumes: in Å³, (b,).
    """

    species: Tensor
    moments: Tensor
    neighbours: Tensor
    present: Tensor
    vectors: Tensor
    owners: Tensor
    sizes: Tensor
    volumes: Tensor

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> SpinBatch:
        """Move to a device and a precision."""
        moved = {}
        for field in fields(self):
            value: Tensor = getattr(self, field.name)
            moved[field.name] = value.to(device, dtype if value.is_floating_point() else value.dtype)
        return SpinBatch(**moved)

    def with_moments(self, moments: Tensor) -> SpinBatch:
        """The same crystals with other moments in μB, (n, 3)."""
        return replace(self, moments=moments)

    def sum_over_species(self, values: Tensor) -> Tensor:
        """Sum over each crystal's atoms of what their species has, (kinds,) → (b,)."""
        return self.sum_over_atoms(values[self.species])

    def sum_over_atoms(self, values: Tensor) -> Tensor:
        """Sum over each crystal: (n, …) to (b, …)."""
        shape = (len(self.sizes), *values.shape[1:])
        return torch.zeros(shape, dtype=values.dtype, device=values.device).index_add(0, self.owners, values)


def collate(items: Sequence[Surroundings], places: dict[int, int], cutoff: float) -> SpinBatch:
    """Join crystals on the CPU, in double precision.

    Args:
        items: at least one.
        places: of atomic numbers in the network's list.
        cutoff: in Å.
    """
    sizes = np.array([len(item) for item in items])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    total = int(sizes.sum())
    receivers = np.concatenate([item.receivers + start for item, start in zip(items, starts, strict=True)])
    senders = np.concatenate([item.senders + start for item, start in zip(items, starts, strict=True)])
    counts = np.bincount(receivers, minlength=total)
    width = max(int(counts.max(initial=0)), 1)
    columns = np.arange(len(receivers)) - np.repeat(np.cumsum(counts) - counts, counts)
    neighbours = np.repeat(np.arange(total)[:, None], width, axis=1)
    present = np.zeros((total, width))
    vectors = np.zeros((total, width, 3))
    vectors[..., 2] = cutoff
    neighbours[receivers, columns] = senders
    present[receivers, columns] = 1.0
    vectors[receivers, columns] = np.concatenate([item.vectors for item in items])
    numbers = np.concatenate([item.numbers for item in items])
    return SpinBatch(
        species=torch.tensor([places[int(z)] for z in numbers]),
        moments=torch.from_numpy(np.concatenate([item.moments for item in items])),
        neighbours=torch.from_numpy(neighbours),
        present=torch.from_numpy(present),
        vectors=torch.from_numpy(vectors),
        owners=torch.from_numpy(np.repeat(np.arange(len(items)), sizes)),
        sizes=torch.from_numpy(sizes),
        volumes=torch.tensor([item.volume for item in items], dtype=torch.float64),
    )
