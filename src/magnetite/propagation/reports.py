"""What the ranking of wave vectors answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monty.json import MSONable


@dataclass(frozen=True)
class RankedVector(MSONable):
    """One candidate for the propagation vector.

    Attributes:
        k: one arm of the star, in the first Brillouin zone, in the reciprocal basis of the primitive cell (as
            `Crystal.primitive` gives it), as fractions such as ``1/2``.
        k_input: the same vector in the reciprocal basis of the cell that was given.
        point: name of the point or line of symmetry of the lattice (Setyawan and Curtarolo), or ``general``.
        star_size: number of arms, k and -k counted once; that is how many domains of it there are.
        probability: that a commensurate order has this star, if the crystal orders; all candidates sum to 1.
    """

    k: tuple[str, str, str]
    k_input: tuple[str, str, str]
    point: str
    star_size: int
    probability: float

    def __post_init__(self) -> None:
        # JSON has no tuples; restoring them here keeps as_dict and from_dict exact inverses.
        for name in ("k", "k_input"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def is_zero(self) -> bool:
        """Whether the magnetic cell is the primitive chemical cell."""
        return all(component == "0" for component in self.k)

    def __str__(self) -> str:
        """One line."""
        return f"({' '.join(self.k)})  {self.point}  star of {self.star_size}  {self.probability:.2f}"


@dataclass(frozen=True)
class PropagationReport(MSONable):
    """The ranked wave vectors of one crystal.

    Attributes:
        formula: reduced formula; empty if the input could not be read.
        vectors: the most probable first; empty on error and if no atom can carry a moment.
        model: name and version of the model.
        source: where the structure came from (file, row), if known.
        error: why there is no answer, or None.
    """

    formula: str
    vectors: tuple[RankedVector, ...]
    model: str
    source: str | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        # Through JSON the tuple comes back as a list.
        object.__setattr__(self, "vectors", tuple(self.vectors))

    def as_row(self) -> dict[str, Any]:
        """The report as one JSON-ready row, the format of ``magnetite kvectors --format jsonl``."""
        vectors = [
            {
                "k": list(found.k),
                "k_input": list(found.k_input),
                "point": found.point,
                "star_size": found.star_size,
                "probability": found.probability,
            }
            for found in self.vectors
        ]
        row: dict[str, Any] = {
            "path": self.source,
            "formula": self.formula,
            "vectors": vectors,
            "model": self.model,
        }
        if self.error is not None:
            row["error"] = self.error
        return row
