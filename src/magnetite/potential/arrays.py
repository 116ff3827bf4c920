"""Arrays that come from outside: finite numbers in the shape that is asked for, or one clear error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import DataError


def as_vectors(moments: object, n_atoms: int, source: str | None = None) -> NDArray[np.float64]:
    """Moments as vectors in μB, (n_atoms, 3); collinear ones point along z.

    Raises:
        DataError: they are not finite numbers of shape (n_atoms,) or (n_atoms, 3).
    """
    array = np.asarray(moments, dtype=float)
    if array.shape == (n_atoms,):
        array = array[:, None] * np.array([0.0, 0.0, 1.0])
    return finite(array, (n_atoms, 3), "moments", source)


def finite(values: object, shape: tuple[int, ...], name: str, source: str | None = None) -> NDArray[np.float64]:
    """An array of finite numbers.

    Raises:
        DataError: it holds others, or has another shape.
    """
    array = np.asarray(values, dtype=float)
    if array.shape != shape:
        raise DataError(f"{name} must be of shape {shape}, not {array.shape}", source)
    if not np.isfinite(array).all():
        raise DataError(f"{name} must be finite; one number is not", source)
    return array
