"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears under its name only when all of it is on the disk."""
    partial = path.with_name(path.name + ".tmp")
    try:
        handle = partial.open("wb")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # the file that was asked for
    try:
        with handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
