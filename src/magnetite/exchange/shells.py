"""Exchange constants shell by shell: pairs of the same kinds of site at the same distance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.exchange.model import ExchangeModel

SAME_SHELL = 0.02
"""Å; distances closer than this are one shell."""
MOST_KINDS = 3
"""Of labels; where there are more (a type for each site), pairs are told apart by element alone."""


class BondShell(NamedTuple):
    """Bonds of one shell.

    Attributes:
        pair: labels or elements of the two sites, sorted, with a dash.
        distance: mean, Å.
        neighbours: in it, a site of the model.
        mean: isotropic J in meV.
        spread: its standard deviation over the bonds, meV.
    """

    pair: str
    distance: float
    neighbours: float
    mean: float
    spread: float


def pair_names(model: ExchangeModel) -> NDArray[np.str_]:
    """What each bond joins, as `BondShell.pair`, shape (n_bonds,)."""
    labels = list(model.species)
    if len(set(labels)) > MOST_KINDS:
        labels = [element_of(label) for label in labels]
    return np.array(["-".join(sorted((labels[i], labels[j]))) for i, j in zip(model.first, model.second, strict=True)])


def shells(model: ExchangeModel) -> list[BondShell]:
    """All shells, shortest first."""
    pairs = pair_names(model)
    found = []
    for pair in sorted(set(pairs.tolist())):
        rows = np.flatnonzero(pairs == pair)
        rows = rows[np.argsort(model.distances[rows], kind="stable")]
        for part in np.split(rows, np.flatnonzero(np.diff(model.distances[rows]) > SAME_SHELL) + 1):
            values = model.isotropic[part]
            found.append(
                BondShell(
                    pair, float(model.distances[part].mean()), 2 * len(part) / len(model), float(values.mean()),
                    float(values.std()),
                )
            )  # fmt: skip
    return sorted(found, key=lambda shell: shell.distance)


def element_of(label: str) -> str:
    """The element a site's label speaks of (``Mn2``, ``25``), ``X`` where it speaks of none."""
    from ase.data import atomic_numbers, chemical_symbols

    if label.isdigit() and 0 < int(label) < len(chemical_symbols):
        return str(chemical_symbols[int(label)])
    match = re.match(r"[A-Z][a-z]?", label)
    symbol = match.group() if match else "X"
    return symbol if symbol in atomic_numbers else symbol[0] if symbol[0] in atomic_numbers else "X"
