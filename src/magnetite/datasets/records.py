"""JSON-lines records, the format in which all training data is held.

One JSON object a line, gzipped or not: ``lattice`` (3×3 rows in Å), ``species``, ``frac_coords``,
and whatever labels the set carries (``ordering``, ``magmoms`` in μB, ``zero_k`` …).
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import orjson

from magnetite.errors import DataError
from magnetite.whole import whole

Record = dict[str, Any]
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
PACKED = tuple(_OPENERS)
"""Endings of packed files that are read as they are."""


def open_lines(path: Path) -> Iterator[bytes]:
    """Lines of a file without a byte-order mark, unpacked if its name ends as `PACKED` ones do.

    Raises:
        DataError: the file is missing, cut short, damaged or not what its name says.
    """
    try:
        with _OPENERS.get(path.suffix.lower(), open)(path, "rb") as handle:
            for first in handle:
                yield first.removeprefix(BOM_UTF8)
                yield from handle
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise DataError(f"cannot be read ({type(error).__name__}: {error})", str(path)) from error


def find_records(folder: Path, name: str) -> Path:
    """A labelled set of a data folder, packed or not.

    Raises:
        DataError: it is not there.
    """
    for path in (folder / f"{name}.jsonl.gz", folder / f"{name}.jsonl"):
        if path.is_file():
            return path
    raise DataError(f"no {name}.jsonl.gz here", str(folder))


def read_records(path: Path, needed: Collection[str] = ()) -> Iterator[Record]:
    """Parse a JSON-lines file row by row.

    Args:
        path: of the file, packed or not.
        needed: keys that every row must have.

    Raises:
        DataError: a line is not a JSON object or lacks a key; the message gives its number.
    """
    for number, line in enumerate(open_lines(path), start=1):
        if not line.strip():
            continue
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise DataError(f"line {number} is not JSON ({error})", str(path)) from error
        if not isinstance(record, dict):
            raise DataError(f"line {number} is not a JSON object", str(path))
        if missing := [key for key in needed if key not in record]:
            raise DataError(f"line {number} lacks {', '.join(missing)}", str(path))
        yield record


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Write records to a JSON-lines file, whole or not at all; returns their number."""
    count = 0
    packed = _OPENERS.get(path.suffix.lower())
    with whole(path) as file, packed(file, "wb") if packed else nullcontext(file) as handle:
        for record in records:
            handle.write(json.dumps(record).encode() + b"\n")
            count += 1
    return count
