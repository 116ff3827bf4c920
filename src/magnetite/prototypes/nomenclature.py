"""What a prototype is called: Strukturbericht, space group and common name, looked up when a card is written.

Strukturbericht symbols come from the AFLOW library of prototypes (Mehl 2017) inside pymatgen.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from magnetite.clusters import Cluster
from magnetite.prototypes.classes import StructureClass

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from magnetite.prototypes.supercells import Prototype

AFLOW_TAG = re.compile(r"(?:^|_)([A-Z][A-Z0-9]*_[acmhot][PSCIFR]\d+_(\d+)(?:_[a-z]+)+)$")
"""An AFLOW name such as ``A_cF4_225_a`` at the end of a label."""
GREEK = {"alpha": "α", "beta": "β", "gamma": "γ"}
"""Letters of allotropes, which the paper's list of names has lost and the labels spell out."""
MAX_RMS = 0.1
"""Where no symmetry is told, atoms must be no further from an entry's, as a share of (volume per atom)^⅓."""
SYMPREC = 0.1
"""Å; the ideal structures of the paper are relaxed ones, with small distortions."""


def name_class(prototype: Prototype) -> StructureClass:
    """The class that a prototype stands for.

    The space group is the one the paper gives, else that of the AFLOW prototype it matches (of the
    paper's crystal system, where it gives one), else that of its geometry within `SYMPREC`.
    """
    if isinstance(prototype.sample, Cluster):
        return StructureClass(prototype.label, _tube_name(prototype), None, None, prototype.dimension)
    symbol, group = _look_up(prototype) if prototype.dimension == 3 else (None, None)  # noqa: PLR2004 (bulk)
    group = prototype.spacegroup or group or _spacegroup(prototype)
    return StructureClass(prototype.label, _common_name(prototype), symbol, group, prototype.dimension)


def _look_up(prototype: Prototype) -> tuple[str | None, int | None]:
    """Strukturbericht and space group of the AFLOW prototype that a structure is."""
    tag = AFLOW_TAG.search(prototype.label)
    structure = _structure(prototype)
    entries = _library().get(tag.group(1), []) if tag else _matches(structure, prototype)
    formula = structure.composition.reduced_composition
    # Several elements share an AFLOW name with other free parameters (α-Ga, black P and I2, say).
    own = [entry for entry in entries if entry["snl"].structure.composition.reduced_composition == formula]
    chosen = own[0] if own else entries[0] if entries and not tag else None
    if chosen is None:
        return None, int(tag.group(2)) if tag else None
    symbol = str(chosen["tags"]["strukturbericht"])
    return None if symbol == "None" else symbol, _group(chosen)


@cache
def _library() -> dict[str, list[dict[str, Any]]]:
    from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY  # type: ignore[attr-defined]

    library: dict[str, list[dict[str, Any]]] = {}
    for entry in AFLOW_PROTOTYPE_LIBRARY:
        library.setdefault(str(entry["tags"]["aflow"]), []).append(entry)
    return library


def _matches(structure: Structure, prototype: Prototype) -> list[dict[str, Any]]:
    """Entries of the told symmetry by how well their geometry fits, whatever the elements, best first."""
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher, formula = StructureMatcher(), structure.composition.anonymized_formula
    found: list[tuple[float, int, dict[str, Any]]] = []
    for entry in (entry for entries in _library().values() for entry in entries):
        other = entry["snl"].structure
        if other.composition.anonymized_formula == formula and _may_be(prototype, _group(entry)):
            rms = matcher.get_rms_anonymous(other, structure)[0]  # type: ignore[no-untyped-call]
            if rms is not None and (rms < MAX_RMS or prototype.symmetry):
                found.append((rms, len(found), entry))
    return [entry for _, _, entry in sorted(found)]


def _may_be(prototype: Prototype, group: int | None) -> bool:
    """Whether a space group agrees with what is told: a number, a crystal system, or nothing but the geometry."""
    from pymatgen.symmetry.groups import SpaceGroup

    if prototype.spacegroup or group is None:
        return prototype.spacegroup == group
    if not prototype.symmetry:
        return group == _spacegroup(prototype)
    return SpaceGroup.from_int_number(group).crystal_system in prototype.symmetry


def _group(entry: dict[str, Any]) -> int | None:
    found = AFLOW_TAG.search(str(entry["tags"]["aflow"]))
    return int(found.group(2)) if found else None


def _structure(prototype: Prototype) -> Structure:
    from pymatgen.core.structure import Structure

    cell = prototype.sample
    assert not isinstance(cell, Cluster)
    return Structure(cell.lattice, cell.numbers.tolist(), cell.frac_coords)


def _spacegroup(prototype: Prototype) -> int | None:
    import spglib

    cell = prototype.sample
    assert not isinstance(cell, Cluster)
    described = (cell.lattice.tolist(), cell.frac_coords.tolist(), cell.numbers.tolist())
    found = spglib.get_symmetry_dataset(described, symprec=SYMPREC)
    return None if found is None else int(found.number)


def _common_name(prototype: Prototype) -> str:
    """The paper's name, with its Greek letter put back where only the hyphen is left, and of its own element."""
    elements = {element.symbol for element in _structure(prototype).composition}
    name = prototype.name
    if (told := re.search(r"\(([A-Z][a-z]?)\)", name)) and told.group(1) not in elements and len(elements) == 1:
        name = name.replace(told.group(), f"({next(iter(elements))})")  # the paper's hcp (Mn) is Mg
    if not name.startswith("-"):
        return name
    letter = re.search("|".join(GREEK), prototype.label.lower())
    return (GREEK[letter.group()] if letter else "") + name


def _tube_name(prototype: Prototype) -> str:
    """Nanotubes share a name and differ by their chiral numbers, which stand in the label."""
    indices = re.search(r"cnt_nm_(\d+)_(\d+)", prototype.label)
    return f"{prototype.name} ({indices.group(1)},{indices.group(2)})" if indices else prototype.name
