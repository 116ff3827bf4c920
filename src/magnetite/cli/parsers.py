"""What the parsers of all commands have in common."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


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


def add_quiet(parser: argparse.ArgumentParser) -> None:
    """Whether progress is shown."""
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
