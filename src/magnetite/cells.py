"""Cells of crystals: which are accepted, and compact ones for skewed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import StructureError
from magnetite.graphs import MIN_DISTANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

SYMPREC = 0.05
"""Å; atoms count as translated copies of each other within this distance."""
MIN_VOLUME_PER_ATOM = 1.5
MAX_VOLUME_PER_ATOM = 50_000.0
"""Å³ per atom; the densest crystals have 3, slabs and molecules in boxes a few hundred, lone atoms in boxes 30,000."""
MAX_LENGTH = 1e5
"""Å; longer cell vectors are not those of a crystal."""
MAX_FRACTION = 1e6
"""Fractional coordinates beyond this have lost the digits that say where in the cell an atom is."""
FEW_ATOMS = 64
"""Up to here every pair of atoms can be listed, wherever they are."""
FLATNESS = 1e4
SKEWED = 4.0
"""Products of the lengths over the volume (1 for a right-angled cell) that are refused, and reduced first."""


def validate_cell(lattice: NDArray[np.float64], n_atoms: int, source: str | None) -> None:
    """Check that a cell can be that of a crystal.

    Args:
        lattice: rows are the cell vectors in Å, shape (3, 3).
        n_atoms: number of atoms in it.
        source: how the error names it.

    Raises:
        StructureError: it is not finite, or too small, large, flat or thin for its atoms.
    """
    if not np.isfinite(lattice).all():
        raise StructureError("has NaN or infinite numbers in its cell", source)
    if n_atoms == 0:
        raise StructureError("has no atoms", source)
    if abs(lattice).max() > MAX_LENGTH:
        raise StructureError(f"has cell vectors of more than {MAX_LENGTH:,.0f} Å", source)
    volume = abs(np.linalg.det(lattice))
    if not MIN_VOLUME_PER_ATOM <= volume / n_atoms <= MAX_VOLUME_PER_ATOM:
        raise StructureError(
            f"has {volume / n_atoms:.3g} Å³ per atom; accepted are {MIN_VOLUME_PER_ATOM} to {MAX_VOLUME_PER_ATOM:.0f} "
            "(are the lengths in Å?)",
            source,
        )
    lengths = np.linalg.norm(lattice, axis=1)
    if lengths.min() < MIN_DISTANCE or lengths.prod() > FLATNESS * volume:
        raise StructureError(
            f"has an absurdly flat or thin cell, with vectors of {lengths.round(3).tolist()} Å", source
        )
    shortest = np.linalg.norm(compact(lattice, np.zeros((1, 3)))[0], axis=1).min()
    if shortest < MIN_DISTANCE:
        raise StructureError(f"has an absurdly thin cell: it repeats every {shortest:.3g} Å", source)


def compact(
    lattice: NDArray[np.float64], coords: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same crystal in a compact cell if this one is skewed, since neighbour searches take time with skewness.

    Args:
        lattice: rows are the cell vectors in Å, shape (3, 3); an accepted cell.
        coords: fractional coordinates, shape (n_atoms, 3).

    Returns:
        Lattice and fractional coordinates of the same atoms in the same order, in the same frame; the very
        arrays given if the cell is compact.
    """
    if np.linalg.norm(lattice, axis=1).prod() <= SKEWED * abs(np.linalg.det(lattice)):
        return lattice, coords
    from pymatgen.core.lattice import Lattice

    reduced = np.array(Lattice(lattice).get_lll_reduced_lattice().matrix)
    moved = coords @ lattice @ np.linalg.inv(reduced)
    return reduced, moved - np.floor(moved)


def refuse_heaps(lattice: NDArray[np.float64], coords: NDArray[np.float64], source: str | None) -> None:
    """Refuse many atoms in one place before a neighbour search lists every pair of them.

    Two atoms in one cube whose diagonal is `MIN_DISTANCE` are certainly too close.

    Args:
        lattice: rows are the cell vectors in Å, shape (3, 3).
        coords: fractional coordinates, shape (n_atoms, 3).
        source: how the error names it.

    Raises:
        StructureError: two of more than `FEW_ATOMS` atoms share such a cube.
    """
    if len(coords) <= FEW_ATOMS:
        return
    places = (coords - np.floor(coords)) @ lattice
    cubes = np.floor((places - places.min(axis=0)) / (MIN_DISTANCE / np.sqrt(3))).astype(np.int64)
    order = np.lexsort(cubes.T)
    same = np.flatnonzero((np.diff(cubes[order], axis=0) == 0).all(axis=1))
    if len(same):
        first, second = sorted(order[same[0] : same[0] + 2].tolist())
        distance = np.linalg.norm(places[first] - places[second])
        raise StructureError(
            f"atoms {first} and {second} are only {distance:.3f} Å apart; the minimum is {MIN_DISTANCE} Å", source
        )
