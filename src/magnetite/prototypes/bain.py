"""The Bain path: what a classifier makes of the continuous way from bcc to fcc.

Leitherer 2021, Supplementary Note 2: a body-centred tetragonal cell of one atom is bcc at c/a = 1 and fcc at
c/a = √2 (Bain & Dunkirk, Trans. AIME 70, 25, 1924). The paper classifies cells for 61 × 61 lengths a and c in
steps of 0.05 Å. Since structures are scaled before they are described, c/a alone decides: each ratio is asked once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import MagnetiteError
from magnetite.prototypes.explore import explore
from magnetite.structures import Crystal
from magnetite.zoo import DEFAULT_CLASSIFIER

if TYPE_CHECKING:
    from magnetite.prototypes.classes import StructureClass
    from magnetite.prototypes.model import PrototypeModel

BCC, FCC = 1.0, float(np.sqrt(2))
"""c/a of the body-centred cell."""
IRON = 26
"""Bain's own example; the answer does not depend on the element."""
VOLUME = 11.8
"""Å³ per atom, that of iron; the answer does not depend on it."""
LENGTHS = np.linspace(2.0, 5.0, 61)
"""Å; as many and as far apart as in the paper, and wide enough for the four cells that are learned from."""
SAME_RATIO = 9
"""Decimals to which ratios are told apart."""


@dataclass(frozen=True)
class Stretch:
    """A part of the path with one answer.

    Attributes:
        label: of the class.
        start, end: c/a of its first and last point.
        probability: mean of that class.
        mutual_information: mean, in bits.
    """

    label: str
    start: float
    end: float
    probability: float
    mutual_information: float


@dataclass(frozen=True, eq=False)
class BainPath:
    """Answers along c/a.

    Attributes:
        ratios: c/a, ascending, (n,).
        probabilities: of each class, (n, n_classes).
        mutual_information: in bits, (n,).
        classes: that the columns of `probabilities` stand for.
    """

    ratios: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    mutual_information: NDArray[np.float64]
    classes: tuple[StructureClass, ...]

    @property
    def winners(self) -> NDArray[np.int64]:
        """Place of the most probable class at each ratio, (n,)."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found

    @property
    def changes(self) -> NDArray[np.bool_]:
        """Whether a point's answer differs from that of a neighbour on the path, (n,)."""
        differs = np.diff(self.winners) != 0
        found: NDArray[np.bool_] = np.append(differs, False) | np.insert(differs, 0, False)
        return found

    def stretches(self) -> list[Stretch]:
        """The path as parts with one answer each."""
        cuts = np.flatnonzero(np.diff(self.winners)) + 1
        found = []
        for part in np.split(np.arange(len(self.ratios)), cuts):
            winner = self.winners[part[0]]
            found.append(
                Stretch(
                    self.classes[winner].label,
                    float(self.ratios[part[0]]),
                    float(self.ratios[part[-1]]),
                    float(self.probabilities[part, winner].mean()),
                    float(self.mutual_information[part].mean()),
                )
            )
        return found

    def places(self, lengths: NDArray[np.float64]) -> NDArray[np.int64]:
        """Where on the path the cells of all pairs of lengths are.

        Args:
            lengths: of both a and c, in Å, (m,); the path must hold their ratios.

        Returns:
            Shape (m, m), rows for c and columns for a.

        Raises:
            MagnetiteError: the path does not hold a ratio.
        """
        wanted = np.round(lengths[:, None] / lengths[None, :], SAME_RATIO)
        found = np.searchsorted(self.ratios, wanted).clip(max=len(self.ratios) - 1)
        if not np.array_equal(self.ratios[found], wanted):
            raise MagnetiteError("the path was not asked at the ratios of these lengths; use ratios_of")
        return found


def body_centred(ratio: float) -> Crystal:
    """The primitive cell of a body-centred tetragonal crystal of one atom.

    Args:
        ratio: c/a of the conventional cell, positive.

    Raises:
        MagnetiteError: it is not.
    """
    if not (np.isfinite(ratio) and ratio > 0):
        raise MagnetiteError(f"c/a must be positive, not {ratio}")
    a = (2 * VOLUME / ratio) ** (1 / 3)
    signs = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
    return Crystal(signs * (a, a, a * ratio), np.zeros((1, 3)), np.array([IRON]), f"c/a = {ratio:.4f}")


def ratios_of(lengths: NDArray[np.float64] = LENGTHS) -> NDArray[np.float64]:
    """The distinct c/a of all pairs of lengths in Å, ascending."""
    found: NDArray[np.float64] = np.unique(np.round(lengths[:, None] / lengths[None, :], SAME_RATIO))
    return found


def bain_path(
    ratios: Sequence[float] | NDArray[np.float64],
    model: PrototypeModel | str = DEFAULT_CLASSIFIER,
    *,
    passes: int | None = None,
    progress: bool | str = False,
) -> BainPath:
    """Classify body-centred tetragonal crystals.

    Args:
        ratios: c/a; at least one, in any order.
        model: a loaded classifier, a model's name or the path of a card.
        passes: of the network with dropout; the model's own number if None.
        progress: show a progress bar, with this text if it is one.

    Raises:
        MagnetiteError: a ratio is not positive, or there are none.
        ZooError: no such model, or not a classifier.
    """
    asked = np.unique(np.round(np.asarray(ratios, dtype=float), SAME_RATIO))
    found = explore([body_centred(ratio) for ratio in asked.tolist()], model, passes=passes, progress=progress)
    return BainPath(asked, found.probabilities, found.mutual_information, found.classes)
