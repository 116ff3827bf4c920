"""The featurizer: reports as numbers, in one batched pass over a whole column."""

from __future__ import annotations

import multiprocessing
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from matminer.featurizers.base import BaseFeaturizer
from tqdm.auto import tqdm

from magnetite.errors import MagnetiteError, StructureError
from magnetite.zoo import DEFAULT_MODEL
from magnetite_matminer.citations import E3NN_2022, MERKER_2022

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from magnetite.reports import MagnetismReport

FEATURES: dict[str, Callable[[MagnetismReport], float]] = {
    "magnetite P(NM)": lambda r: r.probabilities["NM"],
    "magnetite P(AFM)": lambda r: r.probabilities["AFM"],
    "magnetite P(FM)": lambda r: r.probabilities["FM"],
    "magnetite P(zero k)": lambda r: _or_nan(r.zero_k_probability),
    "magnetite uncertainty": lambda r: r.uncertainty,
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


class MagneticOrderFeaturizer(BaseFeaturizer):  # type: ignore[misc]  # matminer is untyped
    """Predicted magnetism of a crystal as numbers, from its coordinates alone.

    A column is predicted in one batched pass in this process, whatever ``n_jobs`` says: one model
    fed with batches is faster than many processes that each load it. For the same reason put it
    into ``MultipleFeaturizer(…, iterate_over_entries=False)``. Moments on the structures are ignored.

    Features:
        magnetite P(NM), P(AFM), P(FM): probabilities of no order, antiferromagnetic order, and ferro-
            or ferrimagnetic order; they sum to 1.
        magnetite P(zero k): probability that the propagation vector is zero, if the crystal orders.
        magnetite uncertainty: entropy of the three probabilities, 0 (sure) to 1 (no idea).
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
        if features not in PRESETS:
            close = get_close_matches(features, PRESETS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(PRESETS)}"
            raise MagnetiteError(f"no feature set is called {features!r}; {hint}")
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

    def featurize(self, structure: Any) -> list[float]:
        """Features of one structure, in the order of `feature_labels`.

        Args:
            structure: a pymatgen structure, or anything else `magnetite.analyze_magnetism` takes.

        Raises:
            StructureError: it cannot be predicted.
        """
        from magnetite.api import analyze_magnetism

        return self._numbers(analyze_magnetism(structure, model=self.model, device=self._device()))

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
        from magnetite.api import analyze_many

        reports: Iterable[MagnetismReport] = analyze_many(
            _column(entries), model=self.model, device=self._device(), on_error="report" if ignore_errors else "raise"
        )
        options = pbar if isinstance(pbar, dict) else {}
        reports = tqdm(reports, **{"total": len(entries), "desc": type(self).__name__, "disable": not pbar, **options})
        return [self._row(report, return_errors=return_errors) for report in reports]

    def feature_labels(self) -> list[str]:
        """Labels of the features; a new list, since matminer appends to it."""
        return list(PRESETS[self.features])

    def citations(self) -> list[str]:
        """The study this follows and the library it is built with, as BibTeX."""
        return [MERKER_2022, E3NN_2022]

    def implementors(self) -> list[str]:
        """Who wrote it."""
        return ["The Magnetite developers"]

    def _device(self) -> str:
        """The device asked for; in a worker of somebody's pool ``auto`` is one thread of the CPU.

        Workers are forks on Linux, where neither torch's threads nor CUDA survive: the first
        parallel loop would wait for ever.
        """
        if multiprocessing.parent_process() is None:
            return self.device
        import torch

        torch.set_num_threads(1)
        return "cpu" if self.device == "auto" else self.device

    def _numbers(self, report: MagnetismReport) -> list[float]:
        if report.error is not None:
            return [np.nan] * len(PRESETS[self.features])
        return [FEATURES[label](report) for label in PRESETS[self.features]]

    def _row(self, report: MagnetismReport, *, return_errors: bool) -> list[Any]:
        error = [np.nan if report.error is None else report.error] if return_errors else []
        return self._numbers(report) + error


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


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
