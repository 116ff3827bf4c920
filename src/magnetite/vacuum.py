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
    for axis in np.flatnonzero(~periodic).tolist():
        normal = _normal(filled, axis)
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
        empty, middle = _widest(lattice, coords, axis)
        if empty > FELT + _SLACK:
            whole = coords.copy()  # the cell begins amid what is empty
            whole[:, axis] = (coords[:, axis] - middle) % 1.0
            shorter = lattice.copy()
            upright = _normal(lattice, axis)
            height = float(lattice[axis] @ upright)  # negative in a left-handed cell
            shorter[axis] = upright * (height - np.copysign(empty - FELT, height))
            lattice, coords = shorter, whole @ lattice @ np.linalg.inv(shorter)
    return lattice, coords


def empty_axes(lattice: NDArray[np.float64], coords: NDArray[np.float64]) -> list[int]:
    """Cell vectors along which nothing feels its next copy: there is more than `FELT` of empty space."""
    return [axis for axis in range(3) if _widest(lattice, coords, axis)[0] > FELT + _SLACK]


def _widest(lattice: NDArray[np.float64], coords: NDArray[np.float64], axis: int) -> tuple[float, float]:
    """The widest empty slice along a cell vector: its height in Å and the fractional coordinate in its middle."""
    heights = np.sort(coords[:, axis] % 1.0)
    slices = np.diff(heights, append=heights[0] + 1.0)
    widest = int(slices.argmax())
    height = abs(float(lattice[axis] @ _normal(lattice, axis)))
    return float(slices[widest]) * height, float(heights[widest] + slices[widest] / 2)


def _normal(lattice: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Unit vector upright on the other two cell vectors."""
    found: NDArray[np.float64] = np.cross(lattice[axis - 2], lattice[axis - 1])
    return found / float(np.linalg.norm(found))
