"""JSON: one model, or JSON lines of records, plain or packed.

A record holds ``lattice``, ``frac_coords`` and ``bonds`` [i, j, cell_a, cell_b, cell_c, J in meV, …], each pair once
or in both directions, J for unit vectors; ``labels``, ``S`` (null where unknown), ``moments``, ``anisotropy``, ``name``
and ``notes`` if known.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from magnetite.datasets.records import PACKED, open_lines, write_records
from magnetite.errors import ExchangeError
from magnetite.exchange.model import ExchangeModel
from magnetite.whole import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def from_record(record: Mapping[str, Any]) -> ExchangeModel:
    """A model of a record.

    Raises:
        ExchangeError: a key is missing, or numbers do not fit.
    """
    if not isinstance(record, dict):
        raise ExchangeError(f"a record is an object with lattice, frac_coords and bonds, not a {type(record).__name__}")
    missing = [key for key in ("lattice", "frac_coords", "bonds") if record.get(key) is None]
    if missing:
        raise ExchangeError(f"record lacks {', '.join(missing)}", record.get("name"))
    bonds = record["bonds"]
    short = next((bond for bond in bonds if not isinstance(bond, list) or len(bond) < 6), None)  # noqa: PLR2004
    if short is not None:
        raise ExchangeError(f"a bond is [i, j, cell_a, cell_b, cell_c, J], not {short}", record.get("name"))
    notes = tuple(map(str, record.get("notes") or ()))
    if record.get("moments") is None:
        notes += ("moments are not given: 1 μB assumed",)
    return ExchangeModel.from_bonds(
        record["lattice"], record["frac_coords"], np.array([bond[:5] for bond in bonds], dtype=float),
        np.array([bond[5] for bond in bonds], dtype=float), species=record.get("labels"), moments=record.get("moments"),
        spins=record.get("S"), anisotropy=record.get("anisotropy"), name=str(record.get("name", "exchange")),
        notes=notes,
    )  # fmt: skip


def as_record(model: ExchangeModel) -> dict[str, Any]:
    """The record of a model, each pair once."""
    bonds = [
        [int(i), int(j), *map(int, image), value.tolist()]
        for i, j, image, value in zip(model.first, model.second, model.images, model.couplings, strict=True)
    ]
    spins = [float(s) if known else None for s, known in zip(model.spins, np.isfinite(model.spins), strict=True)]
    return {
        "name": model.name, "lattice": model.lattice.tolist(), "labels": list(model.species),
        "frac_coords": model.frac_coords.tolist(), "moments": model.moments.tolist(), "bonds": bonds,
        "S": spins, "anisotropy": None if model.anisotropy is None else model.anisotropy.tolist(),
        "notes": list(model.notes),
    }  # fmt: skip


def read(path: Path, name: str | None = None) -> ExchangeModel:
    """The record of a file, or that of a name among several.

    Raises:
        DataError: the file is cut short or damaged.
        ExchangeError: no such record, or several and no name.
    """
    text = b"".join(open_lines(path)).decode("utf-8")
    lines = ".jsonl" in path.suffixes
    rows = [json.loads(line) for line in text.splitlines() if line.strip()] if lines else [json.loads(text)]
    if name is None and len(rows) == 1:
        return from_record(rows[0])
    names = [str(row.get("name")) if isinstance(row, dict) else "?" for row in rows]
    if name not in names:
        wanted = "say which" if name is None else f"none of them named {name!r}"
        raise ExchangeError(f"has {len(rows)} records, {wanted}: {', '.join(names[:60])}")
    return from_record(rows[names.index(name)])


def write(model: ExchangeModel, path: Path) -> Path:
    """Write one record."""
    if path.suffix.lower() in PACKED:
        write_records(path, [as_record(model)])
        return path
    write_text(path, json.dumps(as_record(model), indent=1))
    return path
