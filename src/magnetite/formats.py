"""Readers of file formats: each finds the structures of a file one by one, and leaves parsing to who wants one."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import partial
from io import BytesIO, TextIOWrapper
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from magnetite.datasets.records import open_lines
from magnetite.errors import DataError, MagnetiteError, ReadError
from magnetite.structures import ISOTOPES, as_crystal, printable, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ase import Atoms
    from pymatgen.core.structure import IStructure

ID_KEYS = ("id", "material_id", "mp_id", "uid", "identifier", "name")
"""Where records, database rows and extxyz comments say what they are called; the first one counts."""
FORMULA_TOLERANCE = 0.01
"""By how much an element's share of a cif's atoms may differ from that in its formula."""
DATABASE_PAGE = 500
"""Rows that are taken from an ASE database at once; it would list them all."""
_DATA = re.compile(r"^[ \t]*data_", re.MULTILINE | re.IGNORECASE)
_NO_LETTER = re.compile(r"[^A-Za-z]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One structure of a source, found but not yet parsed, so that those already done can be skipped.

    Attributes:
        source: ``path`` (`printable`), or ``path#position`` in files of many, counted from 1 (in jsonl the line, in
            a database the row's id).
        parse: gives the structure's own name, if any, and what `as_crystal` takes.
    """

    source: str
    parse: Callable[[], tuple[str | None, Any]]

    def read(self, take: Callable[[Any, str | None], Any] = as_crystal) -> tuple[str | None, Any | MagnetiteError]:
        """The structure's own name, if any, and the crystal, or why there is none; raises nothing.

        Args:
            take: makes the crystal; `as_sample` also takes what is not periodic.
        """
        name = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the parsers' remarks on formats; what matters is validated
                name, structure = self.parse()
                return name, take(structure, self.source)
        except MagnetiteError as error:
            return name, type(error)(error.reason, self.source)  # parsers name the file as Python holds it
        except Exception as error:  # noqa: BLE001 (parsers of foreign formats raise anything)
            return name, ReadError(f"cannot be read ({say(error)})", self.source)


def refused(source: str, error: MagnetiteError) -> Entry:
    """An entry that reads as an error."""
    return Entry(source, partial(refuse, error))


def refuse(error: MagnetiteError) -> tuple[None, None]:
    """What parses to an error."""
    raise error


def numbered(path: Path, parses: Iterator[Callable[[], tuple[str | None, Any]]]) -> Iterator[Entry]:
    """Entries named ``path`` if there is one and ``path#position`` if there are several."""
    first = next(parses, None)
    second = next(parses, None) if first else None
    if first is None:
        return
    if second is None:
        yield Entry(printable(path), first)
        return
    for position, parse in enumerate(chain((first, second), parses), start=1):
        yield Entry(f"{printable(path)}#{position}", parse)


def read_pymatgen(path: Path) -> Iterator[Entry]:
    """The one structure of a file that pymatgen reads."""

    def parse() -> tuple[None, IStructure]:
        from pymatgen.core.structure import Structure

        return None, Structure.from_file(path)

    yield Entry(printable(path), parse)


def read_cif(path: Path) -> Iterator[Entry]:
    """One structure for each data block that has a cell; blocks without one hold bibliography."""
    text = _text(path)
    blocks = [f"data_{block}" for block in _DATA.split(text)[1:] if "_cell_length_a" in block]
    yield from numbered(path, (partial(_cif_block, block) for block in blocks or [text]))


def _text(path: Path) -> str:
    """All of a text file, packed or not, its line ends made alike."""
    try:
        return TextIOWrapper(BytesIO(b"".join(open_lines(path))), "utf-8", "replace").read()
    except DataError as error:
        raise ReadError(error.reason, printable(path)) from error


def _cif_block(text: str) -> tuple[str | None, IStructure]:
    """Name and structure of a data block, refused if its atoms do not make up its formula.

    pymatgen reads a file that was cut short between two atoms without a word.
    """
    from pymatgen.core.composition import Composition
    from pymatgen.io.cif import CifParser

    parser = CifParser.from_str(text)
    structure: IStructure = parser.parse_structures(primitive=False)[0]
    name, block = next(iter(parser.as_dict().items()))
    symbols = np.atleast_1d(block.get("_atom_site_type_symbol", block.get("_atom_site_label", ())))
    if isotopes := sorted(ISOTOPES & {_NO_LETTER.split(str(symbol))[0] for symbol in symbols}):  # also in D1+
        raise ReadError(f"unknown element {isotopes[0]!r}; write deuterium and tritium as H")
    found = Composition(structure.composition.get_el_amt_dict())
    try:
        stated = Composition(block["_chemical_formula_sum"])
    except Exception:  # noqa: BLE001 (none is given, or one that cannot be read: nothing to compare with)
        return name, structure
    # Hydrogen is often left out of the list of atoms, as X-rays hardly see it.
    atoms, formula = ({e.symbol: n for e, n in c.items() if e.symbol not in {"H", "D"}} for c in (found, stated))
    n_atoms, n_formula = (sum(amounts.values()) or 1 for amounts in (atoms, formula))
    shares = {e: (atoms.get(e, 0) / n_atoms, formula.get(e, 0) / n_formula) for e in {*atoms, *formula}}
    if structure.is_ordered and any(abs(x - y) > FORMULA_TOLERANCE for x, y in shares.values()):
        raise ReadError(
            f"lists atoms of {found.reduced_formula} but states the formula {stated.reduced_formula}; is it cut short?"
        )
    return name, structure


def read_mcif(path: Path) -> Iterator[Entry]:
    """The chemical crystal of a magnetic cif."""

    def parse() -> tuple[None, Any]:
        from magnetite.datasets.mcif import read_mcif

        return None, read_mcif(path).structure

    yield Entry(printable(path), parse)


def read_ase(path: Path) -> Iterator[Entry]:
    """The structures of a file that ASE reads."""
    from ase.io import iread

    def parse(atoms: Atoms) -> tuple[str | None, Atoms]:
        return name_of(atoms.info), atoms

    def frames() -> Iterator[Callable[[], tuple[str | None, Any]]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = iread(path, do_not_split_by_at_sign=True)
        while True:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    atoms = next(frames)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001 (parsers of foreign formats raise anything)
                # As an entry in its place: the structures before it are good.
                yield partial(refuse, ReadError(f"cannot be read ({say(error)}), nor what comes after it"))
                return
            yield partial(parse, atoms)

    yield from numbered(path, frames())


def name_of(mapping: Any) -> str | None:
    """What a record calls itself."""
    for key in ID_KEYS:
        value = mapping.get(key)
        if isinstance(value, str | int) and not isinstance(value, bool):
            return str(value)
    return None


def _record(record: Any) -> tuple[str | None, Any]:
    """Name and structure of a JSON object; the structure may lie under the key ``structure``."""
    if not isinstance(record, dict):
        raise ReadError("is not a JSON object")
    inner = record.get("structure")
    return name_of(record), inner if isinstance(inner, dict) else record


def read_json(path: Path) -> Iterator[Entry]:
    """One object, a list of them, or an ASE database in JSON."""
    import orjson

    try:
        content = orjson.loads(b"".join(open_lines(path)))
    except DataError as error:
        raise ReadError(error.reason, printable(path)) from error
    except orjson.JSONDecodeError as error:
        raise ReadError(f"is not JSON ({error})", printable(path)) from error
    if isinstance(content, dict) and {"ids", "nextid"} <= content.keys():
        yield from read_ase(path)
        return
    records = content if isinstance(content, list) else [content]
    yield from numbered(path, (partial(_record, record) for record in records))


def read_jsonl(path: Path) -> Iterator[Entry]:
    """One record a line."""
    import orjson

    def parse(line: bytes) -> tuple[str | None, Any]:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ReadError(f"line is not JSON ({error})") from error
        return _record(record)

    try:
        for number, line in enumerate(open_lines(path), start=1):
            if line.strip():
                yield Entry(f"{printable(path)}#{number}", partial(parse, line))
    except DataError as error:
        raise ReadError(error.reason, printable(path)) from error


def read_database(path: Path) -> Iterator[Entry]:
    """The rows of an ASE database by their ids, page by page."""
    import ase.db

    def parse(row: Any) -> tuple[str | None, Any]:
        for key in ("initial_magmoms", "magmoms"):  # of which SQLite loses the shape, and ASE then refuses the row
            if len(row.get(key, ())) == 3 * row.natoms:
                setattr(row, key, np.reshape(row[key], (-1, 3)))
        return name_of(row.key_value_pairs), row.toatoms()

    def rows(*selection: Any, **how: Any) -> list[Any]:
        with ase.db.connect(path) as database:  # or ASE leaves the file open
            return sorted(database.select(*selection, **how), key=lambda row: row.id)

    try:
        last = max((row.id for row in rows(columns=["id"], sort="-id", limit=1)), default=0)
        for start in range(0, last, DATABASE_PAGE):
            for row in rows([("id", ">", start), ("id", "<=", start + DATABASE_PAGE)], include_data=False):
                yield Entry(f"{printable(path)}#{row.id}", partial(parse, row))
    except Exception as error:
        raise ReadError(f"cannot be read as an ASE database ({say(error)})", printable(path)) from error
