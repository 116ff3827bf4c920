"""What the symmetry of a crystal says of its magnetic sites."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from magnetite.cells import SYMPREC
from magnetite.structures import Crystal

if TYPE_CHECKING:
    from moyopy import MoyoDataset
    from numpy.typing import NDArray

MAX_ATOMS = 300
"""Symmetry of larger cells is not searched: it takes longer than the prediction."""
MAX_ATOMS_ALONE = 1_000
"""The same where symmetry itself is asked for: a snapshot of molecular dynamics takes 15 s, one twice as large 75."""
# Its remarks on tolerances would stand on stderr, without a name; who sets up logging still sees them.
logging.getLogger("moyo").addHandler(logging.NullHandler())
SYMMETRY_NAMES = (
    "space group", "operations", "magnetic orbits", "sites per orbit", "inversion", "inversion at sites", "orbits",
    "shortest vector", "longest vector", "longest / shortest",
)  # fmt: skip
"""Number of the space group, of its operations in the primitive cell, of the orbits of magnetic sites, mean number of
sites in one; whether it has inversion, at which share of the magnetic sites; number of the orbits of all atoms; lengths
of the standardised conventional cell's vectors in Å."""


def find_symmetry(
    lattice: NDArray[np.float64], frac_coords: NDArray[np.float64], numbers: NDArray[np.int64]
) -> MoyoDataset | None:
    """The symmetry of a primitive cell within `SYMPREC`, None where none is found.

    By moyo, which finds the same groups as spglib six times faster.

    Args:
        lattice: rows are the cell vectors in Å, shape (3, 3).
        frac_coords: fractional coordinates, shape (n_atoms, 3).
        numbers: atomic numbers, shape (n_atoms,).
    """
    from moyopy import Cell, MoyoDataset

    try:
        return MoyoDataset(Cell(lattice.tolist(), frac_coords.tolist(), numbers.tolist()), symprec=SYMPREC)
    except ValueError:
        return None


def analyzed(crystal: Crystal, most: int = MAX_ATOMS) -> MoyoDataset | None:
    """The same of a crystal; None for cells of more than `most` atoms, too."""
    if len(crystal) > most:
        return None
    return find_symmetry(crystal.lattice, crystal.frac_coords, crystal.numbers)


def refined(crystal: Crystal, found: MoyoDataset | None) -> Crystal:
    """The primitive cell as its symmetry asks for it, in the standard setting.

    Bonds that differ by less than relaxations are accurate to, or angles of 179.99°, would otherwise tell crystals
    apart that are the same.

    Args:
        crystal: a primitive cell.
        found: what `analyzed` says of it; without it the cell stays as it is.

    Returns:
        The same atoms in the same order, but for those that are copies of others within `SYMPREC`.
    """
    if found is None:
        return crystal
    ideal, places = found.prim_std_cell, np.array(found.mapping_std_prim)
    places = places[np.sort(np.unique(places, return_index=True)[1])]
    positions, numbers = np.array(ideal.positions)[places], np.array(ideal.numbers)[places]
    return Crystal(np.array(ideal.basis), positions, numbers, crystal.source)


def symmetry(
    crystal: Crystal, found: MoyoDataset | None, magnetic: NDArray[np.bool_], fill: float
) -> NDArray[np.float64]:
    """Describe a primitive cell by its space group.

    Args:
        crystal: a primitive cell.
        found: what `analyzed` says of it.
        magnetic: which atoms are magnetic sites, at least one, shape (n_atoms,).
        fill: stands for everything where nothing was found.

    Returns:
        The numbers that `SYMMETRY_NAMES` names, shape (len(SYMMETRY_NAMES),).
    """
    if found is None:
        return np.full(len(SYMMETRY_NAMES), fill)
    orbits = np.array(found.orbits)
    rotations, translations = np.array(found.operations.rotations), np.array(found.operations.translations)
    n_magnetic = len(np.unique(orbits[magnetic]))
    inversions = (rotations == -np.eye(3, dtype=int)).all(axis=(1, 2))
    lengths = np.linalg.norm(found.std_cell.basis, axis=1)
    return np.array([
        found.number, len(rotations), n_magnetic, np.count_nonzero(magnetic) / n_magnetic, inversions.any(),
        _share_at_centres(crystal, magnetic, translations[inversions]), len(np.unique(orbits)),
        lengths.min(), lengths.max(), lengths.max() / lengths.min(),
    ])  # fmt: skip


def _share_at_centres(crystal: Crystal, magnetic: NDArray[np.bool_], translations: NDArray[np.float64]) -> float:
    """Share of the magnetic sites that are at a centre of inversion.

    Args:
        crystal: a primitive cell.
        magnetic: which atoms are magnetic sites, shape (n_atoms,).
        translations: of the inversions x → t − x, fractional, shape (n, 3).
    """
    moved = translations[:, None] - 2 * crystal.frac_coords[magnetic]
    moved -= np.rint(moved)
    stays = np.linalg.norm(moved @ crystal.lattice, axis=2) < 2 * SYMPREC  # twice: a site misses its centre by half
    return float(stays.any(axis=0).mean())
