"""Ranked candidates in words, in the bases of the primitive cell and of the cell that was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.propagation.points import ZoneNames
from magnetite.propagation.reports import RankedVector
from magnetite.propagation.stars import as_text, in_other_cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.propagation.stars import Star
    from magnetite.structures import Crystal

DECIMALS = 6


def describe(
    crystal: Crystal, candidates: Sequence[Star], probabilities: NDArray[np.float64], limit: int | None = None
) -> list[RankedVector]:
    """The candidates, the most probable first.

    Args:
        crystal: in the cell that was given.
        candidates: of its primitive cell.
        probabilities: of each, shape (n_candidates,).
        limit: at most so many; all if None.
    """
    primitive = crystal.primitive[0]
    change = np.rint(crystal.lattice @ np.linalg.inv(primitive.lattice)).astype(int)
    names = ZoneNames(primitive.lattice)
    rounded = probabilities.round(DECIMALS)  # another cell of the same crystal must not reorder what is equal
    found = []
    for index in np.argsort(-rounded, kind="stable")[:limit]:
        star = candidates[index]
        given = in_other_cell(star.k, change)
        found.append(RankedVector(as_text(star.k), as_text(given), names(star), star.size, float(rounded[index])))
    return found
