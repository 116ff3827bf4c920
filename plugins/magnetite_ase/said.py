"""Which warnings are news: molecular dynamics would repeat each of them at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from magnetite.potential.reports import Objection

WORSE = 2.0
"""How many times worse than when it was said an objection is said again."""


class Said:
    """Objections that were said of some atoms, by kind, and how bad they were then."""

    def __init__(self) -> None:
        self._numbers = np.zeros(0, np.int64)
        self._degrees: dict[str, float] = {}

    def news(self, numbers: np.ndarray, objections: Iterable[Objection]) -> list[Objection]:
        """Those that were not said of atoms with these numbers, or have become much worse since."""
        if not np.array_equal(numbers, self._numbers):
            self._numbers, self._degrees = numbers.copy(), {}
        found = [each for each in objections if each.degree > WORSE * self._degrees.get(each.kind, 0.0)]
        self._degrees |= {each.kind: each.degree for each in found}
        return found
