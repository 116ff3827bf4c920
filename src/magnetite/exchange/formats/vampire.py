"""Vampire's unit cell file (ucf): J in J, H = -Σ_pairs J e_i·e_j, both directions of each pair listed.

Moments are not in it but in the material file: they come out as 1 μB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import ExchangeError
from magnetite.exchange.conventions import JOULE
from magnetite.exchange.model import ExchangeModel
from magnetite.whole import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COLUMNS = {"isotropic": 1, "vectorial": 3, "tensorial": 9}


def read(path: Path) -> ExchangeModel:
    """Read a ucf file.

    Raises:
        ExchangeError: an exchange type that cannot be read, too few lines or too many.
    """
    lines = [line.split("#")[0].split() for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [line for line in lines if line]
    sizes = np.array(rows[0][:3], dtype=float)
    lattice = np.array([row[:3] for row in rows[1:4]], dtype=float) * sizes
    n_sites = int(rows[4][0])
    sites = rows[5 : 5 + n_sites]
    coords = np.array([row[1:4] for row in sites], dtype=float)
    materials = [f"X{int(row[4]) + 1}" if len(row) > 4 else "X1" for row in sites]  # noqa: PLR2004
    head = rows[5 + n_sites]
    kind = head[1].lower() if len(head) > 1 else "isotropic"
    if kind not in COLUMNS:
        raise ExchangeError(f"exchange type {kind!r} cannot be read; only {', '.join(COLUMNS)}")
    table = np.array(rows[6 + n_sites : 6 + n_sites + int(head[0])], dtype=float)
    if len(table) != int(head[0]) or (len(table) and table.shape[1] < 6 + COLUMNS[kind]):
        raise ExchangeError(f"announces {head[0]} interactions of kind {kind}, but holds others")
    notes = ("moments are in Vampire's material file: 1 μB assumed", *_unread(rows[6 + n_sites + len(table) :]))
    values = table[:, 6 : 6 + COLUMNS[kind]] * JOULE
    return ExchangeModel.from_bonds(
        lattice, coords, table[:, 1:6], _shaped(values, kind), species=materials, name=path.stem,
        notes=notes,
    )  # fmt: skip


def write(model: ExchangeModel, path: Path) -> Path:
    """Write a ucf file; the material file is the user's.

    Raises:
        ExchangeError: there is single-ion anisotropy, which belongs into the material file.
    """
    model.refuse_anisotropy("Vampire")
    one, other, images, values = model.directed()
    kinds = {label: n for n, label in enumerate(dict.fromkeys(model.species))}
    lengths = np.linalg.norm(model.lattice, axis=1)
    # Vampire multiplies each component by the unit cell size of its axis; a cube of 1 Å keeps vectors as they are.
    sizes = lengths if np.allclose(model.lattice, np.diag(np.diag(model.lattice))) else np.ones(3)
    lines = ["# Unit cell size", " ".join(f"{s:.12g}" for s in sizes), "# Unit cell vectors"]
    lines += [" ".join(f"{c:.12g}" for c in row / sizes) for row in model.lattice]
    lines += ["# Atoms: id x y z material layer height", f"{len(model)} {len(kinds)}"]
    lines += [
        f"{n} {' '.join(f'{c:.12g}' for c in place % 1.0)} {kinds[label]} 0 0"
        for n, (label, place) in enumerate(zip(model.species, model.frac_coords, strict=True))
    ]
    shift = np.floor(model.frac_coords).astype(int)  # positions go into the cell, and bonds with them
    lines += [
        "# Interactions: id i j dx dy dz J (Joule)",
        f"{len(one)} {'tensorial' if model.has_tensors else 'isotropic'}",
    ]
    flat = values.reshape(len(values), -1) / JOULE
    cells = images + shift[other] - shift[one]
    lines += [
        f"{n} {i} {j} {' '.join(map(str, cell))} {' '.join(f'{x:.12e}' for x in numbers)}"
        for n, (i, j, cell, numbers) in enumerate(zip(one, other, cells, flat, strict=True))
    ]
    write_text(path, "\n".join(lines))
    return path


def _unread(rest: list[list[str]]) -> list[str]:
    """What follows the interactions: Vampire takes it for biquadratic ones, again with their number first."""
    if not rest or int(rest[0][0]) == 0:
        return []
    if int(rest[0][0]) != len(rest) - 1:
        raise ExchangeError(f"{len(rest)} lines follow the interactions that it announces")
    return ["biquadratic exchange is not read"]


def _shaped(values: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    if kind == "isotropic":
        return values[:, 0]
    if kind == "tensorial":
        return values.reshape(-1, 3, 3)
    found: NDArray[np.float64] = values[:, :, None] * np.eye(3)
    return found
