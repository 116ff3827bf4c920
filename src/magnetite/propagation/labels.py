"""Which candidate a measured magnetic structure has: read off its moments, in the primitive chemical cell.

The declared wave vectors of a record stand in the setting of its parent space group, which need not be that of the
parent cell beside it (Pbnm for Pnma, another choice of monoclinic axes). The moments themselves leave no such doubt:
their Fourier components over the chemical lattice inside the magnetic cell are the wave vectors.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from magnetite.propagation.stars import GRID, star_of
from magnetite.structures import as_crystal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.datasets.records import Record
    from magnetite.propagation.stars import Star
    from magnetite.structures import Crystal

LEAST_SHARE = 0.01
"""Of the sum of all squared Fourier components; wave vectors with less are noise of the refinement."""
_WHOLE = 1e-3


def measured_star(row: Record, parent: Crystal, candidates: Sequence[Star]) -> int | None:
    """The candidate that a refined magnetic structure has: the strongest of its non-zero ones, or zero.

    Args:
        row: with ``zero_k``, and ``magnetic_cell`` with its moments ``moments_cart`` in μB.
        parent: the primitive chemical cell that the candidates are of.
        candidates: `stars` of it.

    Returns:
        Its position among the candidates; None if it is none of them, or if the magnetic cell is no repetition of
        the chemical cell (it is where the order deforms the crystal).
    """
    if row["zero_k"]:
        return next(index for index, star in enumerate(candidates) if star.is_zero)
    cell = row["magnetic_cell"]
    magnetic = as_crystal({key: cell[key] for key in ("lattice", "species", "frac_coords")})
    own, places = magnetic.primitive
    change = _change_of_basis(own, parent)
    if change is None:
        return None
    waves, shares = wave_shares(magnetic, own, places, np.array(cell["moments_cart"], dtype=float))
    totals = np.zeros(len(candidates))
    for wave, share in zip(waves, shares, strict=True):
        index = star_of(np.linalg.solve(change, wave), tuple(candidates))
        if index is not None:
            totals[index] += share
    totals[[star.is_zero for star in candidates]] = 0
    return int(totals.argmax()) if totals.max() > LEAST_SHARE else None


def wave_shares(
    magnetic: Crystal, primitive: Crystal, places: NDArray[np.int64], moments: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fourier components of moments over the chemical lattice.

    Args:
        magnetic: the magnetic cell.
        primitive: its primitive cell, moments ignored, in the same frame.
        places: for each atom of the magnetic cell its place in the primitive cell, shape (n_atoms,).
        moments: Cartesian, in μB, shape (n_atoms, 3).

    Returns:
        The wave vectors of the candidates' grid that the magnetic cell allows, in the reciprocal basis of the primitive
        cell, shape (n, 3), and each one's share of all squared components, shape (n,); the shares sum to 1 if no
        component is off the grid.
    """
    repeats = magnetic.lattice @ np.linalg.inv(primitive.lattice)
    axis = np.arange(GRID) / GRID
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    phases = grid @ repeats.T
    waves = grid[abs(phases - np.rint(phases)).max(axis=1) < _WHOLE]
    cells = np.rint(magnetic.frac_coords @ repeats - primitive.frac_coords[places])
    wave_phases = np.exp(-2j * np.pi * (waves @ cells.T))
    power = np.zeros(len(waves))
    for place in np.unique(places):
        here = places == place
        power += (abs(wave_phases[:, here] @ moments[here]) ** 2).sum(axis=1)
    n_cells = round(len(magnetic) / len(primitive))
    return waves, power / (n_cells * (moments**2).sum())


def _change_of_basis(one: Crystal, other: Crystal) -> NDArray[np.float64] | None:
    """Matrix S with whole components such that the cell S @ other is the cell `one`, atoms on atoms; None without."""
    from ase.data import chemical_symbols
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.core.structure import Structure

    if len(one) != len(other):
        return None
    first, second = (
        Structure(cell.lattice, [chemical_symbols[z] for z in cell.numbers], cell.frac_coords) for cell in (one, other)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of elements without electronegativity
        matcher: Any = StructureMatcher(primitive_cell=False, scale=False)  # pymatgen leaves it untyped
        found = matcher.get_transformation(first, second)
    return None if found is None else np.array(found[0], dtype=float)
