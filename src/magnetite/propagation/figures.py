"""How well rankings of wave vectors do, and what trivial ones score."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from magnetite.order.tasks import k_fold
from magnetite.propagation.features import RANKER_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.propagation.examples import VectorExample

FOLDS = 5
TOPS = (1, 3)
"""A ranking is right at n if the measured wave vector is among its first n."""


def ranked(examples: Sequence[VectorExample]) -> list[int]:
    """Positions of the examples whose measured wave vector is not zero."""
    return [index for index, example in enumerate(examples) if not example.is_zero]


def ranks(examples: Sequence[VectorExample], scores: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Place of the measured wave vector among all candidates of each example, from 1; infinite if it is none of them.

    Args:
        examples: those to rank.
        scores: of each one's candidates, higher is better; equal scores count against the ranking.
    """
    found = np.full(len(examples), np.inf)
    for index, (example, score) in enumerate(zip(examples, scores, strict=True)):
        if example.label is not None:
            found[index] = np.count_nonzero(score >= score[example.label])
    return found


def common_vectors(examples: Sequence[VectorExample]) -> list[NDArray[np.float64]]:
    """The trivial ranking: how often candidates with these components were measured in the other folds."""
    folds = [k_fold(example.formula, FOLDS) for example in examples]
    found = []
    for fold, example in zip(folds, examples, strict=True):
        counts: Counter[tuple[float, ...]] = Counter(
            _key(e, e.label) for e, f in zip(examples, folds, strict=True) if f != fold and e.label is not None
        )
        found.append(np.array([float(counts[_key(example, i)]) for i in range(len(example.candidates))]))
    return found


def _key(example: VectorExample, candidate: int) -> tuple[float, ...]:
    """Components in the standardised cell."""
    columns = [RANKER_NAMES.index(f"k {axis}") for axis in (1, 2, 3)]
    return tuple(example.features[candidate, columns].tolist())


def short_half_vectors(examples: Sequence[VectorExample]) -> list[NDArray[np.float64]]:
    """The other trivial ranking: the vectors of smallest period first, the shortest of them before longer ones."""
    period, length = RANKER_NAMES.index("period"), RANKER_NAMES.index("length")
    # No vector of the first zone is as long as a thousand reciprocal ångströms.
    return [-(1e3 * example.features[:, period] + example.features[:, length]) for example in examples]


def non_zero_tops(examples: Sequence[VectorExample], scores: Sequence[NDArray[np.float64]]) -> dict[int, float]:
    """Share of the examples with non-zero wave vector where it is among the first n non-zero candidates, for `TOPS`."""
    chosen = ranked(examples)
    places = ranks(
        [examples[i] for i in chosen],
        [np.where([star.is_zero for star in examples[i].candidates], -np.inf, scores[i]) for i in chosen],
    )
    return {top: float(np.mean(places <= top)) for top in TOPS}
