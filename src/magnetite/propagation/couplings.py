"""How low the geometric couplings of a magnetic sublattice lie at each wave vector.

Luttinger and Tisza (Phys. Rev. 70, 954 (1946)): the ground state of couplings J between classical spins is sought in
the eigenvector of lowest eigenvalue of their Fourier transform J(k). The strengths are guesses by geometry alone, as in
`magnetite.sublattice.interactions`; here they are looked at for any wave vector instead of the half vectors alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.cells import compact
from magnetite.elements import CAN_CARRY
from magnetite.sublattice.features import coordinated, neighbours
from magnetite.sublattice.interactions import DECAY, MAX_SITES, find_bridges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from magnetite.structures import Crystal

SLOW_DECAY = 4.0
"""A slower fall of direct couplings with distance, as through long chains of ligands."""
WEAK_FERROMAGNETISM = 0.3
"""Strength of ferromagnetic superexchange at 90° beside the antiferromagnetic one at 180°."""
SHELL_WIDTH = 1.05
"""A shell of pairs ends at so many times the distance at which it begins."""
COUPLING_NAMES = (
    "bridged", "bridged with ferromagnetic 90°", "direct", "direct far",
    "shell 1", "shell 2", "shell 3", "shells 1 and 2", "shell 2 against 1",
)  # fmt: skip
"""Couplings whose energies `energies` gives: through ligands, direct, and equal ones within shells of pairs."""
_CAN_CARRY = np.array(CAN_CARRY)
_ZERO = 1e-9
_SLACK = 1e-4
"""Å; keeps pairs of ideal structures off the limit of their shell."""


class Couplings(NamedTuple):
    """Ordered pairs of magnetic sites and how strongly antiferromagnetic they are.

    Attributes:
        first: one site, shape (n_pairs,); each pair is there in both directions.
        second: the other.
        images: cell of the second as seen from the first, shape (n_pairs, 3).
        strength: in arbitrary units, positive if antiferromagnetic, shape (n_pairs,).
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    images: NDArray[np.int64]
    strength: NDArray[np.float64]


def energies(crystal: Crystal, waves: NDArray[np.float64], fill: float) -> NDArray[np.float64]:
    """Lowest energy of the couplings at each wave vector, per strength of the couplings of the site that has most.

    Args:
        crystal: a primitive cell.
        waves: in its reciprocal basis, shape (n, 3).
        fill: stands for the energies where there are no couplings or more than `MAX_SITES` magnetic sites.

    Returns:
        One row for each of `COUPLING_NAMES`, from -1 (every pair is satisfied) up, shape (len(COUPLING_NAMES), n).
    """
    magnetic = _CAN_CARRY[crystal.numbers]
    n_sites = int(np.count_nonzero(magnetic))
    found = np.full((len(COUPLING_NAMES), len(waves)), fill)
    if not 0 < n_sites <= MAX_SITES:
        return found
    change = np.rint(compact(crystal.lattice, np.zeros((1, 3)))[0] @ np.linalg.inv(crystal.lattice))
    for row, couplings in enumerate(_couplings(crystal, magnetic, n_sites)):
        per_site = np.bincount(couplings.first, abs(couplings.strength), minlength=n_sites).max()
        if per_site > _ZERO:
            matrices = fourier(couplings, waves @ change.T, n_sites)
            found[row] = np.linalg.eigvalsh(matrices)[:, 0] / per_site
    return found


def fourier(couplings: Couplings, waves: NDArray[np.float64], n_sites: int) -> NDArray[np.complex128]:
    """Fourier transform of couplings, shape (n_waves, n_sites, n_sites).

    Args:
        couplings: pairs, both directions.
        waves: in the reciprocal basis of the cells that images count, shape (n_waves, 3).
        n_sites: number of sites.
    """
    phases = np.exp(2j * np.pi * (waves @ couplings.images.T)) * couplings.strength
    place = couplings.first * n_sites + couplings.second + n_sites**2 * np.arange(len(waves))[:, None]
    size = len(waves) * n_sites**2
    real, imaginary = (np.bincount(place.ravel(), part.ravel(), size) for part in (phases.real, phases.imag))
    return (real + 1j * imaginary).reshape(len(waves), n_sites, n_sites)


def _couplings(crystal: Crystal, magnetic: NDArray[np.bool_], n_sites: int) -> Iterator[Couplings]:
    """The couplings that `COUPLING_NAMES` names."""
    magnets, ligands = neighbours(crystal, magnetic)
    bridges = find_bridges(coordinated(ligands, n_sites)[0])[0]
    first, second = np.concatenate([bridges.first, bridges.second]), np.concatenate([bridges.second, bridges.first])
    images = np.concatenate([bridges.images, -bridges.images])
    straight = np.tile(bridges.cosines**2, 2)
    yield Couplings(first, second, images, straight)
    yield Couplings(first, second, images, straight - WEAK_FERROMAGNETISM * (1 - straight))
    pairs = (magnets.sites, magnets.atoms, magnets.images)
    for decay in (DECAY, SLOW_DECAY):
        yield Couplings(*pairs, (magnets.distances.min(initial=np.inf) / magnets.distances) ** decay)
    near, middle, far = _shells(magnets.distances)
    for strength in (near, middle, far, near + middle, middle - near):
        yield Couplings(*pairs, strength)


def _shells(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for the pairs of each of the first three shells, else 0, shape (3, n_pairs)."""
    shells = np.zeros((3, len(distances)))
    rest = distances
    for shell in shells:
        inside = rest < rest.min(initial=np.inf) * SHELL_WIDTH + _SLACK
        shell[inside & np.isfinite(rest)] = 1
        rest = np.where(inside, np.inf, rest)
    return shells
