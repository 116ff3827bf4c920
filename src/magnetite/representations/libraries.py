"""The libraries that do the work, imported when they are first needed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import RLock
from typing import Any

from magnetite.errors import MagnetiteError

EXTRA = "magnetite[representations]"
"""What installs all of them."""
_PATCHED = RLock()
"""One thread at a time changes dscribe and Python's list of warnings, and changes them back."""


def library(module: str) -> Any:
    """A module of one of the libraries.

    Raises:
        MagnetiteError: the library is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of their own dependencies
            return import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise MagnetiteError(f"needs the library {name}: pip install '{EXTRA}' ({error})") from error


@contextmanager
def working_dscribe() -> Iterator[None]:
    """Let dscribe 2.1 copy atoms under ASE 3.27 and later, and keep its warnings to itself.

    Its ``System.from_atoms`` passes arguments by position, of which ASE has got one more (issue 165 of dscribe).
    """
    from ase import Atoms

    system = library("dscribe.core.system").System

    def from_atoms(atoms: Any) -> Any:
        copied = system.__new__(system)
        Atoms.__init__(copied, atoms)
        for name in ("wyckoff_positions", "equivalent_atoms", "_cell_inverse", "_displacement_tensor"):
            setattr(copied, name, None)
        copied._distance_matrix = copied._inverse_distance_matrix = None  # noqa: SLF001 (as its own constructor does)
        return copied

    with _PATCHED, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        original = system.from_atoms
        system.from_atoms = staticmethod(from_atoms)
        try:
            yield
        finally:
            system.from_atoms = staticmethod(original)
