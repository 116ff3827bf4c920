"""Magnetic space-group operations, and what they make of one atom and its moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import StructureError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MERGE_DISTANCE = 0.1
"""Å; images of one atom this near are one atom on a special position, written with few digits."""
MOMENT_TOLERANCE = 0.1
MOMENT_RELATIVE = 0.05
"""μB, and as a share of |m| (the larger counts): what the moments of merged images may differ by.
Moments are published with one or two digits, on axes that need not be orthogonal."""
MAX_OPERATIONS = 20_000
"""Operations × centerings; the largest supercells of MAGNDATA have about 1,000."""

_ROUNDING = 1e-6
_TERM = r"(?:\d*\.?\d*(?:/\d+)?[xyz]|\d+\.?\d*(?:/[1-9]\d*)?|\.\d+)"
_COORDINATE = re.compile(rf"[-+]?{_TERM}(?:[-+]{_TERM})*")


@dataclass(frozen=True, eq=False)
class MagneticGroup:
    """The operations of a magnetic space group, centerings included, in the cell's own coordinates.

    Attributes:
        rotations: shape (n, 3, 3); act on fractional coordinates.
        translations: shape (n, 3).
        parities: +1 or −1, determinant times time reversal, shape (n,): the sign that a moment takes
            besides the rotation, since it is an axial vector that time reversal turns round.
    """

    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]
    parities: NDArray[np.float64]

    @classmethod
    def from_strings(cls, operations: Iterable[str], centerings: Iterable[str]) -> MagneticGroup:
        """Combine operations and centerings such as ``-x,y+1/2,z,-1``.

        Raises:
            StructureError: one of them is malformed, or there are absurdly many.
        """
        inner = [_parse(text) for text in operations]
        outer = [_parse(text) for text in centerings] or [_parse("x,y,z,+1")]
        if len(inner) * len(outer) > MAX_OPERATIONS:
            raise StructureError(
                f"has {len(inner) * len(outer):,} symmetry operations; {MAX_OPERATIONS:,} are the limit"
            )
        rotations, translations, parities = [], [], []
        for turn, shift, sign in outer:
            for rotation, translation, parity in inner:
                rotations.append(turn @ rotation)
                translations.append(turn @ translation + shift)
                parities.append(sign * parity)
        return cls(np.array(rotations), np.array(translations), np.array(parities))

    def orbit(
        self, position: NDArray[np.float64], moment: NDArray[np.float64], lattice: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All atoms that the group makes of one.

        Images that coincide are averaged, which puts atom and moment exactly on what the site's own
        symmetry allows.

        Args:
            position: fractional, shape (3,).
            moment: Cartesian, in μB, shape (3,).
            lattice: rows are the cell vectors in Å, shape (3, 3).

        Returns:
            Fractional positions in [0, 1) and Cartesian moments in μB, each of shape (n_images, 3).

        Raises:
            StructureError: coinciding images have moments that differ by more than
                `MOMENT_TOLERANCE` and `MOMENT_RELATIVE` allow.
        """
        positions = self.rotations @ position + self.translations
        fractional = self.rotations @ (moment @ np.linalg.inv(lattice)) * self.parities[:, None]
        moments = fractional @ lattice
        allowed = max(MOMENT_TOLERANCE, MOMENT_RELATIVE * float(np.linalg.norm(moment)))
        left = np.ones(len(positions), dtype=bool)
        merged_positions, merged_moments = [], []
        while left.any():
            first = int(np.argmax(left))
            offsets = positions - positions[first]
            offsets -= np.round(offsets)
            same = left & (np.linalg.norm(offsets @ lattice, axis=1) < MERGE_DISTANCE)
            same[first] = True
            spread = np.linalg.norm(moments[same] - moments[first], axis=1).max()
            if spread > allowed:
                raise StructureError(
                    f"the moment breaks the symmetry of its own site: images on one place differ by {spread:.2f} μB "
                    f"({allowed:.2f} are tolerated)"
                )
            merged_positions.append(positions[first] + offsets[same].mean(axis=0))
            merged_moments.append(moments[same].mean(axis=0))
            left &= ~same
        result = np.array(merged_positions)
        result -= np.floor(result)
        result[result > 1 - 1e-9] = 0.0
        return result, np.array(merged_moments)


def _parse(text: str) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Rotation, translation and parity of ``x,y,z,+1``."""
    parts = text.lower().replace(" ", "").split(",")
    *coordinates, time = parts
    if [bool(_COORDINATE.fullmatch(part)) for part in coordinates] != [True] * 3 or time not in {"+1", "1", "-1"}:
        raise StructureError(f"magnetic symmetry operation {text[:60]!r} is malformed; x,y,z,+1 is the form")
    from pymatgen.core.operations import SymmOp

    operation = SymmOp.from_xyz_str(",".join(coordinates))
    determinant = float(np.linalg.det(operation.rotation_matrix))
    if abs(abs(determinant) - 1) > _ROUNDING:
        raise StructureError(f"magnetic symmetry operation {text[:60]!r} changes the volume")
    return operation.rotation_matrix, operation.translation_vector, round(determinant) * float(time)
