"""How often the structure type of damaged prototypes is still recognized (Leitherer 2021, Tables 2, S2, S3)."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from magnetite.pipeline import run
from magnetite.prototypes.defects import LEVELS, PRISTINE, REPEATS, Level, defective_samples
from magnetite.prototypes.descriptor import Soap, describe, find_pairs
from magnetite.prototypes.model import PrototypeModel
from magnetite.prototypes.supercells import Prototype, Variant, hosts, pristine_samples
from magnetite.runtime import by_edges

if TYPE_CHECKING:
    from magnetite.prototypes.reports import PrototypeReport
    from magnetite.zoo.model import ZooModel

PAPER: Mapping[Level, float] = dict(
    zip(
        LEVELS,
        (
            *(100.00,),  # pristine
            *(100.00, 100.00, 100.00, 99.86, 99.29, 97.82, 94.56),  # displaced
            *(100.00, 100.00, 100.00, 99.85, 99.86, 99.76),  # missing
            *(100.00, 100.00, 100.00, 99.88, 99.29, 97.31, 92.50),  # both
        ),
        strict=True,
    )
)
"""Accuracy of the published network in %, all 108 classes (Table 2, Supplementary Tables 2 and 3)."""


@dataclass(frozen=True)
class Answer:
    """What was answered for one structure.

    Attributes:
        truth: label of the prototype it was made from.
        periodic: whether it has periodic boundaries.
        label: the answer, None if the structure was refused.
        information: mutual information in bits; None if the method gives none.
    """

    truth: str
    periodic: bool
    label: str | None
    information: float | None = None

    @property
    def right(self) -> bool:
        """Whether the answer is the truth."""
        return self.label == self.truth


@dataclass(frozen=True)
class Score:
    """What a method scores at one level of damage.

    Attributes:
        level: of damage.
        rows: number of structures.
        right: number of right answers.
        periodic_rows: number of structures with periodic boundaries.
        periodic_right: number of right answers among them.
        information_right: mean mutual information in bits of the right answers; None if there are none.
        information_wrong: the same of the wrong answers.
        class_rows: number of structures of each class.
        mistakes: right label, answer (empty if refused) and how often, most frequent first.
        seconds: that it took.
    """

    level: Level
    rows: int
    right: int
    periodic_rows: int
    periodic_right: int
    information_right: float | None
    information_wrong: float | None
    class_rows: dict[str, int]
    mistakes: list[tuple[str, str, int]]
    seconds: float = 0.0

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0–1."""
        return self.right / self.rows

    @property
    def worst(self) -> list[tuple[str, float]]:
        """Classes that are not always recognized and their accuracy (0–1), worst first."""
        wrong: Counter[str] = Counter()
        for label, _, number in self.mistakes:
            wrong[label] += number
        return sorted(((c, 1 - n / self.class_rows[c]) for c, n in wrong.items()), key=lambda pair: pair[1])

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Score:
        """The score that `as_dict` gave."""
        mistakes = [(str(label), str(answer), int(number)) for label, answer, number in content["mistakes"]]
        return cls(**{**content, "level": Level(**content["level"]), "mistakes": mistakes})


def samples(prototypes: Iterable[Prototype], level: Level, repeats: int = REPEATS, seed: int = 0) -> Iterator[Variant]:
    """The structures of one level: the pristine ones (396 for the paper's list) or damaged ones (588 × repeats)."""
    if level == PRISTINE:
        return iter(pristine_samples(prototypes))
    return defective_samples(prototypes, level, repeats, seed)


def size(prototypes: Iterable[Prototype], level: Level, repeats: int = REPEATS) -> int:
    """Number of structures that `samples` gives."""
    return len(pristine_samples(prototypes)) if level == PRISTINE else len(hosts(prototypes)) * repeats


def tally(level: Level, answers: Iterable[Answer], seconds: float = 0.0) -> Score:
    """Count right and wrong answers.

    Args:
        level: of damage of all of them.
        answers: at least one; those of any method.
        seconds: that they took.
    """
    known = list(answers)
    periodic = [a for a in known if a.periodic]
    mistakes = Counter((a.truth, a.label or "") for a in known if not a.right)
    return Score(
        level,
        rows=len(known),
        right=sum(a.right for a in known),
        periodic_rows=len(periodic),
        periodic_right=sum(a.right for a in periodic),
        information_right=_mean(a.information for a in known if a.right),
        information_wrong=_mean(a.information for a in known if not a.right),
        class_rows=dict(Counter(a.truth for a in known)),
        mistakes=[(truth, label, number) for (truth, label), number in mistakes.most_common()],
        seconds=seconds,
    )


def _mean(values: Iterable[float | None]) -> float | None:
    """Mean of the values there are; None if there is none."""
    told = [value for value in values if value is not None]
    return float(np.mean(told)) if told else None


def descriptors(variants: Iterable[Variant], soap: Soap | None = None, device: str = "cpu") -> Tensor:
    """Descriptors of many structures, for methods other than the zoo's model.

    Args:
        variants: the structures.
        soap: settings of the descriptor; the default ones if None.
        device: where to compute.

    Returns:
        Shape (n_variants, 316), on the CPU.

    Raises:
        StructureError: a structure cannot be described.
    """
    limit = PrototypeModel.edges_per_batch[torch.device(device).type]
    found = (find_pairs(variant.sample, soap=soap) for variant in variants)
    return torch.cat(
        [describe(batch, soap, device).float().cpu() for batch in by_edges(found, lambda pairs: pairs.n_edges, limit)]
    )


def measure(
    model: ZooModel[Any, PrototypeReport],
    prototypes: Sequence[Prototype],
    level: Level,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
    progress: bool | str = False,
) -> Score:
    """Ask a model for the structure type of every structure of a level, streamed.

    Args:
        model: a loaded model of the family ``prototypes`` whose classes have the prototypes' labels.
        prototypes: the ideal structures.
        level: of damage.
        repeats: damaged copies of each supercell.
        seed: of the damage.
        progress: show a bar, with this text if it is one.
    """
    started = time.perf_counter()
    asked, kept = tee(samples(prototypes, level, repeats, seed))
    inputs: Iterator[Any] = (variant.sample for variant in asked)
    reports = run(
        model,
        inputs,
        on_error="report",
        progress=progress,
        total=size(prototypes, level, repeats),
    )
    answers = [
        Answer(variant.label, variant.periodic, None, None)
        if report.error
        else Answer(variant.label, variant.periodic, report.prototype, report.mutual_information)
        for variant, report in zip(kept, reports, strict=True)
    ]
    return tally(level, answers, time.perf_counter() - started)


def finished(path: Path, study: Mapping[str, Any]) -> dict[Level, Score]:
    """The levels that a file of scores holds for a study.

    Args:
        path: a JSON-lines file that `keep` wrote; may be missing.
        study: what was measured: method, repeats, seed …
    """
    found: dict[Level, Score] = {}
    if not path.is_file():
        return found
    for line in path.read_bytes().splitlines():
        with suppress(json.JSONDecodeError):  # a line that was torn by an interruption is measured again
            row = json.loads(line)
            if row["study"] == dict(study):
                score = Score.from_dict(row["score"])
                found[score.level] = score
    return found


def keep(path: Path, study: Mapping[str, Any], score: Score) -> None:
    """Append a finished level to a file of scores."""
    line = json.dumps({"study": dict(study), "score": score.as_dict()})
    with path.open("ab", buffering=0) as handle:
        handle.write(f"\n{line}\n".encode())  # the first newline ends a torn line
