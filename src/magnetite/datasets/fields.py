"""What rows of the labelled sets must tell, so that a broken one is named instead of ending a reading in the middle."""

from __future__ import annotations

from magnetite.datasets.records import Record
from magnetite.errors import DataError

NEEDED = {
    "TRAIN_merker_like_ggau": ("id", "mp_id", "formula", "fold", "label", "label_source", "balanced", "species"),
    "mp_magmoms_kitchin": ("id", "formula", "ordering_mp", "magmoms", "species"),
    "mp_nonmagnetic_inferred": ("id", "nm_tier", "species"),
    "mp_workflow_digimatchem": ("id", "ordering_mp", "is_GGA_U", "magmoms", "species"),
    "mp_structures_unlabelled": ("id", "species"),
    "magndata": ("id", "reduced_formula", "usable", "parent_cell", "order", "zero_k"),
    "wave vectors": ("id", "usable", "parent_cell", "magnetic_cell", "group_compound", "zero_k"),
}
"""What every row of a file must tell besides its cell; ``wave vectors`` is the magndata file for the ranker."""


def fold_of(row: Record, folds: int) -> int:
    """The fold that a row is put in.

    Raises:
        DataError: it is none from 0 to `folds` − 1.
    """
    if row["fold"] not in range(folds):
        raise DataError(
            f"fold must be a number from 0 to {folds - 1}, not {row['fold']!r}", str(row.get("id", row["formula"]))
        )
    return int(row["fold"])


def zero_k_of(row: Record) -> int:
    """1 if the propagation vector is zero, else 0.

    Raises:
        DataError: the row does not say.
    """
    if row["zero_k"] not in (True, False):
        raise DataError(f"zero_k must be true or false, not {row['zero_k']!r}", str(row["id"]))
    return int(row["zero_k"])
