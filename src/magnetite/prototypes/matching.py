"""Strided pattern matching: a box slides over a sample, and each box is classified (Leitherer 2021, Fig. 1 f–m).

Every box is taken as a finite piece, as the paper does: the network has learned such pieces of every class.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magnetite.api import load_classifier
from magnetite.clusters import MAX_ATOMS
from magnetite.errors import MagnetiteError
from magnetite.pipeline import run_batches
from magnetite.prototypes.answers import Answers
from magnetite.prototypes.boxes import Boxes, as_specimen
from magnetite.prototypes.maps import PatternMap
from magnetite.prototypes.settings import BOX, MIN_ATOMS, PASSES, STRIDE
from magnetite.zoo import DEFAULT_CLASSIFIER

MOST_REASONS = 20


class MatchingInterrupted(KeyboardInterrupt):
    """Ctrl-C during pattern matching, after every finished box has been stored.

    Args:
        boxes: number of boxes kept.
    """

    def __init__(self, boxes: int) -> None:
        super().__init__(f"{boxes} boxes are kept")
        self.boxes = boxes


def match_patterns(
    structure: Any,
    *,
    box: float | Sequence[float] = BOX,
    stride: float | Sequence[float] = STRIDE,
    periodic: bool | Sequence[bool] | None = None,
    model: str = DEFAULT_CLASSIFIER,
    device: str = "auto",
    passes: int | None = PASSES,
    min_atoms: int = MIN_ATOMS,
    progress: bool | str = False,
    run: str | Path | None = None,
) -> PatternMap:
    """Find the structure type at every place of a large sample: grains, precipitates, layers, boundaries.

    Boxes are looked at under the first of the classifier's cutoffs alone, which is several times faster. Memory holds
    the answers (for 108 classes 220 bytes a box) and one batch of boxes.

    Args:
        structure: what `classify_structure` takes; ASE ``Atoms`` (or a file of them) with up to a million atoms.
            A slab repeats in its plane only: its ``pbc`` says so, or `periodic`.
        box: edge of the box in Å, or three along x, y and z.
        stride: how far it moves in Å, or three along the cell vectors (x, y and z if nothing repeats).
        periodic: along which cell vectors the sample repeats; what it says itself if None.
        model: a model's name or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
        passes: of the network with dropout; the model's own number if None.
        min_atoms: boxes with fewer atoms are not classified.
        progress: show a progress bar, with this text if it is one.
        run: a folder for finished boxes; the same call continues there after an interruption.

    Returns:
        Probabilities and mutual information of each box.

    Raises:
        StructureError: the sample cannot be used, no box holds `min_atoms` atoms, or there are too many boxes.
        ReadError: a file cannot be read.
        ZooError: no such model, or not a classifier.
        DeviceError: no such device.
        MagnetiteError: `passes` is not a whole number, at least 1, a box holds too many atoms, the folder holds
            something else, or somebody else is at work in it.
        MatchingInterrupted: on Ctrl-C, if there is a folder.
    """
    started = time.perf_counter()
    classifier = load_classifier(model, device).with_passes(passes).with_one_view().arrays()
    whole = as_specimen(structure).repeating(periodic)
    if not isinstance(min_atoms, int | np.integer):
        raise MagnetiteError(f"min_atoms is a whole number, not {min_atoms!r}")
    specimen = whole.without_doubles()
    boxes = Boxes.over(specimen, _three(box), _three(stride))
    counts = boxes.count()
    chosen = np.flatnonzero(counts >= max(1, min_atoms))
    if not len(chosen):
        raise MagnetiteError(
            f"no box holds {min_atoms} atoms (at most {counts.max()}); take larger boxes or a smaller minimum",
            specimen.source,
        )
    if counts.max() > MAX_ATOMS:
        raise MagnetiteError(
            f"a box holds {counts.max():,} atoms; at most {MAX_ATOMS:,} are accepted: take smaller boxes",
            specimen.source,
        )
    told = {
        "box": _three(box).tolist(),
        "stride": _three(stride).tolist(),
        "min_atoms": int(min_atoms),
        "passes": classifier.passes,
        "model": str(classifier.card),
        "weights": classifier.card.content["sha256"],
    }
    answers = Answers(len(chosen), len(classifier.classes))
    try:
        with answers.kept_in(run, told | {"specimen": specimen.digest}):
            waiting = chosen[answers.filled :]
            text = "boxes" if progress is True else progress
            for batch in run_batches(
                classifier, boxes.cut(waiting), on_error="report", progress=text, total=len(chosen), done=answers.filled
            ):
                answers.add(batch)
    except KeyboardInterrupt:
        if run is None:
            raise
        raise MatchingInterrupted(answers.stored) from None
    left_out = {f"fewer than {min_atoms} atoms": int(counts.size - len(chosen))} | dict(
        answers.reasons.most_common(MOST_REASONS)
    )
    return PatternMap(
        boxes.centres,
        counts,
        _spread(answers.probabilities, chosen, boxes.shape),
        _spread(answers.information, chosen, boxes.shape),
        classifier.classes,
        whole,
        told | {
            "left_out": {reason: count for reason, count in left_out.items() if count},
            "doubled_atoms": len(whole) - len(specimen),
            "seconds": round(time.perf_counter() - started, 1),
        },
    )  # fmt: skip


def _spread(values: NDArray[Any], chosen: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[Any]:
    """Values of chosen boxes in their places on the grid, NaN in the others."""
    whole = np.full((int(np.prod(shape)), *values.shape[1:]), np.nan, values.dtype)
    whole[chosen] = values
    return whole.reshape(*shape, *values.shape[1:])


def _three(value: float | Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(value, dtype=float)
    return np.full(3, values) if values.ndim == 0 else values
