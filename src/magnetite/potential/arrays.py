"""Arrays that come from outside: finite numbers in the shape that is asked for, or one clear error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import DataError


def as_vectors(moments: Any, n_atoms: int, source: str | None = None) -> NDArray[np.float64]:
    """Moments as vectors in μB, Cartesian, (n_atoms, 3).

    Args:
        moments: of each atom a number, which points along z, a vector, or pymatgen's ``Magmom``, which knows its axis.
        n_atoms: their number.
        source: how errors name them.

    Raises:
        DataError: they are not finite, not numbers, or not as many.
    """
    try:
        plain = [getattr(moment, "global_moment", moment) for moment in moments]
        vectors = [moment if np.ndim(moment) else (0.0, 0.0, moment) for moment in plain]
    except (TypeError, ValueError) as error:
        raise DataError(f"moments are no list of numbers or vectors ({error})", source) from error
    return finite(vectors, (n_atoms, 3), "moments", source)


def finite(values: object, shape: tuple[int, ...], name: str, source: str | None = None) -> NDArray[np.float64]:
    """An array of finite numbers.

    Raises:
        DataError: it holds others, or has another shape.
    """
    wanted = f"numbers of shape {shape}" if shape else "one number"
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be {wanted} ({error})", source) from error
    if array.shape != shape:
        raise DataError(f"{name} must be {wanted}, not of shape {array.shape}", source)
    if not np.isfinite(array).all():
        raise DataError(f"{name} must be finite; one number is not", source)
    return array
