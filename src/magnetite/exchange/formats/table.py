"""A plain table: a line for each pair, with what a reader of a spreadsheet wants to see beside it.

Two comment lines hold the cell and the sites, so that the file is complete; tensors have nine columns.
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import ExchangeError
from magnetite.exchange.formats.records import as_record
from magnetite.exchange.model import ExchangeModel
from magnetite.whole import whole_path

if TYPE_CHECKING:
    from pathlib import Path

BOND = ("i", "j", "cell_a", "cell_b", "cell_c")
TENSOR = tuple(f"J{a}{b}_meV" for a in "xyz" for b in "xyz")
MARK = "# magnetite exchange, H = -sum over pairs (each once) J e_i.e_j: "


def read(path: Path) -> ExchangeModel:
    """Read a table that `write` wrote, or one whose lines were edited.

    Raises:
        ExchangeError: the comment line, a column or a value is missing.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].startswith(MARK):
        raise ExchangeError(f"does not begin with {MARK!r} and the cell and sites as JSON")
    head = json.loads(lines[0][len(MARK) :])
    rows = list(csv.DictReader(lines[1:]))
    columns = set(rows[0]) if rows else set()
    wanted = TENSOR if set(TENSOR) <= columns else ("J_meV",)
    missing = [name for name in (*BOND, *wanted) if rows and name not in columns]
    if missing:
        raise ExchangeError(f"has no column {', '.join(missing)}")
    for number, row in enumerate(rows, start=3):
        if None in row.values():
            raise ExchangeError(f"line {number} has fewer values than there are columns")
        if any(row.get(None, ())):  # of a decimal comma, say: half of the number would be read
            raise ExchangeError(f"line {number} has more values than there are columns")
    bonds = np.array([[int(row[name]) for name in BOND] for row in rows], dtype=int)
    values = np.array([[float(row[name]) for name in wanted] for row in rows])
    shaped = values.reshape(-1, 3, 3) if len(wanted) > 1 else values.reshape(-1)
    return ExchangeModel.from_bonds(
        head["lattice"], head["frac_coords"], bonds, shaped, species=head["labels"], moments=head["moments"],
        spins=head["S"], anisotropy=head["anisotropy"], name=head["name"], notes=tuple(head.get("notes", ())),
    )  # fmt: skip


def write(model: ExchangeModel, path: Path) -> Path:
    """Write the table, shortest bonds first."""
    head = as_record(model)
    del head["bonds"]
    with whole_path(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        stream.write(MARK + json.dumps(head) + "\n")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*BOND, "distance_A", *(TENSOR if model.has_tensors else ("J_meV",))])
        for n in np.argsort(model.distances, kind="stable"):
            numbers = np.atleast_1d(model.couplings[n]).reshape(-1)
            bond = [model.first[n], model.second[n], *model.images[n]]
            writer.writerow([*map(int, bond), f"{model.distances[n]:.6f}", *(f"{x:.12g}" for x in numbers)])
    return path
