"""What the ranker sees of each candidate wave vector of a crystal."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from magnetite.cells import compact
from magnetite.elements import CAN_CARRY
from magnetite.propagation.couplings import COUPLING_NAMES, energies
from magnetite.propagation.stars import GRID, fold
from magnetite.sublattice import GEOMETRY_NAMES, magnetic_geometry
from magnetite.sublattice.symmetry import MAX_ATOMS_ALONE, analyzed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.propagation.stars import Star
    from magnetite.structures import Crystal

FILL = -2.0
"""Stands for energies that cannot be worked out; all others are from -1 up."""
SHELLS = 4
"""Shells of lattice translations that are looked at."""
DECIMALS = 5
"""Rounding of the result, so that another cell of the same crystal falls on the same side of every threshold."""
SHELL_WIDTH = 1.02
"""A shell of translations ends at so many times the length at which it begins."""
STAR_NAMES = (
    "period", "arms", "length", "k 1", "k 2", "k 3",
    *(f"{how} cosine {shell}" for shell in range(1, SHELLS + 1) for how in ("mean", "least")),
)  # fmt: skip
"""Of the star: smallest multiple that is a reciprocal lattice vector, number of arms, length in 1/Å, components in the
standardised conventional cell without signs; cosines of the phase along the shortest lattice translations."""
CANDIDATE_NAMES = (
    *STAR_NAMES,
    *(f"{what} {name}" for what in ("energy", "above lowest", "below zero", "rank") for name in COUPLING_NAMES),
)
"""Names of the numbers that `candidate_features` gives."""
CRYSTAL_NAMES = ("sites", "magnetic sites", "magnetic number", "other number", *GEOMETRY_NAMES)
"""What is the same for all candidates of a crystal: sizes of the primitive cell, mean atomic numbers of the sites that
can carry a moment and of the others, and `magnetic_geometry`."""
RANKER_NAMES = (*CANDIDATE_NAMES, *CRYSTAL_NAMES)
"""Names of the numbers that `ranker_features` gives."""
_REACH = np.array([t for t in product(range(-3, 4), repeat=3) if any(t)])
_SLACK = 1e-4


def candidate_features(crystal: Crystal, candidates: Sequence[Star]) -> NDArray[np.float64]:
    """Describe every candidate of a primitive cell.

    Args:
        crystal: a primitive cell.
        candidates: `stars` of it; k = 0 comes first.

    Returns:
        The numbers that `CANDIDATE_NAMES` names, shape (n_candidates, len(CANDIDATE_NAMES)).
    """
    waves = np.array([star.k for star in candidates], dtype=float)
    found = energies(crystal, waves, FILL)
    # Rounded first: equal energies must share a rank whatever cell they were worked out in.
    found = found.round(DECIMALS)
    lowest = found.min(axis=1, keepdims=True)
    rank = (found[:, :, None] > found[:, None, :]).mean(axis=2)
    star = np.array([[float(s.period), float(s.size)] for s in candidates])
    length = np.linalg.norm(waves @ np.linalg.inv(crystal.lattice).T, axis=1, keepdims=True)
    columns = [star, length, _conventional(crystal, candidates), _cosines(crystal, waves)]
    parts = [found.T, (found - lowest).T, (found[:, :1] - found).T, rank.T]
    rounded: NDArray[np.float64] = np.concatenate([*columns, *parts], axis=1).round(DECIMALS)
    return rounded


def ranker_features(crystal: Crystal, candidates: Sequence[Star]) -> NDArray[np.float64]:
    """All that the ranker sees of the candidates of a primitive cell.

    Args:
        crystal: a primitive cell.
        candidates: `stars` of it.

    Returns:
        The numbers that `RANKER_NAMES` names, shape (n_candidates, len(RANKER_NAMES)).
    """
    carries = np.array(CAN_CARRY)[crystal.numbers]
    means = [float(crystal.numbers[kind].mean()) if kind.any() else 0.0 for kind in (carries, ~carries)]
    own = np.array([len(crystal), np.count_nonzero(carries), *means, *magnetic_geometry(crystal)]).round(DECIMALS)
    return np.concatenate([candidate_features(crystal, candidates), np.tile(own, (len(candidates), 1))], axis=1)


def _conventional(crystal: Crystal, candidates: Sequence[Star]) -> NDArray[np.float64]:
    """Components of each star in the standardised cell, of its arm with the largest ones, last axis first."""
    found = analyzed(crystal, MAX_ATOMS_ALONE)
    # Cell vectors, as columns, change by A_std = A P, so that wave vectors, as rows, change by k_std = k P.
    change = np.eye(3) if found is None else np.array(found.std_linear)
    arms = np.array([arm for star in candidates for arm in star.arms]) / GRID
    folded = fold(crystal.lattice, arms)
    components = [abs(arm @ change).round(4)[:, ::-1].tolist() for arm in folded]
    table, start = [], 0
    for star in candidates:
        table.append(max(max(c) for c in components[start : start + len(star.arms)]))
        start += len(star.arms)
    return np.array(table)


def _cosines(crystal: Crystal, waves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean and least cosine of k · R over the lattice translations R of each of the first shells."""
    short = compact(crystal.lattice, np.zeros((1, 3)))[0]
    change = np.rint(short @ np.linalg.inv(crystal.lattice))
    lengths = np.linalg.norm(_REACH @ short, axis=1)
    cosines = np.cos(2 * np.pi * (waves @ change.T) @ _REACH.T)
    columns: list[NDArray[np.float64]] = []
    for _ in range(SHELLS):
        inside = lengths < lengths.min() * SHELL_WIDTH + _SLACK
        columns += [cosines[:, inside].mean(axis=1), cosines[:, inside].min(axis=1)]
        lengths = np.where(inside, np.inf, lengths)
    return np.stack(columns, axis=1)
