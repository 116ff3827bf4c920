"""The featurizer: reports as numbers, in one batched pass over a whole column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from magnetite.citations import E3NN_2022, MERKER_2022
from magnetite.errors import MagnetiteError
from magnetite.zoo import DEFAULT_MODEL
from magnetite_matminer.base import BatchedFeaturizer, check_preset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from magnetite.pipeline import OnError
    from magnetite.reports import MagnetismReport

FEATURES: dict[str, Callable[[MagnetismReport], float]] = {
    "magnetite P(NM)": lambda r: r.probabilities["NM"],
    "magnetite P(AFM)": lambda r: r.probabilities["AFM"],
    "magnetite P(FM)": lambda r: r.probabilities["FM"],
    "magnetite P(zero k)": lambda r: _or_nan(r.zero_k_probability),
    "magnetite uncertainty": lambda r: r.uncertainty,
    "magnetite mutual information": lambda r: _or_nan(r.mutual_information),
    "magnetite in domain": lambda r: float(r.in_domain),
    "magnetite max |m|": lambda r: max(r.site_moments or (np.nan,)),
    "magnetite mean |m|": lambda r: float(np.mean(r.site_moments or (np.nan,))),
}
"""Label of each feature, and how it is read from a report."""
PRESETS: dict[str, tuple[str, ...]] = {
    "all": tuple(FEATURES),
    "probabilities": ("magnetite P(NM)", "magnetite P(AFM)", "magnetite P(FM)", "magnetite P(zero k)"),
    "moments": ("magnetite max |m|", "magnetite mean |m|"),
}


class MagneticOrderFeaturizer(BatchedFeaturizer):
    """Predicted magnetism of a crystal as numbers, from its coordinates alone.

    A column is predicted in one batched pass in this process, whatever ``n_jobs`` says: one model
    fed with batches is faster than many processes that each load it. For the same reason put it
    into ``MultipleFeaturizer(…, iterate_over_entries=False)``. Moments on the structures are ignored.

    Features:
        magnetite P(NM), P(AFM), P(FM): probabilities of no order, antiferromagnetic order, and ferro-
            or ferrimagnetic order; they sum to 1.
        magnetite P(zero k): probability that the propagation vector is zero, if the crystal orders.
        magnetite uncertainty: entropy of the three probabilities, 0 (sure) to 1 (no idea).
        magnetite mutual information: how much the passes of the network disagree, in bits.
        magnetite in domain: 1 if the crystal resembles the training data, else 0.
        magnetite max |m|, mean |m|: largest and mean predicted moment of the sites in μB.

    Args:
        features: ``all``, ``probabilities`` or ``moments``.
        model: a model's name (see ``magnetite models``) or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
    """

    def __init__(self, features: str = "all", model: str = DEFAULT_MODEL, device: str = "auto") -> None:
        """Set up; nothing is loaded before the first structure.

        Raises:
            MagnetiteError: there is no such set of features.
        """
        check_preset(features, PRESETS)
        self.features, self.model, self.device = features, model, device
        self.set_n_jobs(1)

    @classmethod
    def from_preset(cls, preset: str = "all", **kwargs: Any) -> Self:
        """A featurizer with a named set of features.

        Args:
            preset: ``all``, ``probabilities`` or ``moments``.
            kwargs: ``model`` and ``device``.

        Raises:
            MagnetiteError: there is no such preset.
        """
        return cls(preset, **kwargs)

    def precheck(self, x: Any) -> bool:
        """Whether a structure can be predicted at all: ordered, periodic, of known elements."""
        from magnetite.structures import as_crystal

        try:
            as_crystal(x)
        except MagnetiteError:
            return False
        return True

    def feature_labels(self) -> list[str]:
        """Labels of the features; a new list, since matminer appends to it."""
        check_preset(self.features, PRESETS)  # sklearn's set_params goes past the constructor
        return list(PRESETS[self.features])

    def citations(self) -> list[str]:
        """The study this follows and the library it is built with, as BibTeX."""
        return [MERKER_2022, E3NN_2022]

    def _answers(self, structures: Sequence[Any], on_error: OnError) -> Iterable[MagnetismReport]:
        from magnetite.api import analyze_many

        check_preset(self.features, PRESETS)
        return analyze_many(structures, model=self.model, device=self._device(), on_error=on_error)

    def _error(self, answer: MagnetismReport) -> str | None:
        return answer.error

    def _numbers(self, answer: MagnetismReport) -> list[float]:
        return [FEATURES[label](answer) for label in PRESETS[self.features]]


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
