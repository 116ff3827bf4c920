"""Hold-out of frames in which near-duplicates stay together.

Frames of one composition and group are clustered (complete linkage) by a fingerprint of their distances and of
m_i·m_j at these distances; whole clusters are held out. A random split of strained cells or of a molecular-dynamics
run would put nearly the same frame on both sides. Clustering groups together would leave few clusters to the narrow
ones, and with bad luck all of a kind (the antiferromagnets, say) to the test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magnetite.potential.frames import Frame

FRAMES_PER_CLUSTER = 5
_CENTRES = np.linspace(1.5, 5.0, 29)
_WIDTH = 0.15
_LARGEST = 4_000
"""Frames of one kind that are clustered at once."""


@dataclass(frozen=True)
class Split:
    """Which frames train, choose and test."""

    train: list[Frame]
    validation: list[Frame]
    test: list[Frame]

    @property
    def held_out(self) -> list[Frame]:
        """What errors are measured on: the test frames, else those that are watched; none if all frames train."""
        return self.test or self.validation


def fingerprint(frame: Frame) -> NDArray[np.float64]:
    """Smeared distances per atom: all pairs, and weighted by m_i·m_j; with the volume and mean |m|²."""
    around = frame.around
    lengths = np.linalg.norm(around.vectors, axis=1)
    smeared = np.exp(-(((lengths[:, None] - _CENTRES) / _WIDTH) ** 2))
    overlaps = (around.moments[around.receivers] * around.moments[around.senders]).sum(1)
    spin = (smeared * overlaps[:, None]).sum(0) / len(around)
    size = np.square(around.moments).sum() / len(around)
    volume = 0.0 if np.isinf(around.volume) else around.volume  # that of clusters
    return np.concatenate([smeared.sum(0) / len(around), spin, [volume / len(around), size]])


def split_frames(frames: Sequence[Frame], *, test: float = 0.15, validation: float = 0.05, seed: int = 0) -> Split:
    """Hold out whole clusters of similar frames, from each composition and group the same share.

    Kinds with less than two clusters only train.

    Args:
        frames: all of them.
        test: share that tests.
        validation: share that is watched during training.
        seed: of the draw.
    """
    kinds: dict[tuple[tuple[int, ...], str], list[Frame]] = defaultdict(list)
    for frame in frames:
        kinds[_kind(frame)].append(frame)
    rng = np.random.default_rng(seed)
    split = Split([], [], [])
    for kind in sorted(kinds):
        members = kinds[kind]
        labels = _clusters(members)
        clusters: list[list[Frame]] = [[] for _ in range(labels.max() + 1)]
        for frame, label in zip(members, labels, strict=True):
            clusters[label].append(frame)
        parts, room = (split.test, split.validation), np.ceil([test * len(members), validation * len(members)])
        for number in rng.permutation(len(clusters)):
            inside = clusters[number]
            fits = np.flatnonzero((len(inside) <= room) & (len(clusters) > 1))
            if len(fits):
                parts[fits[0]].extend(inside)
                room[fits[0]] -= len(inside)
            else:
                split.train.extend(inside)
    return split


def _kind(frame: Frame) -> tuple[tuple[int, ...], str]:
    return tuple(sorted(frame.around.numbers)), frame.group


def _clusters(frames: Sequence[Frame]) -> NDArray[np.int64]:
    from sklearn.cluster import AgglomerativeClustering

    number = len(frames) // FRAMES_PER_CLUSTER
    if number < 2:  # noqa: PLR2004 (one cluster cannot be divided)
        return np.zeros(len(frames), np.int64)
    prints = np.array([fingerprint(frame) for frame in frames])
    spread = prints.std(axis=0)
    scaled = (prints - prints.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)  # noqa: PLR2004 (rounding)
    labels = np.empty(len(frames), np.int64)
    shift = 0
    # Along the direction of largest spread, so that a part is a region.
    order = np.argsort(scaled[:, -2], kind="stable")
    for part in np.array_split(order, -(-len(frames) // _LARGEST)):
        count = max(len(part) // FRAMES_PER_CLUSTER, 1)
        found = AgglomerativeClustering(n_clusters=count, linkage="complete").fit_predict(scaled[part])
        labels[part] = found + shift
        shift += count
    return labels
