"""Magnetic sites of the states of a fit: their spins, their pairs over all periodic images, and the shells of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.errors import DataError, ExchangeError
from magnetite.exchange.shells import SAME_SHELL
from magnetite.potential.arrays import as_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core.structure import Structure

SMALLEST_MOMENT = 0.1
"""μB; sites with less carry no spin here."""
_BLURRED = 0.3
"""Å; a shell that is wider is none."""


class Shell(NamedTuple):
    """Pairs of two species at one distance.

    Attributes:
        species: their symbols, sorted.
        distance: Å.
    """

    species: tuple[str, str]
    distance: float

    def __str__(self) -> str:
        return f"{self.species[0]}-{self.species[1]} {self.distance:.3f} Å"


class Pairs(NamedTuple):
    """Pairs of magnetic sites of one structure, each once, and their shells."""

    bonds: NDArray[np.int64]
    products: NDArray[np.float64]
    shells: list[Shell]


def spins_of(structure: Structure, name: str) -> NDArray[np.float64]:
    """Unit vectors of the moments, zero for sites without, shape (n, 3).

    Raises:
        ExchangeError: as `moments_of`, or all moments are small.
    """
    vectors = moments_of(structure, name)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    carries = lengths[:, 0] >= SMALLEST_MOMENT
    if not carries.any():
        raise ExchangeError(f"a structure has no moment above {SMALLEST_MOMENT} μB", name)
    return np.where(carries[:, None], vectors / np.where(lengths > 0, lengths, 1), 0.0)


def moments_of(structure: Structure, name: str) -> NDArray[np.float64]:
    """Moments of the sites as vectors in μB, (n, 3); numbers point along z.

    Raises:
        ExchangeError: a site has none, or one is no finite number or vector.
    """
    given = structure.site_properties.get("magmom")
    if given is None or any(m is None for m in given):
        raise ExchangeError("a structure has no site property magmom", name)
    try:
        return as_vectors(given, len(structure))
    except DataError as error:
        raise ExchangeError(error.reason, name) from error


def pairs_of(structure: Structure, spins: NDArray[np.float64], cutoff: float) -> Pairs:
    """All pairs up to a distance in Å, also with a site's own images, each with its shell."""
    one, other, images, distances = structure.get_neighbor_list(cutoff, exclude_self=True)
    magnetic = np.asarray(spins.any(axis=1))
    bonds = np.column_stack([one, other, images]).astype(np.int64)
    kept = magnetic[one] & magnetic[other] & (distances > SAME_SHELL)
    bonds, distances = bonds[kept], distances[kept]
    symbols = [site.specie.symbol for site in structure]
    shells = [
        Shell((min(symbols[i], symbols[j]), max(symbols[i], symbols[j])), float(d))
        for (i, j), d in zip(bonds[:, :2], distances, strict=True)
    ]
    products = np.sum(spins[bonds[:, 0]] * spins[bonds[:, 1]], axis=1) / 2  # both directions are listed
    return Pairs(bonds, products, shells)


def shells_of(found: list[Shell], name: str) -> list[Shell]:
    """Shells of all pairs, at their mean distances; atoms that are displaced a little stay in theirs.

    Raises:
        ExchangeError: distances run into one another, so that there are no shells.
    """
    shells = []
    for species in sorted({shell.species for shell in found}):
        distances = np.sort([shell.distance for shell in found if shell.species == species])
        parts = np.split(distances, np.flatnonzero(np.diff(distances) > SAME_SHELL) + 1)
        for part in parts:
            if part[-1] - part[0] > _BLURRED:
                raise ExchangeError(
                    f"distances between {' and '.join(species)} run together from {part[0]:.2f} to {part[-1]:.2f} Å: "
                    "the states must be of one crystal",
                    name,
                )
            shells.append(Shell(species, float(part.mean())))
    return sorted(shells, key=lambda s: s.distance)


def places_of(pairs: Pairs, shells: list[Shell]) -> NDArray[np.int64]:
    """Which shell each pair belongs to, (n_pairs,)."""
    places = np.zeros(len(pairs.shells), np.int64)
    distances = np.array([shell.distance for shell in pairs.shells])
    for species in {shell.species for shell in pairs.shells}:
        own = np.flatnonzero([shell.species == species for shell in shells])
        rows = np.flatnonzero([shell.species == species for shell in pairs.shells])
        centres = np.array([shells[place].distance for place in own])
        places[rows] = own[abs(distances[rows, None] - centres).argmin(axis=1)]
    return places
