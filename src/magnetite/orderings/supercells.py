"""The smallest cell, a multiple of the one that was given, that repeats a magnetic order."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from magnetite.orderings.order import MagneticOrder
from magnetite.orderings.waves import directions
from magnetite.propagation.stars import as_text, in_other_cell, period_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.datasets.wave_vectors import WaveVector
    from magnetite.orderings.candidates import Candidate
    from magnetite.orderings.sublattice import MagneticSublattice
    from magnetite.structures import Crystal

DECIMALS = 3
"""Of moments, in μB: predictions are worse than that."""


def magnetic_order(crystal: Crystal, sublattice: MagneticSublattice, candidate: Candidate) -> MagneticOrder:
    """A candidate with its cell, positions and moments.

    Args:
        crystal: in the cell that was given.
        sublattice: of its primitive cell.
        candidate: one of it.
    """
    from ase.data import chemical_symbols
    from pymatgen.util.coord import lattice_points_in_supercell

    primitive, places = crystal.primitive
    to_primitive = np.linalg.inv(primitive.lattice)
    change = np.rint(crystal.lattice @ to_primitive).astype(int)
    given = in_other_cell(candidate.k, change)
    transformation = smallest_supercell(given, crystal.lattice)
    cells = np.rint(lattice_points_in_supercell(transformation) @ transformation)
    coords = (crystal.frac_coords[:, None] + cells).reshape(-1, 3)
    copies = np.repeat(np.arange(len(crystal)), len(cells))
    own = coords @ crystal.lattice @ to_primitive
    home = np.rint(own - primitive.frac_coords[places[copies]])
    sites = np.searchsorted(sublattice.sites, places[copies]).clip(max=len(sublattice) - 1)
    magnetic = sublattice.sites[sites] == places[copies]
    turns = home @ np.array(candidate.k, dtype=float)
    signs = directions(candidate.phases[sites], turns, candidate.period)
    sizes = np.where(magnetic, sublattice.moments[sites], 0.0)
    moments = (signs.T * sizes).T.round(DECIMALS) + 0.0
    if moments.ndim == 1 and (first := np.flatnonzero(moments)).size and moments[first[0]] < 0:
        moments = -moments + 0.0
    fractional = coords @ np.linalg.inv(transformation)
    return MagneticOrder(
        kind=candidate.kind,
        score=candidate.probability,
        lattice=(transformation @ crystal.lattice).tolist(),
        species=tuple(chemical_symbols[number] for number in crystal.numbers[copies]),
        frac_coords=(fractional - np.floor(fractional + 1e-9)).tolist(),
        moments=moments.tolist(),
        transformation=transformation.tolist(),
        wave_vector=as_text(candidate.k),
        wave_vector_input=as_text(given),
    )


def smallest_supercell(k: WaveVector, lattice: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most compact supercell that repeats a wave, one of as few cells as possible.

    Args:
        k: in the reciprocal basis of the lattice.
        lattice: rows are the cell vectors in Å, shape (3, 3).

    Returns:
        Rows are its vectors in units of those given, determinant > 0, shape (3, 3); the identity where k is a
        reciprocal lattice vector.
    """
    period = period_of(k)
    if period == 1:
        return np.eye(3, dtype=np.int64)
    numerators = np.array([int(component * period) for component in k])
    steps = np.array(list(product(range(-period, period + 1), repeat=3)), dtype=np.int64)
    steps = steps[(steps @ numerators % period == 0) & steps.any(axis=1)]
    lengths = np.linalg.norm(steps @ lattice, axis=1)
    # Of equally long vectors the one with fewer and later minus signs, so that rounding does not choose.
    order = np.lexsort([*(-steps.T), (steps < 0).sum(axis=1), lengths.round(6)])
    rows: list[NDArray[np.int64]] = []
    for step in steps[order]:
        trial = np.array([*rows, step])
        rank = np.linalg.matrix_rank(trial)
        if rank == len(trial) and (rank < len(step) or round(abs(np.linalg.det(trial))) == period):
            rows.append(step)
        if len(rows) == len(step):
            break
    found = _tidied(np.array(rows))
    return found if np.linalg.det(found) > 0 else -found


def _tidied(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each vector as near as can be to the axis that it replaces."""
    from scipy.optimize import linear_sum_assignment

    order = linear_sum_assignment(-abs(rows).T)[1]
    found: NDArray[np.int64] = rows[order]
    return found
