"""Every representation by its name: what it is, who does the work, which options it has, how it is worked out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

import numpy as np

from magnetite.errors import MagnetiteError
from magnetite.representations.encoder import Encoder
from magnetite.structures import say

Kind = Literal["composition", "structure", "graph"]


@dataclass(frozen=True)
class Representation:
    """One way to turn a crystal into numbers.

    Attributes:
        name: by which it is asked for.
        kind: whether it sees the composition, the structure or the graph of neighbours.
        summary: one line.
        library: that does the work, ours included.
        works: BibTeX of works behind it, beside those that its library names.
        make: ``module:name`` in this package of what builds its encoder from the options.
        fixed: arguments of `make` that are no options but part of the entry.
    """

    name: str
    kind: Kind
    summary: str
    library: str
    works: tuple[str, ...]
    make: str
    fixed: tuple[tuple[str, Any], ...] = ()

    @property
    def builder(self) -> Callable[..., Encoder]:
        """What builds the encoder, imported now."""
        module, name = self.make.split(":")
        found: Callable[..., Encoder] = getattr(import_module(f"magnetite.representations.{module}"), name)
        return found

    @property
    def options(self) -> dict[str, Any]:
        """Each option and its default."""
        fixed = dict(self.fixed)
        parameters = inspect.signature(self.builder).parameters
        return {name: p.default for name, p in parameters.items() if name not in fixed}

    @property
    def citations(self) -> list[str]:
        """What to cite, as BibTeX.

        Raises:
            MagnetiteError: its library is not installed.
        """
        return [*self.encoder().citations, *self.works]

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the numbers, with default options.

        Raises:
            MagnetiteError: its library is not installed.
        """
        return self.encoder().labels

    @property
    def length(self) -> int:
        """How many numbers, with default options.

        Raises:
            MagnetiteError: its library is not installed.
        """
        return len(self.labels)

    def refuse_unknown(self, options: Iterable[str]) -> None:
        """Check the names of options.

        Raises:
            MagnetiteError: there is no such option.
        """
        unknown = [name for name in options if name not in self.options]
        if unknown:
            known = ", ".join(self.options) or "none"
            raise MagnetiteError(f"has no option {', '.join(unknown)}; there are: {known}", self.name)

    def encoder(self, **options: Any) -> Encoder:
        """The representation with these options; the same ones are built once.

        Raises:
            MagnetiteError: no such option, a value that does not fit, or a library that is not installed.
        """
        self.refuse_unknown(options)
        chosen = {name: _frozen(value) for name, value in options.items()}
        try:
            return _built(self, tuple(sorted(chosen.items())))
        except MagnetiteError as error:
            raise error.at(self.name) from error
        except (TypeError, ValueError, KeyError, ArithmeticError) as error:
            raise MagnetiteError(f"cannot be set up with {options} ({say(error)})", self.name) from error


def _frozen(value: Any) -> Any:
    """Lists, sets and arrays as tuples, so that options can be compared."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, set | frozenset):
        value = sorted(value)
    return tuple(_frozen(part) for part in value) if isinstance(value, list | tuple) else value


@lru_cache(maxsize=64)
def _built(entry: Representation, options: tuple[tuple[str, Any], ...]) -> Encoder:
    return entry.builder(**dict(entry.fixed), **dict(options))


def list_representations(kind: Kind | None = None) -> list[Representation]:
    """All representations, or those of one kind, in the order of the catalogue."""
    from magnetite.representations.catalogue import CATALOGUE

    return [entry for entry in CATALOGUE if kind in {None, entry.kind}]


def find(name: str) -> Representation:
    """A representation by its name.

    Raises:
        MagnetiteError: there is none; the closest name is given.
    """
    entries = {entry.name: entry for entry in list_representations()}
    if not isinstance(name, str):
        raise MagnetiteError(f"a representation is named by text, not {name!r}")
    if name in entries:
        return entries[name]
    close = get_close_matches(name, entries, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(entries)}"
    raise MagnetiteError(f"no representation is called {name!r}; {hint}")
