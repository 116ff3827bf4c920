"""The magnetic sublattice as numbers: what decides between AFM and FM, and between zero and non-zero k.

Distances and coordination of the magnetic sites, their ligands, the angles of superexchange, how well an
antiferromagnet of whole cells fits, the charge that the other atoms leave to them, symmetry, and whether they can
balance. Nothing depends on the choice of the cell, as long as it is primitive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from magnetite.cells import compact
from magnetite.elements import CAN_CARRY
from magnetite.sublattice.balance import BALANCE_NAMES, OpenSites, balance
from magnetite.sublattice.interactions import INTERACTION_NAMES, interactions
from magnetite.sublattice.symmetry import SYMMETRY_NAMES, analyzed, refined, symmetry
from magnetite.sublattice.valence import VALENCE_NAMES, valence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.structures import Crystal

REACH = 8.0
"""Å; magnetic neighbours are looked for so far. Shells that are not found count as at this distance, and empty."""
LIGAND_REACH = 4.0
"""Å; a site that has no ligand so near counts as having it at this distance, and none coordinated."""
SHELL_WIDTH = 1.05
"""A shell ends at so many times the distance at which it begins."""
COORDINATION = 1.3
"""Ligands up to so many times the distance of the nearest one are coordinated."""
FILL = -1.0
"""Stands for what a crystal does not have, such as angles without bridging ligands; nothing else is negative but, in
rare chemistry, a count of electrons."""
DECIMALS = 5
"""Rounding of the result, so that another cell of the same crystal falls on the same side of every threshold."""
_SLACK = 1e-4
"""Moves the limits above away from round numbers, which ideal structures are full of."""
_SHELLS = 3
_ITSELF = 1e-3
"""Å; an atom finds itself at a distance below."""
_SEARCH_TOLERANCE = 1e-8

SHELL_NAMES = (
    *(f"{what} {shell} {how}" for how in ("mean", "min") for what in ("distance", "neighbours") for shell in "123"),
    "distance 2 / distance 1", "distance 3 / distance 1", "copies 1", "copies 2", "copies 3",
)  # fmt: skip
"""Shells of magnetic neighbours; copies is the share of them that are the site itself, repeated by a translation."""
LIGAND_NAMES = ("ligand distance mean", "ligands mean", "ligand distance spread", "ligands spread")
"""Ligands: atoms that cannot carry a moment; mean and spread over the magnetic sites."""
GEOMETRY_NAMES = (
    *SHELL_NAMES, *LIGAND_NAMES, *INTERACTION_NAMES, *VALENCE_NAMES, *SYMMETRY_NAMES, *BALANCE_NAMES,
)  # fmt: skip
"""Names of the numbers that `magnetic_geometry` gives; distances in Å, angles in degrees, charges in e."""

_CAN_CARRY = np.array(CAN_CARRY)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Ordered pairs of a magnetic site and an atom near it.

    Attributes:
        sites: number of the magnetic site, counted among magnetic sites, shape (n_pairs,), ascending.
        atoms: number of the neighbour, counted likewise among its own kind, shape (n_pairs,).
        images: cell that the neighbour is in, shape (n_pairs, 3).
        distances: in Å, shape (n_pairs,).
        vectors: from the site to the neighbour in Å, shape (n_pairs, 3).
    """

    sites: NDArray[np.int64]
    atoms: NDArray[np.int64]
    images: NDArray[np.int64]
    distances: NDArray[np.float64]
    vectors: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_]) -> Neighbours:
        """The pairs that are chosen, shape (n_pairs,)."""
        kept = np.flatnonzero(chosen)
        return Neighbours(
            self.sites[kept],
            self.atoms[kept],
            self.images.take(kept, axis=0),  # take is twice as fast as indexing here
            self.distances[kept],
            self.vectors.take(kept, axis=0),
        )


_NOBODY = Neighbours(
    np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3), np.int64), np.zeros(0), np.zeros((0, 3))
)


def magnetic_geometry(crystal: Crystal) -> NDArray[np.float64]:
    """Describe the magnetic sublattice of a primitive cell.

    Args:
        crystal: a primitive cell, as `Crystal.primitive` gives it.

    Returns:
        The numbers that `GEOMETRY_NAMES` names, shape (len(GEOMETRY_NAMES),); all finite, `FILL` where the crystal
        lacks what they describe, and everywhere if no atom can carry a moment.
    """
    magnetic = _CAN_CARRY[crystal.numbers]
    if not magnetic.any():
        return np.full(len(GEOMETRY_NAMES), FILL)
    found = analyzed(crystal)
    symmetries = symmetry(crystal, found, magnetic, FILL)
    crystal = refined(crystal, found)
    magnetic = _CAN_CARRY[crystal.numbers]
    n_sites = int(np.count_nonzero(magnetic))
    magnets, ligands = neighbours(crystal, magnetic)
    distances = by_group(magnets.distances, magnets.sites, n_sites, np.inf)
    copies = by_group((magnets.sites == magnets.atoms).astype(float), magnets.sites, n_sites, 0.0)
    bonds, nearest = coordinated(ligands, n_sites)
    coordination = np.bincount(bonds.sites, minlength=n_sites)
    charge, _, electrons = charges = valence(crystal.numbers, FILL)
    known = OpenSites(charge, electrons, symmetries[SYMMETRY_NAMES.index("sites per orbit")])
    numbers = np.concatenate(
        [
            _shells(distances, copies),
            [nearest.mean(), coordination.mean(), nearest.std(), coordination.std()],
            interactions(magnets, bonds, n_sites, FILL),
            charges,
            symmetries,
            balance(crystal.numbers[magnetic], known, FILL),
        ]
    )
    rounded: NDArray[np.float64] = numbers.round(DECIMALS)
    return rounded


def by_group(values: NDArray[np.float64], groups: NDArray[np.int64], n_groups: int, fill: float) -> NDArray[np.float64]:
    """One row a group, its values first, then `fill`.

    Args:
        values: shape (n, ...).
        groups: of each value, ascending, shape (n,).
        n_groups: number of rows.
        fill: what the rest of shorter rows holds.

    Returns:
        Array of shape (n_groups, size of the largest group, ...).
    """
    counts = np.bincount(groups, minlength=n_groups)
    width = int(counts.max(initial=0))
    table = np.full((n_groups, width, *values.shape[1:]), fill)
    table[np.arange(width) < counts[:, None]] = values
    return table


def coordinated(ligands: Neighbours, n_sites: int) -> tuple[Neighbours, NDArray[np.float64]]:
    """Bonds to the ligands that are coordinated, and the distance of each site's nearest ligand in Å.

    Args:
        ligands: of each magnetic site, as `neighbours` gives them.
        n_sites: number of magnetic sites.
    """
    nearest = by_group(ligands.distances, ligands.sites, n_sites, LIGAND_REACH).min(axis=1, initial=LIGAND_REACH)
    return ligands.where(ligands.distances < nearest[ligands.sites] * COORDINATION + _SLACK), nearest


def neighbours(crystal: Crystal, magnetic: NDArray[np.bool_]) -> tuple[Neighbours, Neighbours]:
    """Magnetic neighbours within `REACH` and ligands within `LIGAND_REACH` of each magnetic site.

    Images count cells of the crystal's lattice made `compact`.
    """
    from pymatgen.optimization.neighbors import find_points_in_spheres

    lattice, coords = compact(crystal.lattice, crystal.frac_coords)
    lattice = np.ascontiguousarray(lattice)
    places = (coords - np.floor(coords)) @ lattice
    around = np.ascontiguousarray(places[magnetic])
    found = []
    for points, reach in ((around, REACH), (np.ascontiguousarray(places[~magnetic]), LIGAND_REACH)):
        if not len(points):
            found.append(_NOBODY)
            continue
        sites, atoms, images, distances = find_points_in_spheres(
            points, around, r=reach + _SLACK, pbc=np.ones(3, dtype=np.int64), lattice=lattice, tol=_SEARCH_TOLERANCE
        )
        vectors = images @ lattice + points.take(atoms, axis=0) - around.take(sites, axis=0)
        pairs = Neighbours(sites, atoms, np.rint(images).astype(np.int64), distances, vectors)
        found.append(pairs.where(distances > _ITSELF))
    return found[0], found[1]


def _shells(distances: NDArray[np.float64], copies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances, neighbours and copies in the first shells of each site, over the sites.

    Args:
        distances: of magnetic neighbours, one row a site, inf behind the last, shape (n_sites, n).
        copies: 1 for neighbours that are the site itself in another cell, shape (n_sites, n).
    """
    begins = np.full((_SHELLS, len(distances)), REACH)
    counts = np.zeros((_SHELLS, len(distances)))
    shares = np.zeros((_SHELLS, len(distances)))
    rest = distances
    for shell in range(_SHELLS):
        begin = rest.min(axis=1, initial=np.inf)
        inside = rest < (begin * SHELL_WIDTH + _SLACK)[:, None]
        counts[shell] = inside.sum(axis=1)
        begins[shell] = np.minimum(begin, REACH)
        shares[shell] = (inside * copies).sum(axis=1) / np.maximum(counts[shell], 1)
        rest = np.where(inside, np.inf, rest)
    mean = begins.mean(axis=1)
    return np.concatenate(
        [mean, counts.mean(axis=1), begins.min(axis=1), counts.min(axis=1), mean[1:] / mean[0], shares.mean(axis=1)]
    )
