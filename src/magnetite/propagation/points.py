"""Names of wave vectors: points and lines of symmetry of the Brillouin zone, as Setyawan and Curtarolo name them.

Source: Comput. Mater. Sci. 49, 299 (2010), by ASE's tables, which know the points of all 14 Bravais lattices in any
primitive cell. The names are those of the lattice, whatever symmetry the atoms leave of it.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from magnetite.propagation.stars import GRID
from magnetite.sublattice.symmetry import find_symmetry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.propagation.stars import Star

GENERAL = "general"
"""Stands for vectors that are on no point or line that has a name."""
TOLERANCE = 0.01
"""Of lattice recognition (relative, see ASE), and of a vector's distance to a point or line (of the zone's size)."""


class ZoneNames:
    """The named points and lines of one lattice.

    Args:
        lattice: of a primitive cell, rows in Å, shape (3, 3).
    """

    def __init__(self, lattice: NDArray[np.float64]) -> None:
        from ase.cell import Cell
        from ase.geometry import minkowski_reduce

        # in the shortest vectors, whichever were given: lines are then looked for among the nearest images alone
        lattice, self._basis = minkowski_reduce(lattice)
        self._reciprocal = np.linalg.inv(lattice).T
        self._limit = TOLERANCE * float(np.linalg.norm(self._reciprocal, axis=1).min())
        self._turns = _holohedry(lattice)
        self._points: dict[str, NDArray[np.float64]] = {}
        self._lines: list[tuple[str, str]] = []
        try:
            path = Cell(lattice).bandpath(npoints=0, eps=TOLERANCE)
        except (RuntimeError, ValueError, AssertionError, KeyError):  # no lattice of ASE's fits within the tolerance
            return
        self._points = {name: np.array(point) for name, point in path.special_points.items()}
        for part in path.path.split(","):
            names = re.findall(r"[A-Z]\d*", part)
            self._lines += [pair for pair in pairwise(names) if pair not in self._lines]

    def __call__(self, star: Star) -> str:
        """``Γ``, ``L``, ``Γ–X`` or `GENERAL`."""
        arms = np.array(star.arms) / GRID @ self._basis.T
        images = np.unique(np.round(np.concatenate([arms @ turn for turn in self._turns]) % 1 % 1, 6), axis=0)
        for name, point in self._points.items():
            away = images - point
            if self._length(away - np.rint(away)).min() < self._limit:
                return _greek(name)
        for first, last in self._lines:
            if self._on_line(images, self._points[first], self._points[last]):
                return f"{_greek(first)}–{_greek(last)}"
        return GENERAL

    def _length(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        lengths: NDArray[np.float64] = np.linalg.norm(vectors @ self._reciprocal, axis=-1)
        return lengths

    def _on_line(self, images: NDArray[np.float64], first: NDArray[np.float64], last: NDArray[np.float64]) -> bool:
        shifts = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), axis=-1).reshape(-1, 3)
        away = ((images[:, None] + shifts) - first).reshape(-1, 3) @ self._reciprocal
        along = (last - first) @ self._reciprocal
        share = np.clip(away @ along / (along @ along), 0, 1)
        return bool(np.linalg.norm(away - share[:, None] * along, axis=1).min() < self._limit)


def _holohedry(lattice: NDArray[np.float64]) -> NDArray[np.int64]:
    """How the symmetry of the lattice alone turns wave vectors, shape (n, 3, 3)."""
    found = find_symmetry(lattice, np.zeros((1, 3)), np.ones(1, np.int64))
    if found is None:
        return np.eye(3, dtype=np.int64)[None]
    return np.array(found.operations.rotations, dtype=np.int64)


def _greek(name: str) -> str:
    return "Γ" if name == "G" else name
