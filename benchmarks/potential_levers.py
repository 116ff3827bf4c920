"""What optimizer, size and batches bring to the potential of iron, each for about the same time.

python benchmarks/potential_levers.py DATA/potential --run RUN [--lines SOAP "degree 3" …]

Frames that train and choose the shipped potential are divided once more; its test is not touched. Every line is one
network, seven to nine minutes of one core. The folder keeps each: the same call goes on where it was stopped, and lines
already trained are printed at once. A few frames are far from all others and make most of a root mean square: beside
it stands that of the 95 % of frames with the smallest errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from potential import split_of

from magnetite.potential import tasks
from magnetite.potential.committee import Committee
from magnetite.potential.frames import Frame
from magnetite.potential.splits import Split, split_frames
from magnetite.potential.start import configure
from magnetite.potential.train import EMPTY, SCHEDULE, train_potential

SEED, HELD_OUT, KEPT = 7, 0.15, 0.95
ADAMW: dict[str, Any] = {"optimizer": "adamw", "learning_rate": 1.5e-3}


@dataclass(frozen=True)
class Line:
    """What is changed."""

    epochs: int
    schedule: dict[str, Any] = field(default_factory=lambda: ADAMW)
    config: dict[str, Any] = field(default_factory=dict)
    task: dict[str, Any] = field(default_factory=dict)


LINES = {
    "AdamW": Line(20),
    "half batches": Line(18, task={"EDGES": 3250}),
    "large cells drawn half as often": Line(26, task={"SMALL": 4}),
    "12 radial functions": Line(16, config={"radial": 12}),
    "degree 3": Line(13, config={"degree": 3}),
    "SOAP": Line(18, {}),
    "SOAP and embedding": Line(18, {}, {"embedding": EMPTY.embedding}),
    "SOAP and powers of embedding": Line(
        18, {}, {"embedding": EMPTY.embedding, "embedding_powers": EMPTY.embedding_powers}
    ),
}


def trained(line: Line, split: Split, folder: Path) -> Committee:
    config = configure(split.train, replace(EMPTY, **({"embedding": (), "embedding_powers": 1} | line.config)))
    schedule = replace(SCHEDULE, epochs=line.epochs, seed=2, **line.schedule)
    with mock.patch.multiple(tasks, **{"EDGES": tasks.EDGES} | line.task):
        return train_potential(split, config, folder, torch.device("cpu"), schedule=schedule)


def errors(model: Committee, frames: Sequence[Frame]) -> dict[str, np.ndarray]:
    """Root-mean-square errors of each frame."""
    each = [tasks.measure(model, [frame], torch.device("cpu")) for frame in frames]
    return {name: np.array([one[name] for one in each]) for name in each[0]}


def cell(values: np.ndarray) -> str:
    kept = np.sort(values)[: int(KEPT * len(values))]
    return f"{np.sqrt(np.mean(values**2)):.3g} ({np.sqrt(np.mean(kept**2)):.3g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--lines", nargs="+", choices=LINES, default=list(LINES))
    args = parser.parse_args()
    torch.set_num_threads(1)
    whole = split_of("potential-fe", args.data)
    inner = split_frames(whole.train + whole.validation, test=HELD_OUT, validation=0.0, seed=SEED)
    print(f"{len(inner.train)} frames train, {len(inner.test)} are held out", flush=True)
    print("| | epochs | energy, meV/atom | forces, meV/Å | stress, GPa | dE/dm, meV/μB |\n| --- |" + " ---: |" * 5)
    for name in args.lines:
        line = LINES[name]
        found = errors(trained(line, replace(inner, test=[]), args.run / name.replace(" ", "-")), inner.test)
        cells = " | ".join(cell(found[key]) for key in ("energy", "forces", "stress", "magnetic"))
        print(f"| {name} | {line.epochs} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
