"""Frames of (extended) xyz files, each cut out and read on its own, so that a broken one costs no other."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any

from magnetite.datasets.records import open_lines
from magnetite.errors import DataError, ReadError
from magnetite.formats import Entry, name_of, numbered, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

VECTORS = b"VEC"
"""Begins the lines in which old files give the cell, after the atoms."""
DIGITS = 18
"""A longer count is none, and Python turns no more than 4,300 digits into a number."""


def read_xyz(path: Path) -> Iterator[Entry]:
    """One structure a frame."""
    yield from numbered(path, _frames(path))


def _frames(path: Path) -> Iterator[Callable[[], tuple[str | None, Any]]]:
    """Readers of the frames; where a count of atoms is no number, the next frame cannot be found, and that is said."""
    lines: list[bytes] = []
    missing = 0
    try:
        for number, line in enumerate(_lines(path), start=1):
            if missing > 0 or line.lstrip().startswith(VECTORS):
                lines.append(line)
                missing -= 1
                continue
            if lines:
                yield partial(_parse, b"\n".join(lines))
                lines = []
            if not line.strip():
                continue
            if not line.strip().isdigit() or len(line.strip()) > DIGITS:
                told = f"cannot be read: line {number} should be a number of atoms; nothing after it is read"
                yield partial(refuse, ReadError(told))
                return
            lines, missing = [line], int(line) + 1
    except DataError as error:
        yield partial(refuse, ReadError(f"{error.reason}; nothing after that is read"))
        return
    if missing > 0:  # ASE would look for each of them, also for billions
        told = f"cannot be read: ends {missing:,} lines before the last atom of its frame"
        yield partial(refuse, ReadError(told))
    elif lines:
        yield partial(_parse, b"\n".join(lines))


def _lines(path: Path) -> Iterator[bytes]:
    """Lines without their ends, whichever system wrote them."""
    for line in open_lines(path):
        yield from line.splitlines()


def _parse(frame: bytes) -> tuple[str | None, Any]:
    """A frame as ASE reads it."""
    from ase.io import read

    atoms: Any = read(io.StringIO(frame.decode("utf-8", "replace")), index=0, format="extxyz")
    return name_of(atoms.info), atoms
