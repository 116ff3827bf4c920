"""``magnetite moments``: magnetic orders of a crystal, ranked, with initial moments ready for DFT."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magnetite.cli.parsers import add_command, add_model, positive
from magnetite.zoo.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from magnetite.orderings import MagneticOrder

DESCRIPTION = """\
Propose magnetic orders of one crystal, the most probable first: ferromagnetic, ferrimagnetic, and
antiferromagnetic patterns on the smallest multiple of the given cell that each probable propagation vector
asks for. For each the score (its probability if the crystal orders at all) and VASP's MAGMOM line.

With --out each order is written to FOLDER/FORMULA-RANK-KIND.FORMAT: as mcif, as a POSCAR whose first line is
the MAGMOM line (vasp), or as extxyz with ASE's initial moments.

The primitive cell gives the smallest magnetic cells. Moments in the file are ignored.
"""
EXAMPLES = """\
examples:
  magnetite moments NiO.cif
  magnetite moments NiO.cif --limit 3 --out orders --format vasp
"""
FORMATS = ("mcif", "vasp", "extxyz")
"""Formats of `MagneticOrder.write`, which are also the endings; repeated here to keep ``--help`` quick."""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "moments", run, "magnetic orders to start DFT from", DESCRIPTION, EXAMPLES)
    parser.add_argument("file", type=Path, metavar="FILE", help="structure file")
    parser.add_argument("--limit", type=positive, default=5, metavar="N", help="orders at most (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write each order there; made if missing")
    parser.add_argument("--format", choices=FORMATS, default="mcif", help="of the files (default: %(default)s)")
    parser.add_argument("--noncollinear", action="store_true", help="also propose spirals")
    add_model(parser, DEFAULT_MODEL)


def run(args: argparse.Namespace) -> int:
    """Print the orders, and write them if asked to."""
    from magnetite.api import analyze_magnetism
    from magnetite.orderings import propose_orders
    from magnetite.structures import as_crystal

    crystal = as_crystal(args.file)
    report = analyze_magnetism(crystal, model=args.model, device=args.device)
    orders = propose_orders(crystal, report, limit=args.limit, noncollinear=args.noncollinear)
    print(report)  # noqa: T201
    if not orders:
        print("\nno site can carry a moment: nothing to propose")  # noqa: T201
    for rank, order in enumerate(orders, start=1):
        print(f"\n{rank}  {order}\n   {order.vasp_magmom()}")  # noqa: T201
        if args.out is not None:
            print(f"   {_write(order, args.out, args.format, report.formula, rank)}")  # noqa: T201
    return 0


def _write(order: MagneticOrder, folder: Path, fmt: str, formula: str, rank: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return order.write(folder / f"{formula}-{rank}-{order.kind}.{fmt}", fmt)
