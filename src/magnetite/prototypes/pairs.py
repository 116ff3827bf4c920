"""Everything of a sample that the descriptor needs a neighbour search for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from magnetite.clusters import Cluster
from magnetite.errors import StructureError
from magnetite.graphs import MIN_DISTANCE
from magnetite.prototypes.neighbours import Surroundings
from magnetite.prototypes.radial import Soap
from magnetite.prototypes.scale import typical_distance
from magnetite.structures import Crystal

FIRST_SEARCH, MAX_SEARCH = 20.0, 50.0
"""Å; nearest neighbours are looked for no further away, at first and at all."""
GROWTH = 1.7
"""From one search radius to the next."""
MAX_EDGES = 100_000_000
"""Vectors of a single sample: 6 GB, with what they are made from."""
SAME_SCALE = 1e-9
"""Relative difference up to which two units of length are the same."""
EQUAL_VECTORS = 1e-6
"""Relative to the longest; vectors that agree on this grid are merged, whose key still fits into 64 bits."""
MIN_OF_SPECIES = 2
"""Atoms of a species that a finite sample needs for them to have neighbours of their own kind."""
RAREST = 0.005
"""Share of the atoms; rarer species are foreign atoms. The rarest of the known types (in PbA2I4) has 0.026."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Vectors between the atoms of each pair of species of one sample, each pair in its own unit of length.

    With coefficients averaged over the centres before they are squared ("inner" average), two opposite vectors
    between atoms of the same species add up for even l and cancel for odd l; one of them is listed. The pairs
    (Z, Z') and (Z', Z) are described alike if their unit of length is the same; one of them is listed.

    Attributes:
        vectors: in units of the pair's typical nearest distance × the scale asked for, (n_edges, 3).
        ends: where each pair of species ends in `vectors`, (n_pairs,).
        same: whether the pair is of one species, and half of its vectors are listed, (n_pairs,).
        shares: how much each counts in the mean over ordered pairs of species, (n_pairs,); the sum is 1.
        counts: how often each vector occurs, (n_edges,); None if each stands for itself.
        left_out: atomic numbers of species too rare to be described, taken as vacancies.
        nearest: the smallest unit of length of any pair, in Å.
    """

    vectors: NDArray[np.float64]
    ends: NDArray[np.int64]
    same: NDArray[np.bool_]
    shares: NDArray[np.float64]
    counts: NDArray[np.float64] | None = None
    left_out: tuple[int, ...] = ()
    nearest: float = 0.0

    @property
    def n_edges(self) -> int:
        """Number of vectors listed, by which batches are cut."""
        return len(self.vectors)

    @property
    def parts(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64] | None]]:
        """Vectors and counts of each pair of species."""
        starts = np.concatenate(([0], self.ends[:-1]))
        pieces = [slice(start, end) for start, end in zip(starts.tolist(), self.ends.tolist(), strict=True)]
        return [(self.vectors[piece], None if self.counts is None else self.counts[piece]) for piece in pieces]

    def merged(self) -> Pairs:
        """The same with equal vectors listed once, and counted; in ideal structures those are most."""
        merged = [_merged(*part, same) for part, same in zip(self.parts, self.same.tolist(), strict=True)]
        ends = np.cumsum([len(vectors) for vectors, _ in merged])
        vectors, counts = (np.concatenate(columns) for columns in zip(*merged, strict=True))
        return replace(self, vectors=vectors, ends=ends, counts=counts)


def find_pairs(
    sample: Crystal | Cluster, *, soap: Soap | None = None, scale: float = 1.0, min_atoms: int = MIN_OF_SPECIES
) -> Pairs:
    """Search the neighbours of all pairs of species of a sample.

    Species rarer than `RAREST`, and in a finite sample those of fewer than `min_atoms` atoms, are left out, as if
    their sites were vacant: what they see is no structure, yet would count as much as that of all others.

    Args:
        sample: a crystal in any cell, or a finite sample.
        soap: settings of the descriptor; the default ones if None.
        scale: extrinsic scaling: lengths are divided by it beside the nearest distance.
        min_atoms: of each species of a finite sample, at least 2.

    Raises:
        StructureError: two atoms coincide, no species has enough atoms, atoms of two species are nowhere near
            each other, or there are too many pairs.
    """
    soap = soap or Soap()
    around = Surroundings.of(sample)
    species, left_out = _species(sample, max(min_atoms, MIN_OF_SPECIES))
    units = find_units(around, species, sample.source)
    vectors: list[NDArray[np.float64]] = []
    ends: list[int] = []
    same: list[bool] = []
    shares: list[float] = []
    total = 0
    for a, b in combinations_with_replacement(species, 2):
        ways = list(dict.fromkeys([(a, b), (b, a)]))
        reach = soap.cutoff * scale
        if len(ways) > 1 and abs(units[a, b] - units[b, a]) <= SAME_SCALE * units[a, b]:
            ways, share = [(a, b)], 2.0
        else:
            share = 1.0
        listed = _listed(around, a, b, max(units[way] for way in ways) * reach, total, sample.source)
        for way in ways:
            scaled = listed / (units[way] * scale)
            if len(ways) > 1:
                scaled = scaled[np.einsum("ij,ij->i", scaled, scaled) < soap.cutoff**2]
            total += len(scaled)
            vectors.append(scaled)
            ends.append(total)
            same.append(a == b)
            shares.append(share / len(species) ** 2)
    found = Pairs(np.concatenate(vectors), np.array(ends), np.array(same), np.array(shares))
    return replace(found, left_out=left_out, nearest=min(units.values()))


def _species(sample: Crystal | Cluster, min_atoms: int) -> tuple[list[int], tuple[int, ...]]:
    """Atomic numbers to describe, and those left out."""
    numbers, counts = np.unique(sample.numbers, return_counts=True)
    enough = (counts >= (min_atoms if isinstance(sample, Cluster) else 1)) & (counts >= RAREST * len(sample))
    if not enough.any():
        raise StructureError(
            f"is finite and has fewer than {min_atoms} atoms of any species; a structure type needs neighbours",
            sample.source,
        )
    return numbers[enough].tolist(), tuple(numbers[~enough].tolist())


def find_units(around: Surroundings, species: list[int], source: str | None) -> dict[tuple[int, int], float]:
    """The typical nearest distance in Å of each ordered pair of species.

    Args:
        around: the sample.
        species: atomic numbers.
        source: how errors name the sample.

    Raises:
        StructureError: two atoms coincide, or atoms of two species are nowhere near each other.
    """
    units = {}
    for a in species:
        for b in species:
            nearest = _nearest(around, a, b)
            if nearest.min() < MIN_DISTANCE:
                raise StructureError(
                    f"two atoms are only {nearest.min():.3f} Å apart; the minimum is {MIN_DISTANCE} Å", source
                )
            found = nearest[np.isfinite(nearest)]
            if not len(found):
                raise StructureError(
                    f"no atom {_symbol(a)} has an atom {_symbol(b)} within {MAX_SEARCH:.0f} Å; "
                    "a structure type needs neighbours",
                    source,
                )
            units[a, b] = typical_distance(found)
    return units


def _nearest(around: Surroundings, a: int, b: int) -> NDArray[np.float64]:
    """Nearest distances within `MAX_SEARCH`, searched no further than needed."""
    reach = MAX_SEARCH
    if around.lattice is not None:
        room = abs(np.linalg.det(around.lattice)) / len(around.indices(b))
        reach = min(FIRST_SEARCH, max(MIN_DISTANCE, 1.2 * room ** (1 / 3)))
    while True:
        nearest = around.nearest(a, b, reach)
        if reach >= MAX_SEARCH or np.isfinite(nearest).all():
            return nearest
        reach = min(MAX_SEARCH, GROWTH * reach)


def _listed(around: Surroundings, a: int, b: int, reach: float, before: int, source: str | None) -> NDArray[np.float64]:
    """All vectors from species a to b within reach in Å, (n, 3)."""
    pieces = []
    total = before
    for piece in around.vectors(a, b, reach):
        total += len(piece)
        if total > MAX_EDGES:
            raise StructureError(
                f"has more than {MAX_EDGES:,} pairs of neighbours; map it place by place (magnetite spm)", source
            )
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _merged(
    vectors: NDArray[np.float64], counts: NDArray[np.float64] | None, same: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distinct vectors and how often each occurs; opposite ones count as equal if `same`."""
    grid = np.rint(vectors / (EQUAL_VECTORS * abs(vectors).max())).astype(np.int64)
    span = 2 * int(abs(grid).max()) + 1
    key = (grid[:, 0] * span + grid[:, 1]) * span + grid[:, 2]
    _, first, place = np.unique(abs(key) if same else key, return_index=True, return_inverse=True)
    return vectors[first], np.bincount(place, counts, len(first)).astype(float)


def _symbol(number: int) -> str:
    from ase.data import chemical_symbols

    return str(chemical_symbols[number])
