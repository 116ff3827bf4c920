"""Empty space beside layers and wires: added where a structure is open, left out where it is more than atoms feel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

VACUUM = 15.0
"""Å of empty space that a slab or wire gets in directions in which it is not periodic, as in the C2DB."""
FELT = 8.0
"""Å; across more empty space than this no model of magnetic order looks (`sublattice.features.REACH`)."""

_SLACK = 1e-6


def with_vacuum(
    cell: NDArray[np.float64], positions: NDArray[np.float64], periodic: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The cell with at least `VACUUM` of empty space in every direction that is not periodic.

    Args:
        cell: rows are the cell vectors in Å, shape (3, 3); open ones may be zero.
        positions: Cartesian, in Å, shape (n_atoms, 3).
        periodic: of each cell vector whether the structure repeats along it.

    Returns:
        A cell with the same periodic vectors; open vectors that are long enough stay as they are.
    """
    from ase.cell import Cell

    filled = np.array(Cell(np.where(periodic[:, None], cell, 0.0)).complete())  # open ones at right angles
    for axis in np.flatnonzero(~periodic):
        normal = np.cross(filled[axis - 2], filled[axis - 1])
        normal /= np.linalg.norm(normal)
        along = positions @ normal
        extent = float(np.ptp(along)) if len(along) else 0.0
        enough = abs(cell[axis] @ normal) >= extent + VACUUM
        filled[axis] = cell[axis] if enough else normal * (extent + VACUUM)
    return filled


def without_vacuum(
    lattice: NDArray[np.float64], coords: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The cell with at most `FELT` of empty space along each of its vectors; bonds stay as they are.

    A vector that is shortened stands upright on the others: nothing tells how layers lie that do not feel each other.

    Args:
        lattice: rows are the cell vectors in Å, shape (3, 3).
        coords: fractional coordinates, shape (n_atoms, 3).

    Returns:
        Lattice and fractional coordinates of the same atoms; the very arrays given if there is nothing to leave out.
    """
    for axis in range(3):
        heights = np.sort(coords[:, axis] % 1.0)
        slices = np.diff(heights, append=heights[0] + 1.0)
        widest = int(slices.argmax())
        normal = np.cross(lattice[axis - 2], lattice[axis - 1])
        normal /= np.linalg.norm(normal)
        height = float(lattice[axis] @ normal)  # negative in a left-handed cell
        left = slices[widest] * abs(height) - FELT
        if left > _SLACK:
            whole = coords.copy()  # the cell begins amid what is empty
            whole[:, axis] = (coords[:, axis] - heights[widest] - slices[widest] / 2) % 1.0
            shorter = lattice.copy()
            shorter[axis] = normal * (height - np.copysign(left, height))
            lattice, coords = shorter, whole @ lattice @ np.linalg.inv(shorter)
    return lattice, coords
