"""The structure type as numbers: probabilities, uncertainty and what the network's layers make of a structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from magnetite.citations import LEITHERER_2021
from magnetite.errors import MagnetiteError
from magnetite.prototypes.classes import classes_of
from magnetite.zoo import DEFAULT_CLASSIFIER, find_card
from magnetite_matminer.base import BatchedFeaturizer, check_preset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from magnetite.pipeline import OnError
    from magnetite.prototypes.model import Evaluation

PRESETS = ("all", "probabilities", "uncertainty", "activations")


class PrototypeFeaturizer(BatchedFeaturizer):
    """How much a structure resembles each of the known structure types.

    Predicted from coordinates alone, in one batched pass; see `BatchedFeaturizer`.

    Features:
        magnetite P(LABEL): probability of each class, in the order of the model's card; they sum to 1.
        magnetite mutual information: in bits, near 0 where the network is sure.
        magnetite activation I: units of the last hidden layer without dropout, from 0: an embedding in which
            structures of like geometry lie close to each other.

    Args:
        features: ``all``, ``probabilities``, ``uncertainty`` (the mutual information) or ``activations``.
        model: a model's name (see ``magnetite models``) or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
        passes: of the network with dropout; the model's own number if None.
    """

    def __init__(
        self,
        features: str = "all",
        model: str = DEFAULT_CLASSIFIER,
        device: str = "auto",
        passes: int | None = None,
    ) -> None:
        """Set up; nothing is loaded before the first structure.

        Raises:
            MagnetiteError: there is no such set of features.
        """
        check_preset(features, PRESETS)
        self.features, self.model, self.device, self.passes = features, model, device, passes
        self.set_n_jobs(1)

    @classmethod
    def from_preset(cls, preset: str = "all", **kwargs: Any) -> Self:
        """A featurizer with a named set of features.

        Args:
            preset: ``all``, ``probabilities``, ``uncertainty`` or ``activations``.
            kwargs: ``model``, ``device`` and ``passes``.

        Raises:
            MagnetiteError: there is no such preset.
        """
        return cls(preset, **kwargs)

    def precheck(self, x: Any) -> bool:
        """Whether a structure can be classified at all: ordered, of known elements."""
        from magnetite.clusters import as_sample

        try:
            as_sample(x)
        except MagnetiteError:
            return False
        return True

    def feature_labels(self) -> list[str]:
        """Labels of the features; a new list, since matminer appends to it."""
        check_preset(self.features, PRESETS)  # sklearn's set_params goes past the constructor
        card = find_card(self.model)
        groups = {
            "probabilities": [f"magnetite P({entry.label})" for entry in classes_of(card)],
            "uncertainty": ["magnetite mutual information"],
            "activations": [f"magnetite activation {unit}" for unit in range(card.settings["network"]["hidden"][-1])],
        }
        return [label for name, labels in groups.items() if self.features in {name, "all"} for label in labels]

    def citations(self) -> list[str]:
        """The study this follows, as BibTeX."""
        return [LEITHERER_2021]

    def _answers(self, structures: Sequence[Any], on_error: OnError) -> Iterable[Evaluation | MagnetiteError]:
        from magnetite.api import load_classifier
        from magnetite.pipeline import run

        check_preset(self.features, PRESETS)
        model = load_classifier(self.model, self._device()).with_passes(self.passes)
        return run(model.arrays(), structures, on_error=on_error)

    def _error(self, answer: Evaluation | MagnetiteError) -> str | None:
        return answer.reason if isinstance(answer, MagnetiteError) else None

    def _numbers(self, answer: Evaluation) -> list[float]:
        groups = {
            "probabilities": answer.probabilities,
            "uncertainty": np.array([answer.mutual_information]),
            "activations": answer.activations[-1],
        }
        chosen = groups.values() if self.features == "all" else [groups[self.features]]
        return [float(number) for group in chosen for number in group]
