"""Moments that one step of a trajectory leaves to the next."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import numpy as np
from ase.geometry import find_mic

if TYPE_CHECKING:
    from ase import Atoms

JUMP = 0.3
"""Å; drivers move no atom farther in a step (ASE's optimizers: 0.2)."""
STRAIN = 0.03
"""The same of the cell, as a share."""


class Continuation:
    """The moments of the last step, for the next step of the same trajectory and for nothing else.

    Another crystal may have a minimum that is not the nearest to these moments, so that answers would depend on what
    was asked before. Copies and pickles start afresh.
    """

    def __init__(self) -> None:
        self._left: tuple[weakref.ref[Atoms], Atoms, np.ndarray] | None = None

    def __reduce__(self) -> tuple[type[Continuation], tuple[()]]:
        """Nothing: another process has other atoms."""
        return type(self), ()

    def leave(self, atoms: Atoms, moments: np.ndarray) -> None:
        """Keep relaxed moments, (n, 3), of these atoms."""
        self._left = weakref.ref(atoms), atoms.copy(), moments

    def moments(self, atoms: Atoms) -> np.ndarray | None:
        """Those of the step before; None if these are other atoms, or they jumped, or the user set their moments."""
        if self._left is None:
            return None
        which, before, moments = self._left
        return moments if which() is atoms and _one_step(before, atoms) else None


def _one_step(before: Atoms, after: Atoms) -> bool:
    """Whether a driver may have led from one to the other."""
    initial = [atoms.get_initial_magnetic_moments() for atoms in (before, after)]
    if not np.array_equal(before.numbers, after.numbers) or not np.array_equal(*initial):
        return False
    change = after.cell.array - before.cell.array
    if (np.linalg.norm(change, axis=1) > STRAIN * before.cell.lengths()).any():
        return False
    moved = find_mic(after.positions - before.positions, after.cell, after.pbc)[1]
    return bool((moved <= JUMP).all())
