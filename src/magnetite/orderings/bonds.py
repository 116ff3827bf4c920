"""Pairs of magnetic sites, described by what decides the sign of their exchange.

The rules are those of Anderson, Goodenough and Kanamori (Goodenough, Magnetism and the Chemical Bond, 1963): straight
bridges couple antiferromagnetically, right-angled ones weakly or ferromagnetically, both depending on the number of d
electrons and the ligand; bridges with one long and one short leg (ordered orbitals, d4 and d9) ferromagnetically;
directly, by distance. How much each of them counts is learned (`magnetite.orderings.couplings`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.cells import compact
from magnetite.sublattice.features import coordinated, neighbours
from magnetite.sublattice.interactions import find_bridges
from magnetite.sublattice.valence import valence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.structures import Crystal

ELECTRONS = (2.5, 3.5, 4.5, 5.5)
"""Valence electrons of the open sites (mean over the crystal) that part the classes of `COUNTS`."""
COUNTS = ("few", "d3", "d4", "d5", "many", "unknown")
DISTANCES = (2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0)
"""Å; between two of them a pair counts for both in shares, as in linear interpolation."""
ASYMMETRY = 0.2
"""Å; two legs of a bridge that differ by this or more count as long and short."""
OVERLAP = (2.5, 3.3)
"""Å; d orbitals overlap directly, in full below the first and not beyond the second: strongest for few electrons."""
HARD_LIGANDS = (7, 8, 9)
"""N, O, F."""
ACUTE, RIGHT, TETRAHEDRAL, STRAIGHT = 80.0, 100.0, 112.0, 145.0
"""Degrees at which one kind of bridge ends and the next begins."""
BOND_NAMES = (
    *(f"straight, {count} electrons" for count in COUNTS),
    *(f"right-angled, {count} electrons" for count in COUNTS),
    "straight, soft ligand", "right-angled, soft ligand", "acute", "tetrahedral", "bent", "bent, soft ligand",
    "straight, unequal legs", "straight, unequal legs, d4",
    *(f"{distance:g} Å, {kind}" for kind in ("with ligands", "without") for distance in DISTANCES),
    "relative distance^-8", "relative distance^-4",
    *(f"overlap, {count} electrons" for count in COUNTS),
)  # fmt: skip
"""What describes a pair; every number is a strength, zero where it does not apply."""
_FILL = -1.0


class Bonds(NamedTuple):
    """Ordered pairs of magnetic sites, both directions of each.

    Attributes:
        first: one site, counted among the magnetic sites, shape (n_pairs,).
        second: the other.
        images: cell of the second as seen from the first, in the crystal's own basis and coordinates, (n_pairs, 3).
        features: what `BOND_NAMES` names, shape (n_pairs, len(BOND_NAMES)).
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    images: NDArray[np.int64]
    features: NDArray[np.float64]


def find_bonds(crystal: Crystal, sites: NDArray[np.int64]) -> Bonds:
    """Describe all pairs of magnetic sites that are within 8 Å, and those that share a ligand.

    Args:
        crystal: a primitive cell.
        sites: its magnetic sites, ascending, shape (n_sites,).
    """
    magnetic = np.zeros(len(crystal), dtype=bool)
    magnetic[sites] = True
    magnets, ligands = neighbours(crystal, magnetic)
    legs = coordinated(ligands, len(sites))[0]
    bridges = find_bridges(legs)[0]
    ends = bridges.bonds
    angles = np.degrees(np.arccos(bridges.cosines))
    kinds = crystal.numbers[~magnetic][legs.atoms[ends[:, 0]]] if len(ends) else np.zeros(0, np.int64)
    unequal = np.minimum(abs(np.diff(legs.distances[ends], axis=1)[:, 0]) / ASYMMETRY, 1.0)
    count = COUNTS.index(_count(crystal))
    bridged = _bridge_features(angles, np.isin(kinds, HARD_LIGANDS), unequal, count)
    direct = _direct_features(magnets.distances, count, metallic=not len(legs.sites))
    first = np.concatenate([bridges.first, bridges.second, magnets.sites])
    second = np.concatenate([bridges.second, bridges.first, magnets.atoms])
    images = np.concatenate([bridges.images, -bridges.images, magnets.images])
    features = np.zeros((len(first), len(BOND_NAMES)))
    features[: 2 * len(bridged), : bridged.shape[1]] = np.concatenate([bridged, bridged])
    features[2 * len(bridged) :, bridged.shape[1] :] = direct
    return Bonds(first, second, _own_images(crystal, sites, first, second, images), features)


def _own_images(
    crystal: Crystal,
    sites: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    images: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Images in the crystal's own basis and coordinates, from those of the neighbour search (compact and wrapped)."""
    lattice, coords = compact(crystal.lattice, crystal.frac_coords)
    wrapped = (coords - np.floor(coords))[sites]
    vectors = (images + wrapped[second] - wrapped[first]) @ lattice @ np.linalg.inv(crystal.lattice)
    own = crystal.frac_coords[sites]
    return np.rint(vectors - own[second] + own[first]).astype(np.int64)


def _count(crystal: Crystal) -> str:
    electrons = valence(crystal.numbers, _FILL)[2]
    return COUNTS[-1] if electrons == _FILL else COUNTS[int(np.searchsorted(ELECTRONS, electrons))]


def _bridge_features(
    angles: NDArray[np.float64], hard: NDArray[np.bool_], unequal: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    """The first names of `BOND_NAMES`, those of bridges, shape (n_bridges, 20)."""
    n_counts = len(COUNTS)
    found = np.zeros((len(angles), 2 * n_counts + 8))
    cosine2 = np.cos(np.radians(angles)) ** 2
    straight = np.where(angles >= STRAIGHT, cosine2, 0.0)
    right = np.where((angles >= ACUTE) & (angles < RIGHT), 1 - cosine2, 0.0)
    found[:, count], found[:, n_counts + count] = straight, right
    bent = np.where((angles >= TETRAHEDRAL) & (angles < STRAIGHT), cosine2, 0.0)
    found[:, 2 * n_counts :] = np.stack([
        straight * ~hard, right * ~hard, (angles < ACUTE) * 1.0, ((angles >= RIGHT) & (angles < TETRAHEDRAL)) * 1.0,
        bent, bent * ~hard, straight * unequal, straight * unequal * (COUNTS[count] == "d4"),
    ], axis=1)  # fmt: skip
    return found


def _direct_features(distances: NDArray[np.float64], count: int, *, metallic: bool) -> NDArray[np.float64]:
    """The last names of `BOND_NAMES`, those of direct pairs, shape (n_pairs, 22)."""
    centres = np.array(DISTANCES)
    found = np.zeros((len(distances), 2 * len(centres) + 2 + len(COUNTS)))
    inside = np.clip(distances, centres[0], centres[-1])
    upper = np.clip(np.searchsorted(centres, inside), 1, len(centres) - 1)
    share = (inside - centres[upper - 1]) / (centres[upper] - centres[upper - 1])
    rows, shift = np.arange(len(distances)), len(centres) * metallic
    found[rows, shift + upper - 1], found[rows, shift + upper] = 1 - share, share
    relative = distances.min(initial=np.inf) / distances
    found[:, 2 * len(centres)], found[:, 2 * len(centres) + 1] = relative**8, relative**4
    found[:, count - len(COUNTS)] = np.clip((OVERLAP[1] - distances) / (OVERLAP[1] - OVERLAP[0]), 0, 1)
    return found
