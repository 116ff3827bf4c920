"""Random subsets with a fixed ratio of the classes, and splits of rows, by formula or as the paper did."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

Places = NDArray[np.int64]

ORDER_RATIO = {0: 6.0, 1: 5.0, 2: 6.0}
"""Of NM, AFM and FM in the training subsets (Merker 2022, Data assembly)."""
COMPOSITION_RATIO = {0: 1.0, 1: 1.2, 2: 1.2}
"""Of the composition-only models (Merker 2022, Discussion)."""
THRESHOLD_RATIO = {0: 1.0, 1: 1.0, 2: 1.1}
"""Of the study of thresholds (Merker 2022, Table 4)."""


def balanced_subset(
    label: NDArray[np.int64], ratio: Mapping[int, float], seed: int, *, share: float = 1.0, most: int | None = None
) -> Places:
    """The largest random subset whose classes are in this ratio.

    Args:
        label: class of each row, (n,); rows of classes that the ratio does not name are left out.
        ratio: relative number of rows of each class.
        seed: of the draw.
        share: of the largest subset, drawn in the same ratio.
        most: rows at most.

    Returns:
        Numbers of the rows, mixed.
    """
    rng = np.random.default_rng(seed)
    unit = min(float(np.count_nonzero(label == c)) / part for c, part in ratio.items())
    if most is not None:
        unit = min(unit, most / sum(ratio.values()))
    drawn = [
        rng.choice(np.flatnonzero(label == c), round(unit * part * share), replace=False) for c, part in ratio.items()
    ]
    return rng.permutation(np.concatenate(drawn))


def split(groups: NDArray[np.str_], *, by_group: bool, test: float, seed: int) -> tuple[Places, Places]:
    """Rows to train on and to test on.

    Args:
        groups: formula of each row, (n,).
        by_group: keep rows of one formula on one side; otherwise at random, as the paper did.
        test: share of the rows (or formulas) to test on.
        seed: of the draw.
    """
    kind = GroupShuffleSplit if by_group else ShuffleSplit
    cut = kind(n_splits=1, test_size=test, random_state=seed)
    train, held_out = next(cut.split(groups, groups=groups if by_group else None))
    return train, held_out
