"""What a potential answers with: plain, typed, no tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from monty.json import MSONable


class Objection(str):
    """A warning; beside its text what it is about, and by how many times what is usual is exceeded.

    Numbers in the text change at every step of a trajectory; these two tell whether there is news.
    """

    __slots__ = ("degree", "kind")
    kind: str
    degree: float

    def __new__(cls, text: str, kind: str = "", degree: float = 1.0) -> Objection:  # noqa: PYI034 (pickle gives text)
        """Take the text and what it says to programs."""
        found = super().__new__(cls, text)
        found.kind, found.degree = kind, float(degree)
        return found


@dataclass(frozen=True, eq=False)
class PotentialReport(MSONable):
    """Energy and derivatives of one crystal with moments.

    Attributes:
        energy: of the cell in eV; NaN on error.
        energies: of the atoms in eV, with reference energies, (n,).
        forces: in eV/Å, (n, 3).
        stress: in eV/Å³, sign as ASE's, (3, 3); zero for clusters.
        moments: that it was asked about, in μB, (n, 3).
        magnetic_forces: −dE/dm in eV/μB, (n, 3); zero for elements without moments.
        energy_spread: standard deviation of the energy between the potential's networks, in eV; None where it has one.
        force_spread: of the forces likewise, in eV/Å, (n,); None where it has one.
        warnings: what to know before using it.
        model: name and version of the model.
        source: where the structure came from, if known.
        error: why there is no answer, or None.
    """

    energy: float
    energies: Any
    forces: Any
    stress: Any
    moments: Any
    magnetic_forces: Any
    warnings: tuple[Objection, ...]
    model: str
    source: str | None = None
    error: str | None = None
    energy_spread: float | None = None
    force_spread: Any = None

    def __post_init__(self) -> None:
        for name in ("energies", "forces", "stress", "moments", "magnetic_forces"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=float))
        if self.force_spread is not None:
            object.__setattr__(self, "force_spread", np.asarray(self.force_spread, dtype=float))
        # JSON knows no objections; what comes back from it is only text.
        said = tuple(text if isinstance(text, Objection) else Objection(text) for text in self.warnings)
        object.__setattr__(self, "warnings", said)

    @classmethod
    def failed(cls, error: str, source: str | None, model: str) -> PotentialReport:
        """The report of a crystal that could not be evaluated."""
        none = np.zeros((0, 3))
        return cls(float("nan"), np.zeros(0), none, np.zeros((3, 3)), none, none, (), model, source, error)
