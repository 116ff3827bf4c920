"""The command line: ``magnetite COMMAND …``.

Each command is a module of this package with ``add_parser(subparsers)``, which registers it and sets its
``run(args) -> exit code``. Modules import what is heavy inside `run`, so that ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import magnetite
from magnetite.errors import MagnetiteError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    "predict", "kvectors", "moments", "spin_relax", "exchange", "tc", "classify", "spm", "represent", "screen",
    "models", "train", "evaluate", "data",
)  # fmt: skip
"""Modules of this package, in the order of the help."""
BAD_INPUT, INTERRUPTED, BUG = 2, 130, 1
"""Exit codes; 0 is success."""
DESCRIPTION = """\
Predict a crystal's magnetism from its atomic coordinates: whether it is non-magnetic (NM),
antiferromagnetic (AFM) or ferro-/ferrimagnetic (FM), whether the propagation vector is zero,
and the size of the moments, each with how far to trust it.
"""
EXAMPLES = """\
examples:
  magnetite predict NiO.cif Fe.vasp              a table
  magnetite predict *.cif --format jsonl         one JSON object a line
  magnetite moments NiO.cif --out orders         initial moments for DFT
  magnetite kvectors NiO.cif                     its propagation vectors, ranked
  magnetite screen mp.jsonl.gz --out mp.parquet  many structures, resumable
  magnetite classify unknown.cif                 its structure type
  magnetite spm particle.xyz --plot map.png      structure types, place by place
  magnetite represent *.cif --name soap -o x.npz  structures as vectors
  magnetite models                               what can be asked
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = argparse.ArgumentParser(
        prog="magnetite",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"magnetite {magnetite.__version__}")
    parser.add_argument("--debug", action="store_true", help="show Python's traceback of an error")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"{__name__}.{name}").add_parser(subparsers)
    for subparser in subparsers.choices.values():
        subparser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: its arguments; those of the process if not given.

    Returns:
        The exit code: 0; 2 for bad input (also argparse's); 130 after Ctrl-C; 1 for a bug of ours.
    """
    _spell_out()
    warnings.formatwarning = _in_a_line  # type: ignore[assignment]  # the place is not looked at
    args = build_parser().parse_args(argv)
    try:
        code: int = args.run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has had enough. What is left in the buffer must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except MagnetiteError as error:
        if args.debug:
            raise
        return _fail(str(error), BAD_INPUT)
    except OSError as error:
        if args.debug:
            raise
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), BAD_INPUT)
    except Exception as error:
        if args.debug:
            raise
        return _fail(f"unexpected {type(error).__name__}: {error} (run with --debug for the traceback)", BUG)
    return code


def _spell_out() -> None:
    """Have characters that the terminal's encoding lacks, as μ in many, spelled out instead of raising.

    A stream that was closed before we began (``>&-``, services) is None and becomes one that nobody reads.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 (open until the end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _in_a_line(message: Warning | str, *_: Any) -> str:
    """A warning without the place in the code that gave it."""
    return f"magnetite: warning: {' '.join(str(message).split())}\n"


def _fail(text: str, code: int) -> int:
    complain(text)
    return code


def complain(text: str) -> None:
    """One line on stderr."""
    print(f"magnetite: {' '.join(text.split())}", file=sys.stderr)  # noqa: T201
