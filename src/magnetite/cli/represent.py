"""``magnetite represent``: structures as vectors of fixed length, and how alike elements are."""

from __future__ import annotations

import argparse
import ast
import csv
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from magnetite.cli.parsers import add_command, add_quiet, picture, spare_structures, target
from magnetite.cli.predict import structures, write
from magnetite.errors import MagnetiteError
from magnetite.whole import whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from magnetite.representations.encoder import Vector

DESCRIPTION = """\
Turn the structures in files into vectors of fixed length: of the composition (one-hot, Magpie, learned
element vectors), of the structure (Coulomb, sine and Ewald matrix, ACSF, MBTR, SOAP, ACE, ARISE …) or of
the crystal graph. --list names them all. The given cell is described; --cell primitive reduces it first,
which matters for representations that change with the cell (docs/representations.md says which do).

A file that cannot be used is named on stderr with the reason; the others are written all the same,
and the exit code is then 2.
"""
EXAMPLES = """\
examples:
  magnetite represent --list
  magnetite represent *.cif --name magpie -o features.csv
  magnetite represent *.cif --name soap --option r_cut=6 --option species=Fe,O -o features.npz
  magnetite represent --name mat2vec --elements --metric pearson -o similarity.csv
  magnetite represent --name order-elements --elements --plot elements.png

output: csv has a column path and one for each number; npz has the arrays values (n, length), labels
  and paths; with --elements, csv has a row and a column for each element
"""


@dataclass(frozen=True)
class Row:
    """One structure's vector, or why there is none."""

    source: str | None
    vector: Vector | None
    error: str | None


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "represent", run, "turn structures into vectors", DESCRIPTION, EXAMPLES)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="structure file")
    parser.add_argument("--name", default="magpie", help="of the representation (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="name all representations, and stop")
    parser.add_argument("--cell", choices=("given", "primitive"), default="given", help="(default: given)")
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="of the representation; may be repeated"
    )
    parser.add_argument("--elements", action="store_true", help="compare the element vectors of an embedding instead")
    parser.add_argument(
        "--metric",
        choices=("cosine", "pearson", "chebyshev"),
        default="cosine",
        help="for --elements (default: cosine)",
    )
    parser.add_argument(
        "--plot", type=picture, metavar="PICTURE", help="with --elements: map and heat maps (png, pdf …)"
    )
    parser.add_argument(
        "-o", "--output", type=target, metavar="FILE", help=".csv or .npz, whole or not at all (default: csv on stdout)"
    )
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """List, compare elements, or represent."""
    if args.list:
        return _list()
    as_arrays = args.output is not None and args.output.suffix.lower() == ".npz"
    if args.elements:
        if as_arrays:
            raise MagnetiteError("--elements writes csv, not npz", str(args.output))
        if args.files or args.option or args.cell != "given":
            raise MagnetiteError("--elements compares elements, not structures: give no file, --option or --cell")
        return _elements(args)
    if args.plot is not None:
        raise MagnetiteError("--plot is of --elements")
    if not args.files:
        raise MagnetiteError("give structure files, or --list or --elements")
    spare_structures(args.files, args.output)
    from magnetite.representations import find

    options = dict(map(_option, args.option))
    labels = find(args.name).encoder(**options).labels
    rows = _rows(args, options)
    if as_arrays:
        kept: list[Row] = []
        code = write(rows, lambda good, _: kept.extend(good), None)
        _write_npz(kept, labels, args.output)
        return code
    return write(rows, lambda good, stream: _write_csv(good, labels, stream), args.output)


def _rows(args: argparse.Namespace, options: dict[str, Any]) -> Iterator[Row]:
    from magnetite.representations import represent_many
    from magnetite.sources import count_entries
    from magnetite.structures import as_crystal

    names: deque[str | None] = deque()

    def crystals() -> Iterator[Any]:
        for found in structures(args.files, as_crystal, "name the files in it"):
            names.append(found.source)
            yield found

    counts = [count_entries(file) for file in args.files]
    total = None if None in counts else sum(count for count in counts if count is not None)
    vectors = represent_many(crystals(), args.name, cell=args.cell, progress=not args.quiet, total=total, **options)
    for vector in vectors:
        name = names.popleft()
        yield Row(name, None, vector.reason) if isinstance(vector, MagnetiteError) else Row(name, vector, None)


def _write_csv(rows: Iterable[Row], labels: tuple[str, ...], stream: TextIO) -> None:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("path", *labels))
    for row in rows:
        assert row.vector is not None
        writer.writerow((row.source, *row.vector.tolist()))


def _write_npz(rows: list[Row], labels: tuple[str, ...], path: Path) -> None:
    import numpy as np

    values = np.array([row.vector for row in rows]).reshape(len(rows), len(labels))
    with whole(path) as handle:
        np.savez(handle, values=values, labels=np.array(labels), paths=np.array([str(row.source) for row in rows]))


def _elements(args: argparse.Namespace) -> int:
    from magnetite.pictures import save_picture
    from magnetite.representations.similarity import element_similarity, plot_elements

    if args.plot is not None:
        save_picture(plot_elements(args.name), args.plot)
        if args.output is None:
            return 0
    table = element_similarity(args.name, args.metric)
    return write((), lambda _, stream: cast("None", table.to_csv(stream, float_format="%.6g")), args.output)


def _list() -> int:
    from magnetite.representations import list_representations

    for entry in list_representations():
        print(f"{entry.name:<18} {entry.kind:<12} {entry.library:<29} {entry.summary}")  # noqa: T201
    return 0


def _option(text: str) -> tuple[str, Any]:
    """``key=value``: a Python literal, several words parted by commas, or a word."""
    key, equals, value = text.partition("=")
    if not equals:
        raise MagnetiteError(f"--option needs KEY=VALUE, not {text!r}")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, tuple(value.split(",")) if "," in value else value
