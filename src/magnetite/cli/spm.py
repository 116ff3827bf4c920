"""``magnetite spm``: strided pattern matching, a map of structure types over a large sample."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from magnetite.cli import BAD_INPUT, INTERRUPTED, complain
from magnetite.cli.parsers import add_command, add_model, add_quiet, picture, positive, spare, target
from magnetite.prototypes.settings import BOX, MIN_ATOMS, PASSES, STRIDE
from magnetite.whole import whole_path
from magnetite.zoo.registry import DEFAULT_CLASSIFIER

DESCRIPTION = """\
Find the structure type at every place of a polycrystal, slab or nanoparticle: a box slides over it, and each
box is classified as a finite piece, with the mutual information in bits, which is large at grain boundaries and
wherever the network knows no such structure. FILE is anything ASE or pymatgen reads, with one structure.

The sample repeats along the directions that the file says; --periodic says otherwise. Prints how many boxes
each class wins; --out, --atoms and --plot keep more.
"""
EXAMPLES = """\
examples:
  magnetite spm particle.xyz --plot particle.png
  magnetite spm slab.xyz --box 16 --stride 1 1 16 --out slab.npz --atoms slab.extxyz --plot slab.png
  magnetite spm melt.extxyz --periodic xyz --run melt.run     after Ctrl-C, the same command continues

a map in Python: magnetite.PatternMap.load("slab.npz").mutual_information
atoms in OVITO: open slab.extxyz, colour by prototype, probability or mutual_information
larger boxes average over more atoms; below 12 Å most structures have fewer than the network has learned from
"""


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(
        subparsers, "spm", run, "map structure types over a polycrystal or particle", DESCRIPTION, EXAMPLES
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="structure file")
    parser.add_argument(
        "--box", type=float, nargs="+", default=[BOX], metavar="Å", help="edge of the box, or three (default: 12)"
    )
    parser.add_argument(
        "--stride",
        type=float,
        nargs="+",
        default=[STRIDE],
        metavar="Å",
        help="how far it moves, or three along the cell vectors (default: 2)",
    )
    parser.add_argument(
        "--periodic",
        type=_directions,
        metavar="xyz",
        help="cell vectors it repeats along: none, xy, xyz … (default: what FILE says)",
    )
    parser.add_argument(
        "--passes",
        type=positive,
        default=PASSES,
        help="passes with dropout; fewer make the mutual information too small (default: %(default)s)",
    )
    parser.add_argument(
        "--min-atoms",
        type=positive,
        default=MIN_ATOMS,
        help="fewest atoms in a box to be classified (default: %(default)s)",
    )
    parser.add_argument("--out", type=_map_file, metavar="MAP.npz", help="write the map: arrays and metadata")
    parser.add_argument(
        "--atoms",
        type=_atoms_file,
        metavar="FILE.extxyz",
        help="write the atoms, each with the answer of the nearest box",
    )
    parser.add_argument("--plot", type=picture, metavar="PICTURE", help="draw the map (png, pdf, svg …)")
    # Under another name: `run` is the function that does the command.
    parser.add_argument(
        "--run", type=Path, dest="folder", metavar="FOLDER", help="keep finished boxes there, and continue from there"
    )
    add_model(parser, DEFAULT_CLASSIFIER)
    add_quiet(parser)


def run(args: argparse.Namespace) -> int:
    """Match, then print and write what was asked for."""
    from magnetite.prototypes.matching import MatchingInterrupted, match_patterns

    spare([args.file], args.out, args.atoms, args.plot)
    try:
        found = match_patterns(
            args.file,
            box=_one_or_three(args.box),
            stride=_one_or_three(args.stride),
            periodic=args.periodic,
            model=args.model,
            device=args.device,
            passes=args.passes,
            min_atoms=args.min_atoms,
            progress=not args.quiet,
            run=args.folder,
        )
    except MatchingInterrupted as interruption:
        complain(f"interrupted; {interruption.boxes:,} boxes are kept, the same command continues")
        return INTERRUPTED
    except KeyboardInterrupt:
        if args.folder is not None:
            raise
        complain("interrupted; nothing is kept: give --run FOLDER to keep finished boxes")
        return INTERRUPTED
    print(found)  # noqa: T201
    if not found.classified.any():
        complain(f"{args.file}: no box could be classified, for the reasons above; nothing is written")
        return BAD_INPUT
    if args.out is not None:
        found.save(args.out)
    if args.atoms is not None:
        with whole_path(args.atoms) as partial:
            found.onto_atoms().write(partial, format="extxyz")
    if args.plot is not None:
        from magnetite.pictures import save_picture
        from magnetite.prototypes.plots import plot_map

        save_picture(plot_map(found), args.plot)
    return 0


def _map_file(text: str) -> Path:
    """Argparse's type of --out."""
    return target(text, ".npz")


def _atoms_file(text: str) -> Path:
    """Argparse's type of --atoms."""
    return target(text, ".extxyz", ".xyz")


def _directions(text: str) -> tuple[bool, ...]:
    """Argparse's type of --periodic."""
    letters = set() if text == "none" else set(text)
    if not letters <= set("xyz"):
        raise argparse.ArgumentTypeError(f"must be none or letters of xyz, not {text!r}")
    return tuple(letter in letters for letter in "xyz")


def _one_or_three(values: list[float]) -> float | list[float]:
    return values[0] if len(values) == 1 else values
