"""What the classifier answers with: plain, typed, MSONable, no tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monty.json import MSONable

from magnetite.reports import sample_of

if TYPE_CHECKING:
    from magnetite.clusters import SampleLike

TOP = 5
"""Classes that a report lists."""


@dataclass(frozen=True)
class PrototypeReport(MSONable):
    """The predicted structure type of one sample, with how far to trust it.

    Attributes:
        formula: reduced formula; empty if the input could not be read.
        prototype: label of the most probable class; None on error.
        name: its common name.
        probability: its mean probability over the passes of the network, 0 to 1.
        top5: labels and probabilities of the most probable classes, best first.
        mutual_information: how much the passes disagree, in bits: near 0 for what the network knows,
            large for what resembles nothing it learned or several things equally; None on error.
        spacegroup: number of the ideal prototype's space group (not one measured on the sample), if it has one.
        strukturbericht: symbol of the prototype, if it has one.
        warnings: what to know before using the prediction, in plain words.
        model: name and version of the model.
        source: where the structure came from (file, row), if known.
        error: why there is no prediction, or None.
    """

    formula: str
    prototype: str | None
    name: str | None
    probability: float
    top5: Mapping[str, float]
    mutual_information: float | None
    spacegroup: int | None
    strukturbericht: str | None
    warnings: tuple[str, ...]
    model: str
    source: str | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        # JSON has no tuples; restoring them here keeps as_dict and from_dict exact inverses.
        object.__setattr__(self, "warnings", tuple(self.warnings))
        object.__setattr__(self, "top5", dict(self.top5))

    @classmethod
    def failed(cls, error: str, source: str | None, model: str) -> PrototypeReport:
        """The report of a structure that could not be classified."""
        return cls("", None, None, 0.0, {}, None, None, None, (), model, source, error)

    @property
    def label(self) -> str | None:
        """The most probable class; None on error."""
        return self.prototype

    def check_structure(self, structure: SampleLike) -> None:
        """Check that the report is of a structure, as far as it knows: by the formula.

        Args:
            structure: what `classify_structure` takes.

        Raises:
            StructureError: the report is of an error or of another formula, or the structure cannot be used.
            ReadError: the file cannot be read.
        """
        from magnetite.clusters import as_sample

        sample_of(self, structure, as_sample)

    def as_row(self) -> dict[str, Any]:
        """The report as one JSON-ready row, the format of ``magnetite classify --format jsonl``."""
        row: dict[str, Any] = {
            "path": self.source,
            "formula": self.formula,
            "prototype": self.prototype,
            "name": self.name,
            "probability": self.probability,
            "top5": dict(self.top5),
            "mutual_information": self.mutual_information,
            "spacegroup": self.spacegroup,
            "strukturbericht": self.strukturbericht,
            "warnings": list(self.warnings),
            "model": self.model,
        }
        if self.error is not None:
            row["error"] = self.error
        return row

    def __str__(self) -> str:
        """A short table."""
        title = self.source or self.formula or "structure"
        if self.error is not None:
            return f"{title}\n  error          {self.error}"
        known = [self.strukturbericht, f"space group {self.spacegroup}" if self.spacegroup else None]
        told = ", ".join(part for part in known if part)
        others = "  ".join(f"{label} {share:.2f}" for label, share in list(self.top5.items())[1:])
        lines = [
            f"{title}" + (f" ({self.formula})" if title != self.formula else ""),
            f"  prototype      {self.name}" + (f" ({told})" if told else ""),
            f"  label          {self.prototype}, probability {self.probability:.2f}",
            f"  then           {others}",
            f"  disagreement   {self.mutual_information:.3f} bits (mutual information)",
        ]
        lines += [f"  warning        {warning}" for warning in self.warnings]
        lines.append(f"  model          {self.model}")
        return "\n".join(lines)
