"""Magnetite in ASE: `MagnetismCalculator`, `annotate`, `annotate_prototype` and the registration with ASE.

>>> from magnetite_ase import MagnetismCalculator
>>> atoms.calc = MagnetismCalculator()  # doctest: +SKIP
>>> print(atoms.calc.get_report(atoms))  # doctest: +SKIP

ASE imports this module whenever it lists its plug-ins, so nothing else is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from magnetite_ase.annotations import annotate, database_fields, stored_report
    from magnetite_ase.calculator import MagnetismCalculator
    from magnetite_ase.moments import set_initial_moments
    from magnetite_ase.potential import SpinPotential
    from magnetite_ase.prototypes import annotate_prototype, prototype_database_fields, stored_prototype_report
    from magnetite_ase.registration import register
    from magnetite_ase.spin_dynamics import SpinDynamics

__all__ = [
    "MagnetismCalculator",
    "SpinDynamics",
    "SpinPotential",
    "annotate",
    "annotate_prototype",
    "database_fields",
    "prototype_database_fields",
    "register",
    "set_initial_moments",
    "stored_prototype_report",
    "stored_report",
]

_HOMES = {
    "MagnetismCalculator": "magnetite_ase.calculator",
    "SpinDynamics": "magnetite_ase.spin_dynamics",
    "SpinPotential": "magnetite_ase.potential",
    "annotate": "magnetite_ase.annotations",
    "annotate_prototype": "magnetite_ase.prototypes",
    "database_fields": "magnetite_ase.annotations",
    "prototype_database_fields": "magnetite_ase.prototypes",
    "register": "magnetite_ase.registration",
    "set_initial_moments": "magnetite_ase.moments",
    "stored_prototype_report": "magnetite_ase.prototypes",
    "stored_report": "magnetite_ase.annotations",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__ase_plugins__":  # what ASE looks for behind the entry point ``ase.plugins``
        from magnetite_ase.registration import ase_plugins

        return ase_plugins()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
