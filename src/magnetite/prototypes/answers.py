"""Answers of many boxes as they come: in arrays, and in a folder from which an interrupted run goes on."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from magnetite.errors import MagnetiteError
from magnetite.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from magnetite.prototypes.model import Evaluation

SCHEMA = pa.schema({"bits": pa.float32(), "shares": pa.list_(pa.float32()), "error": pa.string()})
BOXES_PER_PART = 1_000


class Answers:
    """Answers of a known number of boxes, filled from the first to the last.

    Args:
        boxes: their number.
        classes: number of classes.

    Attributes:
        probabilities: half precision, shape (boxes, classes), NaN where there is no answer.
        information: mutual information in bits, shape (boxes,), NaN likewise.
        errors: why boxes have no answer, by their places.
        filled: number of boxes done, always whole batches, so that a later run cuts the same ones.
        stored: number of them that are in the folder.
    """

    def __init__(self, boxes: int, classes: int) -> None:
        self.probabilities = np.full((boxes, classes), np.nan, np.float16)
        self.information = np.full(boxes, np.nan, np.float32)
        self.errors: dict[int, str] = {}
        self.filled = self.stored = 0
        self._parts: Parts | None = None

    @contextmanager
    def kept_in(self, folder: str | Path | None, manifest: dict[str, Any]) -> Iterator[None]:
        """Read what a folder holds, and store there what is added, also at an interruption.

        Args:
            folder: made if it is missing; None keeps nothing.
            manifest: what is being computed.

        Raises:
            MagnetiteError: the folder holds something else, or somebody else is at work in it.
        """
        if folder is None:
            yield
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        with Parts(Path(folder) / "boxes", SCHEMA, manifest) as self._parts:
            for table in self._parts.tables():
                for row in table.to_pylist():
                    self._take(self.filled, row["shares"], row["bits"], row["error"])
                    self.filled += 1
            self.stored = self.filled
            try:
                yield
            finally:
                self._store()

    @property
    def reasons(self) -> Counter[str]:
        """Why boxes have no answer, and how many."""
        return Counter(self.errors.values())

    def add(self, batch: Sequence[Evaluation | MagnetiteError]) -> None:
        """The next ones."""
        for place, answer in enumerate(batch, start=self.filled):
            if isinstance(answer, MagnetiteError):
                self._take(place, None, None, answer.reason)
            else:
                self._take(place, answer.probabilities, answer.mutual_information, None)
        self.filled += len(batch)
        if self.filled - self.stored >= BOXES_PER_PART:
            self._store()

    def _take(self, place: int, shares: Any, bits: float | None, error: str | None) -> None:
        if error is None:
            self.probabilities[place], self.information[place] = shares, bits
        else:
            self.errors[place] = error

    def _store(self) -> None:
        """Put into the folder, if there is one, what is not in it yet."""
        if self._parts is not None and self.filled > self.stored:
            self._parts.append([self._row(place) for place in range(self.stored, self.filled)])
        self.stored = self.filled

    def _row(self, place: int) -> dict[str, Any]:
        if place in self.errors:
            return {"bits": None, "shares": None, "error": self.errors[place]}
        shares = self.probabilities[place].astype(np.float32)
        return {"bits": float(self.information[place]), "shares": shares, "error": None}
