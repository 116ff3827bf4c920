"""Files, databases and folders as streams of crystals, each named, each either read or refused."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from magnetite.clusters import as_sample
from magnetite.datasets.records import PACKED, open_lines
from magnetite.errors import MagnetiteError, ReadError
from magnetite.formats import (
    Entry,
    read_ase,
    read_cif,
    read_database,
    read_json,
    read_jsonl,
    read_mcif,
    read_pymatgen,
    refused,
)
from magnetite.structures import as_crystal, printable
from magnetite.xyz import read_xyz

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from magnetite.structures import Crystal

READERS: dict[str, Callable[[Path], Iterator[Entry]]] = {
    ".jsonl": read_jsonl,
    ".json": read_json,
    ".db": read_database,
    ".mcif": read_mcif,
    ".cif": read_cif,
    ".extxyz": read_xyz,
    ".xyz": read_xyz,
}
"""Which reader is for which ending (`_unpacked`)."""
PACKABLE = (".jsonl", ".json", ".mcif", ".cif", ".extxyz", ".xyz")
"""Endings that one of `PACKED` may follow."""
PYMATGEN_PATTERNS = (
    "*poscar*", "*contcar*", "*.vasp", "*chgcar*", "vasprun*.xml*", "*.cssr", "*.xsf", "*.yaml",
)  # fmt: skip
"""Names (in lower case) that pymatgen reads; whatever else is left to ASE."""
FOLDER_PATTERNS = (
    "*.cif", "*.mcif", "*poscar*", "*contcar*", "*.vasp", "*.extxyz", "*.xyz", "*.xsf", "*.json", "*.jsonl", "*.db",
)  # fmt: skip
"""Names (`_unpacked`) that are taken from a folder."""
NO_FILES = f"folder holds no structure files ({', '.join(FOLDER_PATTERNS)})"
QUICKLY_READ = 500_000_000
"""Bytes of a jsonl file up to which its lines are counted first."""

Row: TypeAlias = "tuple[str, Crystal | MagnetiteError]"
"""A name (``path``, or ``path#position`` in files of many) and the crystal, or why there is none."""


def read_entries(path: Path) -> Iterator[Entry]:
    """All structures of a file, an ASE database or (sorted, recursively) a folder, one by one, unparsed.

    What cannot be used, be it a structure or a whole file, comes as an entry that reads as its error.
    """
    is_folder = os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises where the path may not be looked at)
    empty = True
    try:
        if not is_folder:
            check(path)
        for entry in _read_folder(path) if is_folder else _reader(path)(path):
            empty = False
            yield entry
        if empty:
            raise ReadError(NO_FILES if is_folder else "holds no structure", printable(path))
    except MagnetiteError as error:
        yield refused(printable(path), error)


def read_rows(path: Path, take: Callable[[Any, str | None], Any] = as_crystal) -> Iterator[Row]:
    """All crystals of a file, an ASE database or (sorted, recursively) a folder, one by one.

    A structure that cannot be used comes as the error in its place; the rest is still read.

    Args:
        path: the file, database or folder.
        take: makes the crystals; `as_sample` also takes what is not periodic.
    """
    for entry in read_entries(path):
        yield entry.source, entry.read(take)[1]


def read_one(path: Path, take: Callable[[Any, str | None], Any] = as_crystal) -> Any:
    """The crystal of a file that holds exactly one.

    Args:
        path: the file.
        take: makes the crystal; `as_sample` also takes what is not periodic.

    Raises:
        ReadError: the file is missing, empty, broken, of an unknown kind, or holds several structures.
        StructureError: what it holds is not a crystal that can be used.
    """
    if os.path.isdir(path):  # noqa: PTH112
        raise ReadError("is a folder, not a structure file; pass its files, or screen the folder", printable(path))
    entries = read_entries(path)
    crystal = next(entries).read(take)[1]
    if isinstance(crystal, MagnetiteError):
        raise crystal
    if next(entries, None) is not None:
        raise ReadError(
            "holds several structures; give read_structures(path) to analyze_many, "
            "or read_structures(path, finite=True) to classify_many",
            printable(path),
        )
    return crystal


def read_structures(path: str | Path, *, finite: bool = False) -> Iterator[Any]:
    """All crystals of a file, database or folder.

    Args:
        path: of it.
        finite: take clusters, particles and slabs for what they are (`as_sample`), as `classify_many` wants them;
            otherwise what is not periodic at all is refused, and slabs are crystals of their cell.

    Raises:
        StructureError: at the first structure that cannot be used.
    """
    for _, result in read_rows(Path(path), as_sample if finite else as_crystal):
        if isinstance(result, MagnetiteError):
            raise result
        yield result


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def _unpacked(name: str) -> str:
    """A file's name in lower case, without the ending of a packed file if one of `PACKABLE` is before it."""
    name = name.lower()
    stem, _, packed = name.rpartition(".")
    return stem if f".{packed}" in PACKED and stem.endswith(PACKABLE) else name


def check(path: Path) -> None:
    """Check that there is something to read.

    Raises:
        ReadError: neither a folder with structure files nor a readable file with something in it.
    """
    try:
        if path.is_dir():
            unread: list[OSError] = []
            if next(folder_files(path, unread.append), None) is None and not unread:
                raise ReadError(NO_FILES, printable(path))
            return
        if not path.exists():
            raise ReadError("no such file", printable(path))
        if not path.is_file():
            raise ReadError("is not a regular file", printable(path))
        if path.stat().st_size == 0:
            raise ReadError("is empty", printable(path))
        with path.open("rb"):
            pass
    except OSError as error:
        raise ReadError(f"cannot be opened ({error.strerror})", printable(path)) from error


def _reader(path: Path) -> Callable[[Path], Iterator[Entry]]:
    name = _unpacked(path.name)
    for ending, reader in READERS.items():
        if name.endswith(ending):
            return reader
    return read_pymatgen if _matches(name, PYMATGEN_PATTERNS) else read_ase


def folder_files(path: Path, onerror: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """The structure files of a folder, sorted, subfolders last; holds the names of one folder at a time.

    Unfinished tables of ours are no structures, though they hold json.
    """
    for folder, folders, names in os.walk(path, onerror=onerror):
        folders[:] = sorted(name for name in folders if not _is_unfinished_table(Path(folder, name)))
        yield from (Path(folder, name) for name in sorted(names) if _matches(_unpacked(name), FOLDER_PATTERNS))


def _is_unfinished_table(folder: Path) -> bool:
    """Whether it is the ``OUT.parts/`` of a screening (`magnetite.parts`)."""
    return folder.name.endswith(".parts") and os.path.isfile(folder / "manifest.json")  # noqa: PTH113 (as above)


def _read_folder(path: Path) -> Iterator[Entry]:
    failures: list[OSError] = []
    for file in folder_files(path, failures.append):
        yield from read_entries(file)
    for failure in failures:
        name = printable(failure.filename)
        yield refused(name, ReadError(f"cannot be opened ({failure.strerror})", name))


def count_entries(path: Path) -> int | None:
    """How many entries a source has, if that is quickly known (for a progress bar: a cif counts as one)."""
    if os.path.isdir(path):  # noqa: PTH112
        counts = [count_entries(file) for file in folder_files(path)]
        return None if None in counts else sum(count for count in counts if count is not None)
    if not os.path.isfile(path):  # noqa: PTH113 (as for folders)
        return 1  # it is refused, and a pipe would wait for its writer
    reader = _reader(path)
    try:
        if reader is read_jsonl:
            return sum(1 for line in open_lines(path) if line.strip()) if path.stat().st_size < QUICKLY_READ else None
        if reader is read_database:
            import ase.db

            with ase.db.connect(path) as database:
                return int(database.count())
    except Exception:  # noqa: BLE001 (reading it will say what is wrong)
        return None
    return 1 if reader in {read_cif, read_mcif, read_pymatgen} else None
