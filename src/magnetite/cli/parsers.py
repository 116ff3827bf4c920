"""What the parsers of all commands have in common."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from magnetite.errors import MagnetiteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STRUCTURES = (".cif", ".mcif", ".vasp", ".xyz", ".extxyz", ".traj", ".xsf", "poscar", "contcar")
"""Ends of the names of structure files, which nobody gives to a table."""


def add_command(
    subparsers: Any,
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
    description: str,
    examples: str | None = None,
) -> argparse.ArgumentParser:
    """Register a command.

    Args:
        subparsers: of the program's parser.
        name: of the command.
        run: does it, and returns the exit code.
        summary: its line in the list of commands.
        description: its own help, printed as it stands.
        examples: the end of that help.

    Returns:
        The parser, for the command's arguments.
    """
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_model(parser: argparse.ArgumentParser, default: str) -> None:
    """Which model, and where it runs."""
    parser.add_argument("--model", default=default, help="name or path of a card (default: %(default)s)")
    add_device(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where networks run."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda … (default: auto)")


def positive(text: str) -> int:
    """Type of an argument that counts something."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def seed(text: str) -> int:
    """Type of an argument that random numbers start from; what NumPy, scikit-learn and torch all take."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError("must be a whole number from 0 to 4294967295")
    return number


def amount(text: str) -> float:
    """Type of an argument that is a finite number above zero."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: must be a number above 0")
    return number


def picture(text: str) -> Path:
    """Type of an argument that names a picture: refused at once, not after the work, if it cannot be drawn there."""
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        raise argparse.ArgumentTypeError("pictures need matplotlib: pip install 'magnetite[plot]'") from None
    path = target(text)
    kinds = FigureCanvasBase.get_supported_filetypes()
    if path.suffix.lstrip(".").lower() not in kinds:
        raise argparse.ArgumentTypeError(f"{text}: a picture ends in .{', .'.join(sorted(kinds))}")
    return path


def target(text: str, *endings: str) -> Path:
    """Type of an argument that names a file to write: refused at once, not after the work, if it cannot be written.

    Args:
        text: the path.
        endings: one of which it must have, if there are any.
    """
    path = Path(text)
    folder = Path(os.path.realpath(path)).parent  # a link is written through
    if not folder.is_dir() or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text}: {'is a folder' if path.is_dir() else 'no such folder'}")
    if endings and not path.name.lower().endswith(endings):
        raise argparse.ArgumentTypeError(f"{text}: must end in {' or '.join(endings)}")
    if is_special(path):
        return path
    if reason := unwritable(folder):
        raise argparse.ArgumentTypeError(f"{text}: cannot be written ({reason})")
    return path


def unwritable(folder: Path) -> str | None:
    """Why no file can be made in a folder; None if one can."""
    try:
        with TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror


def spare(inputs: Iterable[Path], *outputs: Path | None) -> None:
    """Stop before a file that is to be read is written over, as where the name after an option was forgotten.

    Raises:
        MagnetiteError: it would be.
    """
    for output in outputs:
        if output is None or not output.is_file():
            continue
        if any(path.exists() and path.samefile(output) for path in inputs):
            raise MagnetiteError("is a file to read; write to another", str(output))


def spare_structures(inputs: Iterable[Path], output: Path | None) -> None:
    """The same for a table, which is written over no structure file at all: after ``--output *.cif`` it is the first.

    Raises:
        MagnetiteError: it would be.
    """
    spare(inputs, output)
    if output is not None and output.is_file() and output.name.lower().endswith(STRUCTURES):
        raise MagnetiteError("is a structure file that is there; a table goes elsewhere", str(output))


def is_special(path: Path) -> bool:
    """Whether it is a pipe or a device: written into as it stands, since a file put in its place would end it."""
    return path.exists() and not path.is_file() and not path.is_dir()


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Whether progress is shown."""
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
