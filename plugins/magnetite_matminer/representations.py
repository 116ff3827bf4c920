"""Every representation of the catalogue as a matminer featurizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from magnetite.errors import MagnetiteError
from magnetite_matminer.base import BatchedFeaturizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from magnetite.pipeline import OnError
    from magnetite.representations import Representation
    from magnetite.representations.encoder import Vector


class RepresentationFeaturizer(BatchedFeaturizer):
    """A representation of the catalogue (``magnetite represent --list``) as features.

    Args:
        name: of the representation.
        cell: whether the ``given`` cell is described, or the ``primitive`` one.
        options: of the representation.
    """

    device = "auto"

    def __init__(self, name: str = "magpie", cell: str = "given", **options: Any) -> None:
        """Set up; nothing is loaded before the first structure.

        Raises:
            MagnetiteError: there is no such representation; the closest is named.
        """
        from magnetite.representations import find

        find(name)
        self.name, self.cell, self.options = name, cell, options
        self.set_n_jobs(1)

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 (of scikit-learn)
        """What it was set up with, so that scikit-learn can copy it."""
        return {"name": self.name, "cell": self.cell, **self.options}

    def set_params(self, **params: Any) -> Self:
        """Change name, cell or options, as scikit-learn's searches do.

        Raises:
            MagnetiteError: there is no such representation, or it has no such option.
        """
        from magnetite.representations import find

        name, cell = params.pop("name", self.name), params.pop("cell", self.cell)
        find(name).refuse_unknown(params)
        self.name, self.cell, self.options = name, cell, self.options | params
        return self

    def precheck(self, x: Any) -> bool:
        """Whether a structure can be represented at all.

        Raises:
            MagnetiteError: nothing can: there is no such option or cell, or a library is not installed.
        """
        return not isinstance(next(iter(self._answers([x], "report"))), MagnetiteError)

    def feature_labels(self) -> list[str]:
        """Labels of the features; a new list, since matminer appends to it."""
        return [f"{self.name}: {label}" for label in self._entry().encoder(**self._options()).labels]

    def citations(self) -> list[str]:
        """The works behind the representation, as BibTeX."""
        return self._entry().citations

    def implementors(self) -> list[str]:
        """Whose library does the work, and who made the catalogue."""
        return [*super().implementors(), self._entry().library]

    def _entry(self) -> Representation:
        from magnetite.representations import find

        return find(self.name)

    def _options(self) -> dict[str, Any]:
        """The options, and for networks the device that is right in this process."""
        known = self._entry().options
        return ({"device": self._device()} if "device" in known else {}) | self.options

    def _answers(self, structures: Sequence[Any], on_error: OnError) -> Iterable[Vector | MagnetiteError]:
        from magnetite.representations import represent_many

        options: dict[str, Any] = {"cell": self.cell, **self._options()}
        for index, answer in enumerate(represent_many(structures, self.name, **options)):
            if isinstance(answer, MagnetiteError) and on_error == "raise":
                raise answer.at(f"structure {index}")
            yield answer

    def _error(self, answer: Vector | MagnetiteError) -> str | None:
        return answer.reason if isinstance(answer, MagnetiteError) else None

    def _numbers(self, answer: Vector) -> list[float]:
        return [float(number) for number in answer]
