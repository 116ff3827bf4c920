"""The measured wave vectors that the ranker learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tqdm.auto import tqdm

from magnetite.datasets.fields import NEEDED
from magnetite.datasets.records import Record, find_records, read_records
from magnetite.errors import StructureError
from magnetite.propagation.features import ranker_features
from magnetite.propagation.labels import measured_star
from magnetite.propagation.stars import Star, stars
from magnetite.structures import as_crystal

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class VectorExample:
    """A measured magnetic structure, its candidates and which of them it has.

    Attributes:
        identity: id of the row.
        formula: reduced formula; never on both sides of a split.
        compound: formula and space group.
        elements: symbols.
        candidates: stars of the primitive chemical cell, k = 0 first.
        features: of each candidate, shape (n_candidates, len(RANKER_NAMES)).
        label: position of the measured one; None if it is none of the candidates.
        is_zero: whether the measured wave vector is zero.
    """

    identity: str
    formula: str
    compound: str
    elements: frozenset[str]
    candidates: tuple[Star, ...]
    features: NDArray[np.float64]
    label: int | None
    is_zero: bool


def read_vectors(data: Path, *, progress: bool = True) -> list[VectorExample]:
    """The usable rows of the neutron set.

    Args:
        data: folder with ``magndata/`` in it.
        progress: show a progress bar.

    Raises:
        DataError: the file is missing or broken.
    """
    rows = read_records(find_records(data / "magndata", "magndata"), NEEDED["wave vectors"])
    found = [example_of(row) for row in tqdm(rows, desc="wave vectors", unit="", disable=not progress)]
    return [example for example in found if example is not None]


def example_of(row: Record) -> VectorExample | None:
    """The example of a row; None if the row is not usable or its parent cell is no crystal.

    Args:
        row: as `magnetite.datasets.magndata.as_record` makes it. Only ``parent_cell`` becomes a feature.
    """
    if not row["usable"]:
        return None
    try:
        parent = as_crystal(row["parent_cell"], source=str(row["id"])).primitive[0]
        candidates = stars(parent)
        label = measured_star(row, parent, candidates)
    except StructureError:
        return None
    return VectorExample(
        str(row["id"]), parent.reduced_formula, str(row["group_compound"]), parent.elements, candidates,
        ranker_features(parent, candidates), label, bool(row["zero_k"]),
    )  # fmt: skip
