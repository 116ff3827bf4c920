"""What representations are worth: simple heads on order and on zero or non-zero k, the same for all.

Features are kept in a folder, part by part, and so are the heads' answers: interrupted, a run goes on where it was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tqdm.auto import tqdm

from magnetite import __version__
from magnetite.datasets.magnetic import HELD_OUT, ORDER_INDEX, TEST_FOLD, VALIDATION_FOLD
from magnetite.datasets.records import find_records, read_records
from magnetite.errors import MagnetiteError
from magnetite.representations import find, represent_many
from magnetite.structures import Crystal, as_crystal
from magnetite.whole import whole
from magnetite.zoo.registry import find_card

ROWS_PER_PART = 500
K_FOLDS = 5
LARGEST = 10.0
"""Standardised features beyond this are cut: an element of two rows would otherwise outweigh all others."""
_SEED = 0


def _scaled(head: ClassifierMixin) -> Any:
    cut = FunctionTransformer(np.clip, kw_args={"a_min": -LARGEST, "a_max": LARGEST})
    return make_pipeline(StandardScaler(), cut, head)


HEADS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: _scaled(LogisticRegression(C=0.1, max_iter=300)),
    "boosting": lambda: HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.1, max_leaf_nodes=15, max_features=0.2, early_stopping=False, random_state=_SEED
    ),
    "mlp": lambda: _scaled(
        MLPClassifier((64,), alpha=0.01, early_stopping=True, n_iter_no_change=5, max_iter=40, random_state=_SEED)
    ),
}
"""The same for every representation; nothing is tuned."""


@dataclass(frozen=True, eq=False)
class Task:
    """Labelled crystals and how they are split.

    Attributes:
        name: ``order`` or ``zero k``.
        crystals: primitive chemical cells.
        labels: class of each, (n,).
        groups: what must not be split, and what is drawn in the bootstrap, (n,).
        splits: pairs of rows to train on and rows to answer.
        chosen_by: rows that a choice among heads may look at; None where there are none to spare.
    """

    name: str
    crystals: tuple[Crystal, ...]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    splits: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]
    chosen_by: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows that any split uses."""
        return np.unique(np.concatenate([part for split in self.splits for part in split]))


def order_task(folder: Path, train: int = 0, validation: int = 0) -> Task:
    """Order of the balanced GGA+U rows: trained on folds 2–9, answered on 1 (validation) and 0 (test).

    Args:
        folder: with the labelled data.
        train: rows to train on, drawn at random; 0 for all of them.
        validation: rows of fold 1, likewise.
    """
    rows = [r for r in read_records(find_records(folder / "dft_magnetic", "TRAIN_merker_like_ggau")) if r["balanced"]]
    fold = np.array([r["fold"] for r in rows])
    draw = np.random.default_rng(_SEED)
    drawn = [
        np.sort(draw.permutation(np.flatnonzero(kind))[: limit or None])
        for kind, limit in (
            (~np.isin(fold, HELD_OUT), train),
            (fold == VALIDATION_FOLD, validation),
            (fold == TEST_FOLD, 0),
        )
    ]
    chosen = [rows[i] for i in np.concatenate(drawn)]
    inside, by, outside = np.split(np.arange(len(chosen)), np.cumsum([len(part) for part in drawn])[:-1])
    return Task(
        "order",
        tuple(as_crystal(r, str(r["id"])).primitive[0] for r in chosen),
        np.array([ORDER_INDEX[r["label"]] for r in chosen]),
        np.array([r["formula"] for r in chosen]),
        ((inside, np.concatenate([by, outside])),),
        by,
    )


def k_task(folder: Path) -> Task:
    """Zero or non-zero propagation vector of MAGNDATA's usable rows, five folds by compound."""
    rows = [r for r in read_records(find_records(folder / "magndata", "magndata")) if r["usable"]]
    labels = np.array([int(r["zero_k"]) for r in rows])
    groups = np.array([str(r["group_compound"]) for r in rows])
    folds = StratifiedGroupKFold(K_FOLDS, shuffle=True, random_state=_SEED)
    crystals = tuple(as_crystal(r["parent_cell"], str(r["id"])).primitive[0] for r in rows)
    return Task("zero k", crystals, labels, groups, tuple(folds.split(labels, labels, groups)))


class Store:
    """Features and answers, kept in a folder."""

    def __init__(self, folder: Path, *, progress: bool = True) -> None:
        self.folder, self.progress = folder, progress

    def features(self, task: Task, name: str, options: dict[str, Any]) -> tuple[NDArray[np.float32], int]:
        """The vectors of the rows that the task uses, (len(task), length), and how many were refused.

        Refused rows hold zeros, as do those that are not used.
        """
        rows, length = task.rows, len(find(name).encoder(**options).labels)
        table, refused = np.zeros((len(task), length), np.float32), 0
        for start in tqdm(range(0, len(rows), ROWS_PER_PART), f"{task.name}, {name}", disable=not self.progress):
            part = rows[start : start + ROWS_PER_PART]
            path = self._path(task, name, options, str([task.crystals[i].source for i in part]))
            if not path.is_file():
                found = list(represent_many([task.crystals[i] for i in part], name, **options))
                bad = np.array([isinstance(x, MagnetiteError) for x in found])
                values = [np.zeros(length) if isinstance(x, MagnetiteError) else x for x in found]
                _save(path, x=np.array(values, np.float32), bad=bad)
            with np.load(path) as kept:
                table[part] = kept["x"]
                refused += int(kept["bad"].sum())
        return table, refused

    def has(self, task: Task, name: str, options: dict[str, Any]) -> bool:
        """Whether the answers of all heads are there."""
        return all(self._answers(task, name, options, head).is_file() for head in HEADS)

    def answers(self, task: Task, name: str, options: dict[str, Any], head: str) -> NDArray[np.int64]:
        """Class that a head gives each row of the task that is answered, -1 elsewhere, (len(task),)."""
        path = self._answers(task, name, options, head)
        if not path.is_file():
            table, _ = self.features(task, name, options)
            answers = np.full(len(task), -1)
            for train, test in task.splits:
                answers[test] = _fit(head, table[train], task.labels[train]).predict(table[test])
            _save(path, answers=answers)
        with np.load(path) as kept:
            found: NDArray[np.int64] = kept["answers"]
        return found

    def _answers(self, task: Task, name: str, options: dict[str, Any], head: str) -> Path:
        rows = str([[task.crystals[i].source for i in split[0]] for split in task.splits])
        return self._path(task, name, options, settings_of(head), rows)

    def _path(self, task: Task, name: str, options: dict[str, Any], *content: str) -> Path:
        model = (find(name).options | options).get("model")
        weights = str(find_card(model).content["sha256"]) if model else ""
        parts = (__version__, task.name, name, weights, str(options), *content)
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        return self.folder / f"{task.name.replace(' ', '-')}-{name}-{digest}.npz"


def settings_of(head: str) -> str:
    """A head's settings in words that are the same in every process: functions say where they lie in memory."""
    return re.sub(" at 0x[0-9a-f]+", "", str(HEADS[head]()))


def _fit(head: str, x: NDArray[np.float32], y: NDArray[np.int64]) -> Any:
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the heads are given what they get, all the same
        return HEADS[head]().fit(x, y)


def _save(path: Path, **arrays: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as handle:
        np.savez_compressed(handle, **arrays)  # type: ignore[arg-type]  # its stubs take all names for an option


def spread(right: NDArray[np.bool_], groups: NDArray[np.str_], draws: int = 1000) -> float:
    """Standard error of a share of right answers: bootstrap over whole groups.

    Args:
        right: whether each row is right, (n,).
        groups: of the rows, (n,).
        draws: of the bootstrap.
    """
    _, place = np.unique(groups, return_inverse=True)
    hits, sizes = np.bincount(place, right), np.bincount(place)
    drawn = np.random.default_rng(_SEED).integers(0, len(sizes), (draws, len(sizes)))
    return float((hits[drawn].sum(1) / sizes[drawn].sum(1)).std())


def parts(task: Task) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Rows that are reported, ``test``, and those that a head may be chosen by, ``validation``."""
    answered = np.unique(np.concatenate([test for _, test in task.splits]))
    if task.chosen_by is not None:
        yield "validation", task.chosen_by
        answered = np.setdiff1d(answered, task.chosen_by)
    yield "test", answered
