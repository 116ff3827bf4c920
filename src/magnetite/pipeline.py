"""The one way from many structures to many reports: streamed, batched by edges, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Literal, TypeVar, get_args

import torch
from tqdm.auto import tqdm

from magnetite.errors import DeviceError, MagnetiteError
from magnetite.structures import refuse_one
from magnetite.zoo.model import ZooModel

Prepared = TypeVar("Prepared")
Report = TypeVar("Report")
OnError = Literal["raise", "report"]
MAX_WAITING = 512
"""Structures prepared ahead of a batch at most, so that a stream of tiny cells also moves on."""


def run(
    model: ZooModel[Prepared, Report],
    structures: Iterable[Any],
    *,
    on_error: OnError = "raise",
    progress: bool | str = False,
    total: int | None = None,
) -> Iterator[Report]:
    """Yield one report per structure, in order; memory does not grow with their number.

    Args:
        model: a loaded model.
        structures: what the model takes (`ZooModel.take`); an error in a structure's place is reported there.
        on_error: ``raise`` at the first structure that cannot be used, or give a ``report`` of the error.
        progress: show a progress bar, with this text if it is one.
        total: number of structures, for the bar; taken from ``len`` where it can be.

    Raises:
        MagnetiteError: a structure cannot be used and `on_error` is ``raise``, or there is one instead of several,
            or `on_error` is neither of the two.
    """
    for reports in run_batches(model, structures, on_error=on_error, progress=progress, total=total):
        yield from reports


def run_batches(
    model: ZooModel[Prepared, Report],
    structures: Iterable[Any],
    *,
    on_error: OnError = "raise",
    progress: bool | str = False,
    total: int | None = None,
    done: int = 0,
) -> Iterator[list[Report]]:
    """The same batch by batch: where one ends, a later run that starts there cuts the same batches, to the last digit.

    Args:
        model: a loaded model.
        structures: what the model takes (`ZooModel.take`); an error in a structure's place is reported there.
        on_error: ``raise`` at the first structure that cannot be used, or give a ``report`` of the error.
        progress: show a progress bar, with this text if it is one.
        total: number of structures, for the bar; taken from ``len`` where it can be.
        done: how many of them an earlier run has answered, for the bar.

    Raises:
        MagnetiteError: a structure cannot be used and `on_error` is ``raise``, or there is one instead of several,
            or `on_error` is neither of the two.
    """
    if on_error not in get_args(OnError):
        raise MagnetiteError(f"on_error is {' or '.join(map(repr, get_args(OnError)))}, not {on_error!r}")
    refuse_one(structures)
    if total is None and isinstance(structures, Sized):
        total = len(structures)
    waiting: list[Prepared | Report] = []
    edges, limit = 0, model.edges_per_batch[model.device.type]
    failed: set[int] = set()
    error: Exception | None = None
    text = progress if isinstance(progress, str) else "structures"
    with tqdm(total=total, initial=done, desc=text, unit="", disable=not progress) as bar:
        numbered = enumerate(structures)
        while True:
            try:
                index, structure = next(numbered)
                item, cost = _prepare(model, structure, index, on_error)
            except StopIteration:
                break
            except Exception as found:  # noqa: BLE001 (also the iterable's own; what was before it is answered first)
                error = found
                break
            if waiting and (edges + cost > limit or len(waiting) >= MAX_WAITING):
                yield list(_finish(model, waiting, failed))
                bar.update(len(waiting))
                waiting, failed, edges = [], set(), 0
            if cost < 0:
                failed.add(len(waiting))
            waiting.append(item)
            edges += max(cost, 0)
        if waiting:
            yield list(_finish(model, waiting, failed))
        bar.update(len(waiting))
    if error is not None:
        raise error


def _prepare(model: ZooModel[Any, Any], structure: Any, index: int, on_error: OnError) -> tuple[Any, int]:
    """A prepared crystal and its cost, or the report of its error and -1."""
    try:
        if isinstance(structure, MagnetiteError):
            raise structure
        prepared = model.prepare(model.take(structure))
    except MagnetiteError as error:
        if on_error == "raise":
            raise error.at(f"structure {index}") from error
        return model.failure(error.reason, error.source), -1
    return prepared, model.cost(prepared)


def _finish(model: ZooModel[Any, Any], waiting: Sequence[Any], failed: set[int]) -> Iterator[Any]:
    answers = iter(_predict(model, [item for place, item in enumerate(waiting) if place not in failed]))
    for place, item in enumerate(waiting):
        yield item if place in failed else next(answers)


def _predict(model: ZooModel[Any, Any], batch: Sequence[Any]) -> list[Any]:
    """Predict a batch, halving it while a GPU's memory is too small for it."""
    if not batch:
        return []
    try:
        return model.predict(batch)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        if len(batch) == 1:
            raise DeviceError("the GPU's memory is too small for this crystal; use --device cpu") from None
        half = len(batch) // 2
        return _predict(model, batch[:half]) + _predict(model, batch[half:])
