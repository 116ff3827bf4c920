"""Spirit's configuration file: J in meV, H = -Σ_pairs J n_i·n_j - Σ_pairs D·(n_i × n_j), each pair once.

Lengths are in Å. Fields, single-ion anisotropy, dipoles and quadruplets are neither written nor read; a note says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import ExchangeError
from magnetite.exchange.model import ExchangeModel
from magnetite.whole import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SMALL = 1e-9
PLACE, VECTOR = ("i", "j", "da", "db", "dc"), ("dijx", "dijy", "dijz")
"""Columns of the table of pairs, beside ``jij`` and ``dij``, the length of the vector."""
UNREAD = ("anisotropy_magnitude", "n_anisotropy", "n_interaction_quadruplets", "external_field_magnitude", "ddi_method")


def read(path: Path) -> ExchangeModel:
    """Read a configuration with ``bravais_vectors``, ``basis`` and ``n_interaction_pairs``.

    Raises:
        ExchangeError: one of them is missing, there are fewer pairs or other moments than announced, a column of the
            pairs is unknown, or a pair comes twice.
    """
    lines = [line.split("#")[0].split() for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [line for line in lines if line]
    places = {row[0].lower(): n for n, row in enumerate(rows)}
    for key in ("bravais_vectors", "basis", "n_interaction_pairs"):
        if key not in places:
            raise ExchangeError(f"has no {key}")
    scale = float(rows[places["lattice_constant"]][1]) if "lattice_constant" in places else 1.0
    start = places["bravais_vectors"] + 1
    lattice = np.array([row[:3] for row in rows[start : start + 3]], dtype=float) * scale
    start = places["basis"] + 1
    size = int(rows[start][0])
    coords = np.array([row[:3] for row in rows[start + 1 : start + 1 + size]], dtype=float)
    moments = np.array(rows[places["mu_s"]][1:], dtype=float) if "mu_s" in places else np.ones(1)
    place = places["n_interaction_pairs"]
    number = int(rows[place][1])
    columns = [word.lower() for word in rows[place + 1]]
    _check_columns(columns)
    pairs = [row[: len(columns)] for row in rows[place + 2 : place + 2 + number]]
    if len(pairs) < number or any(len(row) < len(columns) for row in pairs):
        raise ExchangeError(f"announces {number} pairs of {len(columns)} columns, but holds others")
    table = np.array(pairs, dtype=float)
    bonds = table[:, [columns.index(c) for c in PLACE]]
    values = table[:, columns.index("jij")]
    if "dijx" in columns:
        vectors = table[:, [columns.index(c) for c in VECTOR]]
        if "dij" in columns:
            length = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors = vectors / np.where(length > 0, length, 1) * table[:, [columns.index("dij")]]
        values = values[:, None, None] * np.eye(3) + _crossed(vectors)
    if len(moments) not in {1, size}:
        raise ExchangeError(f"{len(moments)} mu_s for {size} sites of the basis")
    model = ExchangeModel.from_bonds(
        lattice, coords, bonds, values, moments=moments if len(moments) == size else moments[0], name=path.stem,
        notes=(*(() if "mu_s" in places else ("moments are not given: 1 μB assumed",)), *_unread(rows)),
    )  # fmt: skip
    if len(model.first) < number:
        raise ExchangeError("lists a pair more than once, in whichever direction; Spirit adds them up: list each once")
    return model


def write(model: ExchangeModel, path: Path) -> Path:
    """Write a configuration; size and steps in it are a beginning.

    Raises:
        ExchangeError: symmetric anisotropic exchange or single-ion terms, which it cannot hold.
    """
    values = model.couplings
    vectors = None
    if model.has_tensors:
        symmetric = (values + values.transpose(0, 2, 1)) / 2 - model.isotropic[:, None, None] * np.eye(3)
        if abs(symmetric).max(initial=0.0) > SMALL:
            raise ExchangeError("Spirit's file cannot hold symmetric anisotropic exchange", model.name)
        vectors = np.stack([values[:, 1, 2], values[:, 2, 0], values[:, 0, 1]], axis=1)
    model.refuse_anisotropy("Spirit")
    lines = ["lattice_constant 1.0", "bravais_vectors"]
    lines += [" ".join(f"{c:.12g}" for c in row) for row in model.lattice]
    lines += ["basis", str(len(model)), *(" ".join(f"{c:.12g}" for c in row) for row in model.frac_coords)]
    lines += ["mu_s " + " ".join(f"{m:.7g}" for m in model.moments), "n_basis_cells 10 10 10"]
    lines += ["boundary_conditions 1 1 1", "hamiltonian heisenberg_pairs", f"n_interaction_pairs {len(model.first)}"]
    lines.append("i j da db dc Jij" + (" Dijx Dijy Dijz" if vectors is not None else ""))
    for n, (i, j, image) in enumerate(zip(model.first, model.second, model.images, strict=True)):
        extra = "" if vectors is None else " " + " ".join(f"{d:.12g}" for d in vectors[n])
        lines.append(f"{i} {j} {image[0]} {image[1]} {image[2]} {model.isotropic[n]:.12g}{extra}")
    write_text(path, "\n".join(lines))
    return path


def _check_columns(columns: list[str]) -> None:
    """Stop at what would be dropped, and at vectors of which Spirit's versions make different ones."""
    if {"dija", "dijb", "dijc"} & set(columns):
        raise ExchangeError(
            "gives vectors along the cell (Dija Dijb Dijc), which Spirit 2 takes for Cartesian and later versions do "
            "not: give Dijx Dijy Dijz"
        )
    missing = [name for name in (*PLACE, "jij") if name not in columns]
    if {"dij", *VECTOR} & set(columns):
        missing += [name for name in VECTOR if name not in columns]
    if missing:
        raise ExchangeError(f"its pairs have no column {', '.join(missing)}")
    unknown = sorted(set(columns) - {*PLACE, "jij", "dij", *VECTOR})
    if unknown:
        raise ExchangeError(f"its pairs have columns that cannot be read: {', '.join(unknown)}")


def _unread(rows: list[list[str]]) -> list[str]:
    """Terms of the Hamiltonian that are in the file and not taken over."""
    return [
        f"{row[0]} is not read"
        for row in rows
        if row[0].lower() in UNREAD and len(row) > 1 and row[1].lower() != "none" and _not_zero(row[1])
    ]


def _not_zero(word: str) -> bool:
    try:
        return float(word) != 0
    except ValueError:
        return True


def _crossed(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrices M with a·M·b = D·(a × b)."""
    found = np.zeros((len(vectors), 3, 3))
    for row, column, axis in ((1, 2, 0), (2, 0, 1), (0, 1, 2)):
        found[:, row, column], found[:, column, row] = vectors[:, axis], -vectors[:, axis]
    return found
