"""From computed structures to the labelled set that order models learn from."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.datasets.magnetic import hash_fold
from magnetite.elements import FROZEN_4F, MAGNETIC_ELEMENTS
from magnetite.errors import StructureError
from magnetite.structures import as_crystal
from magnetite.sublattice.symmetry import analyzed, refined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from magnetite.datasets.records import Record

LABELS = {"NM": "NM", "AFM": "AFM", "FM": "FM", "FiM": "FM"}
"""Class of each ordering; FM holds ferrimagnets."""


class OrderSet(NamedTuple):
    """Labelled rows, and how many records were left out for which reason."""

    rows: list[Record]
    left_out: dict[str, int]


def build_order_set(records: Iterable[Record]) -> OrderSet:
    """Label records of `magnetite.datasets.materials_project` and reduce them to chemical cells.

    - ``label`` is NM, AFM or FM (FM and FiM; ``ordering4`` keeps them apart).
    - The cell is the primitive chemical one, as its symmetry asks for it: nearly half of the antiferromagnets are
      computed in magnetic supercells, whose size alone would tell the label, and all keep traces of their order
      in bonds and angles.
    - ``fold`` (0–9) depends on nothing but the reduced formula, so that polymorphs and later releases stay
      on one side of a split.
    - ``balanced`` marks a subset in which no class is larger than the second largest; rows are taken in
      the order of a hash of their ids, so that it hardly changes between releases.

    Left out are chemistry without GGA+U or without a magnetic element, unknown orderings, calculations
    without moments (which are no evidence of NM) and NM compounds of rare earths whose 4f electrons are
    frozen in the calculation.

    Args:
        records: in any order.
    """
    rows: list[Record] = []
    left_out: Counter[str] = Counter()
    for record in records:
        reason = _unfit(record)
        if reason is None:
            try:
                rows.append(_row(record))
            except StructureError:
                reason = "unusable structure"
        if reason is not None:
            left_out[reason] += 1
    _balance(rows)
    return OrderSet(rows, dict(left_out))


def _unfit(record: Record) -> str | None:
    elements = set(record["species"])
    if not record["is_GGA_U"] or not MAGNETIC_ELEMENTS & elements:
        return "other chemistry"
    if record["ordering_mp"] not in LABELS:
        return "unknown ordering"
    if record["magmoms"] is None:
        return "no moments"
    if record["ordering_mp"] == "NM" and FROZEN_4F & elements:
        return "frozen 4f electrons"
    return None


def _row(record: Record) -> Record:
    from ase.data import chemical_symbols

    crystal = as_crystal(record, source=str(record["id"]))
    reduced, _ = crystal.primitive
    primitive = refined(reduced, analyzed(reduced))
    formula = primitive.reduced_formula
    sizes = float(np.abs(record["magmoms"]).sum())
    return {
        "id": record["id"],
        "mp_id": record["id"],
        "source": record.get("source"),
        "formula": formula,
        "label": LABELS[record["ordering_mp"]],
        "ordering4": record["ordering_mp"],
        "label_source": "dft_magmoms",
        "max_abs_magmom": record["max_abs_magmom"],
        "net_ratio": round(abs(float(np.sum(record["magmoms"]))) / sizes, 4) if sizes else 0.0,
        "nsites_original": len(crystal),
        "lattice": primitive.lattice.round(6).tolist(),
        "species": [chemical_symbols[z] for z in primitive.numbers],
        "frac_coords": primitive.frac_coords.round(6).tolist(),
        "balanced": False,
        "fold": hash_fold(formula),
    }


def _balance(rows: list[Record]) -> None:
    """Mark the balanced subset in place."""
    classes: dict[str, list[Record]] = defaultdict(list)
    for row in rows:
        classes[row["label"]].append(row)
    sizes = sorted((len(members) for members in classes.values()), reverse=True)
    limit = sizes[min(1, len(sizes) - 1)] if sizes else 0
    for members in classes.values():
        members.sort(key=lambda row: hashlib.sha256(str(row["id"]).encode()).hexdigest())
        for row in members[:limit]:
            row["balanced"] = True
