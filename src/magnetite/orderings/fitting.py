"""Learning what each kind of pair of magnetic sites counts, from orders that are known.

A conditional logit: of all symmetry-distinct patterns at the known wave vector, the known one is to be the most
probable; of a ferro- or ferrimagnet, that among those of `patterns.uncompensated`. What does not depend on the
pattern, such as the wave vector itself, cancels, so that the wave vectors' own ranking is not learned here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from magnetite.orderings.bonds import BOND_NAMES
from magnetite.orderings.couplings import energies, fourier
from magnetite.orderings.patterns import EXHAUSTIVE, antiferromagnetic, uncompensated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from magnetite.orderings.observed import KnownOrder


WEIGHTS = {"measured": 8.0, "searched": 1.0, "computed": 1.0}
"""Of known orders by their source. Most computed antiferromagnets are the only pattern that was tried."""


class Choice(NamedTuple):
    """One known order among its alternatives.

    Attributes:
        features: ∂E/∂w of each pattern, shape (n_patterns, n_weights).
        chosen: which pattern is the known one.
        weight: in the likelihood.
        fold: of the formula.
        source: where the order is known from.
        kind: ``FM``, ``AFM`` or ``FiM``.
    """

    features: NDArray[np.float64]
    chosen: int
    weight: float
    fold: int
    source: str
    kind: str


def choices(known: Iterable[KnownOrder], *, progress: bool = False) -> list[Choice]:
    """Every known order that is one of several patterns, with all of them.

    Left out are orders of no half vector, without alternatives, and with more than `EXHAUSTIVE` sites.
    """
    found = []
    for order in tqdm(known, desc="patterns", unit="", disable=not progress):
        choice = _choice(order)
        if choice is not None:
            found.append(choice)
    return found


def _choice(order: KnownOrder) -> Choice | None:
    sublattice, k = order.sublattice, order.k
    if k is None or not 1 < len(sublattice) <= EXHAUSTIVE:
        return None
    if order.kind == "AFM":
        patterns = antiferromagnetic(sublattice, k, np.zeros((len(sublattice),) * 2, complex))
    elif not k.any():
        patterns = uncompensated(sublattice)
    else:
        return None
    if len(patterns) <= 1:
        return None
    classes = sublattice.classes(k, np.concatenate([patterns, order.signs[None]]))
    hit = np.flatnonzero(classes[:-1] == classes[-1])
    if not len(hit):
        return None
    features = np.zeros((len(patterns), len(BOND_NAMES) + 1))
    bonds = sublattice.bonds
    for column in np.flatnonzero(bonds.features.any(axis=0)):
        matrix = fourier(bonds, bonds.features[:, column], k, len(sublattice))
        features[:, column] = energies(matrix, patterns.astype(complex))
    features[:, -1] = (patterns > 0).all(axis=1) & (order.kind != "AFM")
    return Choice(features, int(hit[0]), WEIGHTS[order.source], order.fold, order.source, order.kind)


def fit_weights(rows: list[Choice], penalty: float) -> NDArray[np.float64]:
    """Weights of the highest penalised likelihood, shape (len(BOND_NAMES) + 1,).

    Args:
        rows: what to learn from.
        penalty: of the squared weights, for features in units of their spread, per row.
    """
    from scipy.optimize import minimize

    table = np.concatenate([row.features - row.features[row.chosen] for row in rows])
    owners = np.repeat(np.arange(len(rows)), [len(row.features) for row in rows])
    importance = np.array([row.weight for row in rows])
    scale = np.sqrt((table**2).mean(axis=0))
    scale[scale < 1e-9] = np.inf  # noqa: PLR2004 (never there: no weight)
    table = table / scale

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        # The known pattern has energy 0, so that no sum vanishes; overflow is cut off where nothing is left to tell.
        terms = np.exp(np.clip(-(table @ w), -500, 500))
        sums = np.bincount(owners, terms)
        slope = -((terms / sums[owners] * importance[owners]) @ table)
        value = float(importance @ np.log(sums)) + penalty * len(rows) * float(w @ w)
        return value, slope + 2 * penalty * len(rows) * w

    found = minimize(loss, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    solved: NDArray[np.float64] = found.x / scale
    return solved


def cross_validated(rows: list[Choice], penalty: float, parts: int = 5) -> NDArray[np.float64]:
    """`ranks` of every row with weights that its fold had no part in, shape (n,)."""
    found = np.zeros(len(rows))
    for part in range(parts):
        learned = fit_weights([row for row in rows if row.fold % parts != part], penalty)
        held_out = [i for i, row in enumerate(rows) if row.fold % parts == part]
        found[held_out] = ranks([rows[i] for i in held_out], learned)
    return found


def ranks(rows: list[Choice], coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place of the known order among its alternatives, from 1; patterns of equal energy share theirs, shape (n,)."""
    found = []
    for row in rows:
        energy = row.features @ coefficients
        gap = energy - energy[row.chosen]
        found.append(1 + np.count_nonzero(gap < -1e-9) + (np.count_nonzero(abs(gap) <= 1e-9) - 1) / 2)  # noqa: PLR2004
    return np.array(found)
