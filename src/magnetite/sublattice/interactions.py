"""Superexchange of a magnetic sublattice: its angles, and the wave that antiferromagnetic pairs would choose.

Which propagation vector pairs of one strength ask for is the question of Luttinger and Tisza (Phys. Rev. 70, 954
(1946)): the eigenvector of lowest eigenvalue among the Fourier transforms of the couplings. Here the strengths are
guesses by geometry alone (cos² of the angle at a bridging ligand, as for 180° superexchange by Anderson, Goodenough and
Kanamori, or a power of the distance), and the vectors are zero and those at half a reciprocal lattice vector. This set
is the same for every primitive cell, and most measured non-zero vectors are in it.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.sublattice.features import Neighbours

WINDOWS = ((160.0, 180.0), (80.0, 100.0), (110.0, 145.0))
"""Degrees; strong antiferromagnetic superexchange, weak or ferromagnetic, and what lies between."""
DECAY = 8.0
"""Direct pairs are taken to couple as this power of the inverse distance."""
MAX_SITES = 48
"""With more magnetic sites the couplings are not diagonalised, which would take longer than all else."""
INTERACTION_NAMES = (
    "angle mean", "angle max", "angles 160–180", "angles 80–100", "angles 110–145", "bridged copies",
    "bridges per site", "bridged gain", "bridged satisfaction", "direct gain", "direct satisfaction",
)  # fmt: skip
"""Angles in degrees at ligands bound to two sites and the share of them in `WINDOWS`; the share of superexchange
between a site and its own copy by a translation; bridging ligands per site. For couplings through ligands and direct
ones, per strength of the couplings of the site that has most: how much lower a non-zero wave lies than zero, and how
low the lowest lies (1 if every pair of every site can be antiparallel, less with frustration)."""
_WAVES = np.array(list(product((0, 1), repeat=3)))
"""Twice the propagation vectors, shape (8, 3); zero comes first."""
_SLACK = 1e-3
_ZERO = 1e-9


class Bridges(NamedTuple):
    """Pairs of magnetic sites bound to the same ligand.

    Attributes:
        cosines: of the angle at the ligand, shape (n,).
        first: one site, shape (n,).
        second: the other, shape (n,).
        images: cell of the second as seen from the first, shape (n, 3).
        bonds: rows of the two bonds among those given, shape (n, 2).
    """

    cosines: NDArray[np.float64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    images: NDArray[np.int64]
    bonds: NDArray[np.int64]


def interactions(magnets: Neighbours, bonds: Neighbours, n_sites: int, fill: float) -> NDArray[np.float64]:
    """Angles of superexchange and what antiferromagnetic pairs gain by a wave.

    Args:
        magnets: pairs of magnetic sites, both directions.
        bonds: pairs of a magnetic site and a ligand coordinated to it.
        n_sites: number of magnetic sites.
        fill: stands for what there is not, such as angles without bridging ligands.

    Returns:
        The numbers that `INTERACTION_NAMES` names, shape (len(INTERACTION_NAMES),).
    """
    bridges, n_bridging = find_bridges(bonds)
    angles = np.degrees(np.arccos(bridges.cosines))
    strength = bridges.cosines**2
    found = [fill] * (3 + len(WINDOWS))
    if len(angles):
        shares = [np.mean((angles > low - _SLACK) & (angles < high + _SLACK)) for low, high in WINDOWS]
        copies = strength[bridges.first == bridges.second].sum() / max(strength.sum(), _ZERO)
        found = [float(number) for number in (angles.mean(), angles.max(), *shares, copies)]
    both = (
        np.concatenate([bridges.first, bridges.second]),
        np.concatenate([bridges.second, bridges.first]),
        np.concatenate([bridges.images, -bridges.images]),
        np.concatenate([strength, strength]),
    )
    bridged = _best_wave(*both, n_sites, fill)
    power = (magnets.distances.min(initial=np.inf) / magnets.distances) ** DECAY
    direct = _best_wave(magnets.sites, magnets.atoms, magnets.images, power, n_sites, fill)
    return np.array([*found, n_bridging / n_sites, *bridged, *direct])


def find_bridges(bonds: Neighbours) -> tuple[Bridges, int]:
    """Every two bonds of every ligand, and how many ligands have two."""
    order = np.argsort(bonds.atoms, kind="stable")
    counts = np.bincount(bonds.atoms)
    counts = counts[counts > 0]
    width = int(counts.max(initial=0))
    is_bond = np.arange(width) < counts[:, None]
    table = np.zeros((len(counts), width), dtype=np.int64)  # one row a ligand, its bonds first
    table[is_bond] = order
    unit = (bonds.vectors / bonds.distances[:, None])[table]
    cosines = unit @ unit.transpose(0, 2, 1)
    upper = np.triu(np.ones((width, width), dtype=bool), 1)
    ligand, one, other = np.nonzero(is_bond[:, :, None] & is_bond[:, None, :] & upper)
    first, second = table[ligand, one], table[ligand, other]
    pairs = Bridges(
        np.clip(cosines[ligand, one, other], -1, 1),
        bonds.sites[first],
        bonds.sites[second],
        bonds.images[first] - bonds.images[second],
        np.stack([first, second], axis=1),
    )
    return pairs, int(np.count_nonzero(counts > 1))


def _best_wave(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    images: NDArray[np.int64],
    strength: NDArray[np.float64],
    n_sites: int,
    fill: float,
) -> tuple[float, float]:
    """Gain of the best wave over zero, and how much of the couplings it satisfies, per strength of one site's.

    Args:
        first: one site of each pair, shape (n_pairs,); each pair is there in both directions.
        second: the other.
        images: cell of the second as seen from the first, shape (n_pairs, 3).
        strength: of the antiferromagnetic coupling, shape (n_pairs,).
        n_sites: number of sites.
        fill: stands for both without couplings or with too many sites.
    """
    per_site = float(np.bincount(first, strength, minlength=n_sites).max())  # no eigenvalue lies lower than this
    if n_sites > MAX_SITES or per_site < _ZERO:
        return fill, fill
    signs = 1 - 2 * (images @ _WAVES.T % 2)
    place = (first * n_sites + second)[:, None] + n_sites**2 * np.arange(len(_WAVES))
    couplings = np.bincount(
        place.ravel(), (signs * strength[:, None]).ravel(), minlength=len(_WAVES) * n_sites**2
    ).reshape(len(_WAVES), n_sites, n_sites)
    lowest = np.linalg.eigvalsh(couplings)[:, 0]
    return float(lowest[0] - lowest.min()) / per_site, float(-lowest.min()) / per_site
