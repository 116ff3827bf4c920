"""The structure classes a model tells apart, as its card lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from magnetite.errors import DataError, ZooError
from magnetite.zoo.registry import DEFAULT_CLASSIFIER

if TYPE_CHECKING:
    from magnetite.zoo.cards import Card


@dataclass(frozen=True)
class StructureClass:
    """One class.

    Attributes:
        label: short and unique, e.g. ``fcc_Cu_A_cF4_225_a``.
        name: what it is commonly called, e.g. ``fcc (Cu)``.
        strukturbericht: symbol such as ``A1``, None where there is none.
        spacegroup: number of the ideal structure's space group, None for finite prototypes.
        dimension: in how many directions the prototype goes on: 3 bulk, 2 layers, 1 wires and tubes, 0 clusters.
    """

    label: str
    name: str
    strukturbericht: str | None
    spacegroup: int | None
    dimension: int

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """From an entry of a card's list."""
        return cls(**settings)

    def as_dict(self) -> dict[str, Any]:
        """For a card's list."""
        return asdict(self)

    def __str__(self) -> str:
        extra = [self.strukturbericht, f"space group {self.spacegroup}" if self.spacegroup else None]
        told = ", ".join(part for part in extra if part)
        return f"{self.name} ({told})" if told else self.name


def classes_of(card: Card) -> tuple[StructureClass, ...]:
    """The classes that a model's card lists.

    Raises:
        ZooError: the model is none of structure types.
    """
    if "classes" not in card.settings:
        raise ZooError(f"is not a model of structure types; try {DEFAULT_CLASSIFIER!r}", str(card))
    return tuple(map(StructureClass.from_dict, card.settings["classes"]))


def distinct_names(classes: Sequence[StructureClass]) -> list[str]:
    """What to call each class beside the others: its name, with the space group where others bear it, too."""
    borne = Counter(entry.name for entry in classes)
    return [entry.name if borne[entry.name] == 1 else str(entry) for entry in classes]


def check_labels(classes: Iterable[StructureClass]) -> None:
    """Check that every label stands once.

    Raises:
        DataError: a label stands twice.
    """
    seen: set[str] = set()
    for entry in classes:
        if entry.label in seen:
            raise DataError("there is a class of this name already; choose another", entry.label)
        seen.add(entry.label)
