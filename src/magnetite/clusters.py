"""Finite samples: atoms in empty space, without a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Cluster:
    """A finite, non-periodic sample of ordered atoms.

    Attributes:
        positions: in Å, shape (n_atoms, 3).
        numbers: atomic numbers, shape (n_atoms,).
        source: where it came from (file, row), for error messages.
    """

    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    source: str | None = None

    def __len__(self) -> int:
        return len(self.numbers)
