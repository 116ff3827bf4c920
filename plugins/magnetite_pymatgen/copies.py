"""What is given to a class in pymatgen's style: something of pymatgen's, or a clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from magnetite.errors import StructureError

if TYPE_CHECKING:
    from pymatgen.core.structure import IMolecule, IStructure

Kind = TypeVar("Kind", bound="IStructure | IMolecule")


def copy_of(structure: Kind, door: str) -> Kind:
    """A copy of a structure or molecule of pymatgen.

    Args:
        structure: what was given.
        door: what takes everything else.

    Raises:
        StructureError: it is something else.
    """
    from pymatgen.core.structure import SiteCollection

    given: object = structure
    if not isinstance(given, SiteCollection):
        raise StructureError(f"give a structure of pymatgen, not {type(structure).__name__}; {door} takes other kinds")
    return structure.copy()
