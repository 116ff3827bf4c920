"""The same crystal, written down otherwise: what a representation makes of it (Walsh, "Unit cell transformations")."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial.transform import Rotation

from magnetite.representations.calling import represent
from magnetite.representations.encoder import Vector
from magnetite.structures import Crystal, as_crystal

if TYPE_CHECKING:
    from magnetite.structures import StructureLike

TOLERANCE = 1e-4
"""Largest change of any number, relative to the vector's largest, that counts as none: networks work in float32."""
SHEAR = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1]])
"""Another basis of the same lattice (its determinant is 1)."""
REPEATS = (2, 1, 3)
_SEED = 0


def rotated(crystal: Crystal) -> Crystal:
    """Turned as a whole."""
    turn = Rotation.random(random_state=_SEED).as_matrix()
    return Crystal(crystal.lattice @ turn.T, crystal.frac_coords, crystal.numbers, crystal.source)


def translated(crystal: Crystal) -> Crystal:
    """Another origin."""
    shift = np.array([0.137, 0.419, 0.733])
    return Crystal(crystal.lattice, (crystal.frac_coords + shift) % 1.0, crystal.numbers, crystal.source)


def permuted(crystal: Crystal) -> Crystal:
    """The atoms in another order: the last first."""
    return Crystal(crystal.lattice, crystal.frac_coords[::-1], crystal.numbers[::-1], crystal.source)


def recut(crystal: Crystal) -> Crystal:
    """Another unit cell of the same size."""
    coords = crystal.frac_coords @ np.linalg.inv(SHEAR)
    return Crystal(SHEAR @ crystal.lattice, coords - np.floor(coords), crystal.numbers, crystal.source)


def repeated(crystal: Crystal) -> Crystal:
    """A supercell."""
    cells = np.array(list(np.ndindex(*REPEATS)))
    coords = (crystal.frac_coords[:, None] + cells).reshape(-1, 3) / REPEATS
    numbers = np.repeat(crystal.numbers, len(cells))
    return Crystal(np.array(REPEATS)[:, None] * crystal.lattice, coords, numbers, crystal.source)


CHANGES: dict[str, Callable[[Crystal], Crystal]] = {
    "rotation": rotated,
    "translation": translated,
    "permutation": permuted,
    "unit cell": recut,
    "supercell": repeated,
}
"""Ways to write the same crystal down otherwise."""


def change_of(structure: StructureLike, name: str, change: str, **options: Any) -> float:
    """How much a representation changes when the same crystal is written down otherwise.

    Args:
        structure: what `magnetite.structures.as_crystal` takes.
        name: of the representation.
        change: of `CHANGES`.
        options: as for `represent`.

    Returns:
        Largest change of any number over the largest number of either vector.

    Raises:
        MagnetiteError: as `represent`.
    """
    crystal = as_crystal(structure)
    before, after = (represent(c, name, **options) for c in (crystal, CHANGES[change](crystal)))
    return largest_change(before, after)


def largest_change(before: Vector, after: Vector) -> float:
    """Largest change of any number, relative to the largest number of either vector."""
    scale = max(np.abs(before).max(), np.abs(after).max(), np.finfo(float).tiny)
    return float(np.abs(after - before).max() / scale)


def changes_of(structures: Iterable[StructureLike], name: str, **options: Any) -> dict[str, float]:
    """The largest of `change_of` over some structures, for each of `CHANGES`."""
    crystals = [as_crystal(structure) for structure in structures]
    return {change: max(change_of(c, name, change, **options) for c in crystals) for change in CHANGES}
