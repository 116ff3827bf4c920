"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears under its name only when all of it is on the disk."""
    partial = path.with_name(path.name + ".tmp")
    with _replacing(path, partial), partial.open("wb") as handle:
        yield handle


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """The same for writers that want a name: one with the same ending, in the same folder.

    Links are written through, pipes and devices into, as they stand.
    """
    if path.exists() and not path.is_file():
        yield path  # of a folder the writer says that it is one
        return
    path = Path(os.path.realpath(path))
    partial = path.with_name(f".tmp-{path.name}")
    with _replacing(path, partial):
        yield partial


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8 in the same way, with a line end after it."""
    with whole_path(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


@contextmanager
def _replacing(path: Path, partial: Path) -> Iterator[None]:
    """Put a file in the place of another when it is written, and remove it if it never was."""
    try:
        partial.open("wb").close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # the file that was asked for
    try:
        yield
        with partial.open("rb+") as handle:
            os.fsync(handle.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
