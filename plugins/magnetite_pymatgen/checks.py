"""What is given to a class in pymatgen's style: something of pymatgen's, or a clear error."""

from __future__ import annotations

from magnetite.errors import StructureError


def refuse_others(structure: object, door: str) -> None:
    """Check that a structure or molecule is pymatgen's.

    Args:
        structure: what was given.
        door: what takes everything else.

    Raises:
        StructureError: it is something else.
    """
    from pymatgen.core.structure import SiteCollection

    if not isinstance(structure, SiteCollection):
        raise StructureError(f"give a structure of pymatgen, not {type(structure).__name__}; {door} takes other kinds")
