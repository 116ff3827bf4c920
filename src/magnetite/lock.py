"""Files that one process at a time may write."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from magnetite.errors import MagnetiteError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def locked(path: Path, guarded: Path) -> Iterator[None]:
    """Hold a lock, as `take_lock` takes it, for a while; its file is gone afterwards.

    Raises:
        MagnetiteError: another process holds it.
    """
    with take_lock(path, guarded):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def take_lock(path: Path, guarded: Path) -> IO[str]:
    """Keep other processes off until the file that is returned is closed, or the process ends, also by kill -9.

    Args:
        path: of the lock; made if missing.
        guarded: what must not be written by two, for the message.

    Raises:
        MagnetiteError: another process holds it.
    """
    if sys.platform == "win32":  # has no such locks, and an open file could not be deleted at the end
        return Path(os.devnull).open(encoding="utf-8")
    import fcntl

    handle = path.open("w", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets it go even after kill -9
    except BlockingIOError:
        handle.close()
        raise MagnetiteError("is being written by another process", str(guarded)) from None
    except OSError:
        pass  # file systems without locks
    return handle
