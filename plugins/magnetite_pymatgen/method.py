"""The method that structures gain: put on once, taken off without a trace."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from pymatgen.core.structure import IStructure

if TYPE_CHECKING:
    from magnetite.reports import MagnetismReport

NAME = "analyze_magnetism"


def _analyze_magnetism(self: IStructure, *, model: str | None = None, device: str = "auto") -> MagnetismReport:
    """Predict this crystal's magnetism with Magnetite; see `magnetite.analyze_magnetism`.

    Args:
        self: the structure.
        model: a model's name (see ``magnetite models``); the default one if not given.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
    """
    from magnetite.api import analyze_magnetism
    from magnetite.zoo import DEFAULT_MODEL

    return analyze_magnetism(self, model=model or DEFAULT_MODEL, device=device)


def enable() -> None:
    """Put ``analyze_magnetism`` on pymatgen's ``IStructure`` (and so on ``Structure``); harmless to repeat.

    Warns and changes nothing if the name is taken by somebody else.
    """
    current = IStructure.__dict__.get(NAME)
    if current is _analyze_magnetism:
        return
    if hasattr(IStructure, NAME):
        warnings.warn(
            f"pymatgen's IStructure already has {NAME!r}; Magnetite leaves it. "
            "Use magnetite.analyze_magnetism(structure).",
            RuntimeWarning,
            stacklevel=2,
        )
        return
    setattr(IStructure, NAME, _analyze_magnetism)


def disable() -> None:
    """Take ``analyze_magnetism`` off again; does nothing if it is not ours."""
    if IStructure.__dict__.get(NAME) is _analyze_magnetism:
        delattr(IStructure, NAME)
