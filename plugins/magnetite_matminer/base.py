"""What Magnetite's featurizers share: a whole column in one batched pass, with matminer's conventions."""

from __future__ import annotations

import multiprocessing
from abc import abstractmethod
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matminer.featurizers.base import BaseFeaturizer
from tqdm.auto import tqdm

from magnetite.errors import MagnetiteError, StructureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from magnetite.pipeline import OnError


class BatchedFeaturizer(BaseFeaturizer):  # type: ignore[misc]  # matminer is untyped
    """A featurizer whose model answers whole columns.

    A column is predicted in one batched pass in this process, whatever ``n_jobs`` says: one model
    fed with batches is faster than many processes that each load it. For the same reason put it
    into ``MultipleFeaturizer(…, iterate_over_entries=False)``.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` …
    """

    device: str

    @abstractmethod
    def _answers(self, structures: Sequence[Any], on_error: OnError) -> Iterable[Any]:
        """One answer of the model for each structure."""

    @abstractmethod
    def _error(self, answer: Any) -> str | None:
        """Why there is no prediction, or None."""

    @abstractmethod
    def _numbers(self, answer: Any) -> list[float]:
        """The features in an answer, in the order of `feature_labels`."""

    @abstractmethod
    def feature_labels(self) -> list[str]:
        """Labels of the features; a new list, since matminer appends to it."""

    def featurize(self, structure: Any) -> list[float]:
        """Features of one structure, in the order of `feature_labels`.

        Args:
            structure: a pymatgen structure, or anything else Magnetite takes.

        Raises:
            StructureError: it cannot be predicted.
        """
        return self._numbers(next(iter(self._answers([structure], "raise"))))

    def featurize_many(
        self,
        entries: Sequence[Any] | np.ndarray[Any, Any] | pd.Series[Any] | pd.DataFrame,
        ignore_errors: bool = False,
        return_errors: bool = False,
        pbar: bool | dict[str, Any] = True,
    ) -> list[list[Any]]:
        """Features of many structures, batched.

        Args:
            entries: structures, or rows that each hold one structure; a list, tuple, array, Series or DataFrame.
            ignore_errors: give a row of NaN for a structure that cannot be predicted, instead of raising.
            return_errors: add to every row the error's text (NaN where there is none); needs `ignore_errors`.
            pbar: show a progress bar; a dictionary holds options for it.

        Returns:
            A list of features for each entry.

        Raises:
            ValueError: `return_errors` without `ignore_errors`.
            TypeError: `entries` is not list-like.
            StructureError: a structure cannot be predicted and `ignore_errors` is not set, or a row
                holds something else than one structure.
        """
        if return_errors and not ignore_errors:
            raise ValueError("Please set ignore_errors to True to use return_errors.")
        if not isinstance(entries, list | tuple | np.ndarray | pd.Series | pd.DataFrame):
            raise TypeError("'entries' must be a list-like object")
        answers = self._answers(_column(entries), "report" if ignore_errors else "raise")
        options = pbar if isinstance(pbar, dict) else {}
        answers = tqdm(answers, **{"total": len(entries), "desc": type(self).__name__, "disable": not pbar, **options})
        return [self._row(answer, return_errors=return_errors) for answer in answers]

    def implementors(self) -> list[str]:
        """Who wrote it."""
        return ["The Magnetite developers"]

    def _device(self) -> str:
        """The device asked for; in a worker of somebody's pool ``auto`` is one thread of the CPU.

        There are as many workers as cores, and on Linux they are forks, which CUDA does not survive.
        """
        if multiprocessing.parent_process() is None:
            return self.device
        import torch

        torch.set_num_threads(1)
        return "cpu" if self.device == "auto" else self.device

    def _row(self, answer: Any, *, return_errors: bool) -> list[Any]:
        error = self._error(answer)
        numbers = [np.nan] * len(self.feature_labels()) if error is not None else self._numbers(answer)
        return numbers + ([np.nan if error is None else error] if return_errors else [])


def check_preset(name: str, presets: Iterable[str]) -> None:
    """Check that there is such a set of features.

    Raises:
        MagnetiteError: there is none; the closest is named.
    """
    known = list(presets)
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
        raise MagnetiteError(f"no feature set is called {name!r}; {hint}")


def _column(entries: Sequence[Any] | np.ndarray[Any, Any] | pd.Series[Any] | pd.DataFrame) -> list[Any]:
    """The structures themselves, out of rows of one where matminer hands over rows."""
    if isinstance(entries, pd.Series):
        return list(entries)
    rows = entries.to_numpy() if isinstance(entries, pd.DataFrame) else entries
    return [_only(row, i) if isinstance(row, list | tuple | np.ndarray) else row for i, row in enumerate(rows)]


def _only(row: Sequence[Any] | np.ndarray[Any, Any], index: int) -> Any:
    if len(row) != 1:
        raise StructureError(f"holds {len(row)} values; give one column of structures", f"row {index}")
    return row[0]
