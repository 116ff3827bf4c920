"""Files, databases and folders as streams of crystals, each named, each either read or refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from magnetite.errors import DataError, MagnetiteError, ReadError
from magnetite.structures import Crystal, as_crystal, say

PYMATGEN_PATTERNS = ("*.cif", "*POSCAR*", "*CONTCAR*", "*.vasp", "*CHGCAR*", "vasprun*.xml*", "*.cssr", "*.xsf", "*.json", "*.yaml")
"""Names that pymatgen reads; whatever else is left to ASE."""
FOLDER_PATTERNS = ("*.cif", "*.mcif", "*POSCAR*", "*CONTCAR*", "*.vasp", "*.extxyz", "*.xyz", "*.xsf", "*.json", "*.jsonl", "*.jsonl.gz")
"""Names that are taken from a folder."""

Row = tuple[str, Crystal | MagnetiteError]
"""A name (``path``, or ``path#position`` in files of many) and the crystal, or why there is none."""


def read_rows(path: Path) -> Iterator[Row]:
    """All crystals of a file, an ASE database or (sorted, recursively) a folder, one by one.

    A structure that cannot be used comes as the error in its place; the rest is still read.
    """
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.is_file() and _matches(f.name, FOLDER_PATTERNS))
        if not files:
            yield str(path), ReadError(f"folder holds no structure files ({', '.join(FOLDER_PATTERNS)})", str(path))
        for file in files:
            yield from read_rows(file)
        return
    try:
        _check(path)
        yield from _reader(path)(path)
    except MagnetiteError as error:
        yield str(path), error


def read_one(path: Path) -> Crystal:
    """The crystal of a file that holds exactly one.

    Raises:
        ReadError: the file is missing, empty, broken, of an unknown kind, or holds several structures.
        StructureError: what it holds is not a crystal that can be used.
    """
    if path.is_dir():
        raise ReadError("is a folder, not a structure file; pass its files, or screen the folder", str(path))
    rows = read_rows(path)
    first = next(rows, None)
    if first is None:
        raise ReadError("holds no structure", str(path))
    if next(rows, None) is not None:
        raise ReadError("holds several structures; use analyze_many(read_structures(path))", str(path))
    if isinstance(first[1], MagnetiteError):
        raise first[1]
    return first[1]


def read_structures(path: str | Path) -> Iterator[Crystal]:
    """All crystals of a file, database or folder.

    Raises:
        StructureError: at the first structure that cannot be used.
    """
    for _, result in read_rows(Path(path)):
        if isinstance(result, MagnetiteError):
            raise result
        yield result


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _check(path: Path) -> None:
    if not path.exists():
        raise ReadError("no such file", str(path))
    if path.stat().st_size == 0:
        raise ReadError("is empty", str(path))


def _reader(path: Path) -> Callable[[Path], Iterator[Row]]:
    name = path.name
    if name.endswith((".jsonl", ".jsonl.gz")):
        return _read_jsonl
    if name.endswith(".db"):
        return _read_database
    if name.endswith(".mcif"):
        return _read_mcif
    return _read_pymatgen if _matches(name, PYMATGEN_PATTERNS) else _read_ase


def _one(source: str, make: Callable[[], Any]) -> Row:
    """Build one crystal, turning every failure into our error with its source."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the parsers' remarks on formats; what matters is validated here
            return source, as_crystal(make(), source)
    except MagnetiteError as error:
        return source, error.at(source)
    except Exception as error:  # noqa: BLE001 (parsers of foreign formats raise anything)
        return source, ReadError(f"cannot be read ({say(error)})", source)


def _read_pymatgen(path: Path) -> Iterator[Row]:
    from pymatgen.core import Structure

    yield _one(str(path), lambda: Structure.from_file(path))


def _read_mcif(path: Path) -> Iterator[Row]:
    from magnetite.datasets.mcif import read_mcif

    yield _one(str(path), lambda: read_mcif(path).structure)


def _read_ase(path: Path) -> Iterator[Row]:
    from ase.io import iread

    try:
        for index, atoms in enumerate(iread(path)):
            yield _one(f"{path}#{index}" if index else str(path), lambda atoms=atoms: atoms)
    except Exception as error:
        raise ReadError(f"cannot be read ({say(error)})", str(path)) from error


def _read_jsonl(path: Path) -> Iterator[Row]:
    import orjson

    from magnetite.datasets.records import open_lines

    try:
        for number, line in enumerate(open_lines(path), start=1):
            if not line.strip():
                continue
            source = f"{path}#{number}"
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                yield source, ReadError(f"line is not JSON ({error})", source)
                continue
            if not isinstance(record, dict):
                yield source, ReadError("line is not a JSON object", source)
                continue
            inner = record.get("structure")
            yield _one(source, lambda row=inner if isinstance(inner, dict) else record: row)
    except DataError as error:
        raise ReadError(error.reason, str(path)) from error


def _read_database(path: Path) -> Iterator[Row]:
    import ase.db

    try:
        for row in ase.db.connect(path).select():
            yield _one(f"{path}#{row.id}", row.toatoms)
    except Exception as error:
        raise ReadError(f"cannot be read as an ASE database ({say(error)})", str(path)) from error


