"""The words of the ranker's card; the figures are measured when it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magnetite.propagation.figures import FOLDS, common_vectors, non_zero_tops, ranked, short_half_vectors
from magnetite.propagation.stars import PERIODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from magnetite.propagation.examples import VectorExample

PROTOCOL = f"{FOLDS}-fold by reduced formula, usable commensurate rows of MAGNDATA with k not zero"


def describe(examples: Sequence[VectorExample], scores: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
    """The card's content but for name, weights and settings.

    Args:
        examples: all of them.
        scores: of each one's candidates, by trees that never saw its formula.
    """
    rows = len(ranked(examples))
    figures = (
        ("non-zero k", scores),
        ("the same for the most common vectors", common_vectors(examples)),
        ("the same for the shortest half vectors", short_half_vectors(examples)),
    )
    return {
        "version": "0.3.0",
        "family": "propagation",
        "description": (
            "Ranks the commensurate propagation vectors of a crystal's magnetic order: boosted trees on the energies "
            "of geometric couplings at each candidate (Luttinger and Tisza), its star, and the magnetic sublattice."
        ),
        "licence": "MIT (weights and code)",
        "elements": sorted(set().union(*(example.elements for example in examples))),
        "labels": (
            "The star of the strongest Fourier component of the refined moments that is not zero, in the primitive "
            "chemical cell; where several wave vectors are declared it is nearly always the first that is not zero."
        ),
        "training_data": [
            {
                "name": "MAGNDATA (Bilbao Crystallographic Server): refined magnetic structures, chemical cells only",
                "rows": rows,
                "licence": "none stated",
            }
        ],
        "split": (
            f"{FOLDS} folds by reduced formula (those of the zero-k readouts); figures are of trees that never saw the "
            "formula, the shipped trees are grown on all rows."
        ),
        "metrics": [
            {"name": f"{name}, top {top}", "value": round(value, 4), "protocol": PROTOCOL, "rows": rows}
            for name, of in figures
            for top, value in non_zero_tops(examples, of).items()
        ],
        "limits": [
            (
                f"Candidates are the vectors of which {' or '.join(map(str, PERIODS))} times is a reciprocal lattice "
                "vector; others and incommensurate ones are never proposed."
            ),
            "It ranks non-zero vectors; how probable k = 0 is, the model of magnetism says.",
            "Of an order with several wave vectors only one is ranked.",
            (
                "Published structures are not a fair sample: half vectors are over-represented, and some compounds "
                "were measured several times."
            ),
        ],
    }  # fmt: skip
