"""Settings and weights that do not fit each other, said in one line for every family of models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from magnetite.errors import ZooError
from magnetite.structures import say


@contextmanager
def fitting() -> Iterator[None]:
    """Turn what networks say of foreign settings and tensors into our error.

    Raises:
        ZooError: settings and tensors do not fit.
    """
    try:
        yield
    except (KeyError, TypeError, RuntimeError) as error:
        raise ZooError(f"weights and settings of the model do not fit ({say(error)})") from error
