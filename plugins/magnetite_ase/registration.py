"""How ASE comes to know the calculator: by name on request, and in its (experimental) list of plug-ins."""

from __future__ import annotations

from functools import cache
from typing import Any

NAME = "magnetite"
CITATION = (
    "H. A. Merker et al., Machine learning magnetism classifiers from atomic coordinates, iScience 25, 105192 (2022)"
)


def register() -> None:
    """Let ``ase.calculators.calculator.get_calculator_class("magnetite")`` find the calculator; harmless to repeat.

    ASE's lookup by name reads no entry points, so it has to be told in every process.

    Raises:
        MagnetiteError: another package has taken the name.
    """
    from ase.calculators.calculator import external_calculators, register_calculator_class

    from magnetite.errors import MagnetiteError
    from magnetite_ase.calculator import MagnetismCalculator

    current = external_calculators.get(NAME)
    if current is MagnetismCalculator:
        return
    if current is not None:
        raise MagnetiteError(f"ASE already knows another calculator by this name ({current.__module__})", NAME)
    register_calculator_class(NAME, MagnetismCalculator)


def ase_plugins() -> frozenset[Any]:
    """The plug-ins for ``ase info --plugins``, the same objects at every call."""
    # Importing this may make ASE load the entry points and so call here again, before the cache below is filled.
    import ase._4.plugins.plugin  # noqa: F401

    return _plugins()


@cache
def _plugins() -> frozenset[Any]:
    from ase._4.plugins.plugin import CalculatorPlugin

    class MagnetitePlugin(CalculatorPlugin):
        # ASE takes the importing module's name for the distribution's, whose version it prints.
        package = NAME

    return frozenset(
        {MagnetitePlugin(NAME, citation=CITATION, implementation="magnetite_ase.calculator.MagnetismCalculator")}
    )
