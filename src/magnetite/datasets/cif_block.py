"""One data block of a CIF file, with its tags in one spelling.

pymatgen splits the text into tags and loops; what the values mean is left to the caller. The
magnetic dictionary was published with other tag names than its drafts use
(``_space_group_symop_magn_operation.xyz``, ``_space_group_symop.magn_operation_xyz``): lower case
and ``_`` for ``.`` makes them equal.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from magnetite.datasets.records import open_lines
from magnetite.errors import DataError, ReadError, StructureError
from magnetite.structures import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_BYTES = 20_000_000
"""Larger files are no crystal structures; the largest of MAGNDATA has 0.2 MB."""

# CIF 2.0 writes vectors as [1/2 0 0], which a tokeniser for CIF 1 takes for three values.
_LIST = re.compile(r"(?<!\S)\[([^][\n'\"]*)\](?!\S)")
# A loop without rows is common (no authors given) and would lose the whole file.
_EMPTY_LOOP = re.compile(r"^[ \t]*loop_(?:\s+_\S+)+\s+(?=loop_|data_|\Z)", re.MULTILINE | re.IGNORECASE)
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)(?:/(\d{1,6}))?(?:\(\d*\.?\d*\)?)?")


class CifBlock:
    """Values of a data block by tag.

    Args:
        values: by tag in any spelling; a list if the tag stands in a loop.
        source: the file, for error messages.
    """

    def __init__(self, values: Mapping[str, str | list[str]], source: str) -> None:
        self.source = source
        self._values = {tag.lower().replace(".", "_"): value for tag, value in values.items()}

    def __contains__(self, tag: str) -> bool:
        return tag in self._values

    @property
    def tags(self) -> frozenset[str]:
        """All tags, in lower case and with ``_`` for ``.``."""
        return frozenset(self._values)

    def column(self, *tags: str) -> list[str]:
        """The values under the first of these tags that is there; a lone value counts as one row."""
        for tag in tags:
            if tag in self._values:
                value = self._values[tag]
                return value if isinstance(value, list) else [value]
        return []

    def value(self, *tags: str) -> str | None:
        """The value under the first of these tags that has one; None for ``?`` and ``.``."""
        for tag in tags:
            for value in self.column(tag):
                if value.strip() not in {"", "?", "."}:
                    return " ".join(value.split())
        return None

    def number(self, *tags: str) -> float | None:
        """The value as a number, or None if there is none.

        Raises:
            StructureError: it is there, but not a number.
        """
        text = self.value(*tags)
        return None if text is None else self.parse(text, tags[0])

    def parse(self, text: str, what: str) -> float:
        """A number as CIF writes it: ``0.25``, ``0.25(3)``, ``1/4``.

        Raises:
            StructureError: it is not a number.
        """
        match = _NUMBER.fullmatch(text.strip())
        if match is None or (match[2] is not None and int(match[2]) == 0):
            raise StructureError(f"{what} is {text.strip()[:40]!r}, which is not a number", self.source)
        return float(match[1]) / int(match[2] or 1)

    def rows(self, *tags: str) -> Iterator[tuple[str, ...]]:
        """Rows of a loop over these tags.

        Raises:
            StructureError: the columns differ in length.
        """
        columns = [self.column(tag) for tag in tags]
        if len({len(column) for column in columns}) > 1:
            raise StructureError(f"the loop of {tags[0]} has columns of different length", self.source)
        yield from zip(*columns, strict=True)


def read_block(path: Path) -> CifBlock:
    """The one data block of a file that holds a crystal.

    Raises:
        ReadError: the file is missing, empty, binary, not CIF, or holds no crystal or several.
    """
    source = str(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ReadError(f"is larger than {MAX_BYTES // 1_000_000} MB", source)
        raw = b"".join(open_lines(path))
    except OSError as error:
        raise ReadError(f"cannot be read ({say(error)})", source) from error
    except DataError as error:
        raise ReadError(error.reason, source) from error
    if not raw.strip():
        raise ReadError("is empty", source)
    if b"\0" in raw:
        raise ReadError("is not a text file", source)
    # Names of authors come in any encoding; nothing else in the file needs more than ASCII.
    text = raw.decode("utf-8", errors="replace")
    text = _EMPTY_LOOP.sub("", _LIST.sub(r"'\1'", text))
    from pymatgen.io.cif import CifFile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on stray text
            blocks = CifFile.from_str(text).data.values()
    except Exception as error:
        raise ReadError(f"is not a sound CIF file; cut short or a loop is incomplete ({say(error)})", source) from error
    crystals = [block for block in (CifBlock(b.data, source) for b in blocks) if "_atom_site_fract_x" in block]
    if len(crystals) != 1:
        raise ReadError(f"holds {len(crystals) or 'no'} crystals; one is needed", source)
    return crystals[0]
