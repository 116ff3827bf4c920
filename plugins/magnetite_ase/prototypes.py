"""Structure types on ``Atoms``: flat keys that ASE's file formats keep, and the whole report beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magnetite.errors import StructureError
from magnetite_ase.annotations import PREFIX, pack, refuse_others, unpack

if TYPE_CHECKING:
    from ase import Atoms

    from magnetite.prototypes.reports import PrototypeReport

PROTOTYPE_PREFIX = f"{PREFIX}prototype"
"""Of the keys that belong to the structure type; those of magnetism are left alone."""
PROTOTYPE_REPORT_KEY = f"{PROTOTYPE_PREFIX}_report"


def annotate_prototype(atoms: Atoms, report: PrototypeReport | None = None, **options: Any) -> PrototypeReport:
    """Write a structure type onto atoms, replacing an earlier one.

    ``atoms.info`` gains ``magnetite_prototype`` (the label), ``magnetite_prototype_name``,
    ``magnetite_prototype_probability``, ``magnetite_prototype_mutual_information`` (bits),
    ``magnetite_prototype_spacegroup`` and ``magnetite_prototype_strukturbericht`` (where there are such),
    ``magnetite_prototype_model`` and ``magnetite_prototype_report`` (see `stored_prototype_report`).

    Args:
        atoms: changed in place; periodic or not.
        report: what to write; predicted if not given.
        options: of `magnetite.classify_structure`: ``model``, ``device``, ``passes``.

    Returns:
        The report written.

    Raises:
        StructureError: the atoms cannot be classified, or the report is not of them.
    """
    refuse_others(atoms)
    if report is None:
        from magnetite.api import classify_structure

        report = classify_structure(atoms, **options)
    if report.error is not None:
        raise StructureError(f"there is no prediction to write ({report.error})", report.source)
    report.check_structure(atoms)
    for stale in [key for key in atoms.info if key.startswith(PROTOTYPE_PREFIX)]:
        del atoms.info[stale]
    atoms.info.update(_flat(report), **{PROTOTYPE_REPORT_KEY: pack(report)})
    return report


def stored_prototype_report(atoms: Atoms) -> PrototypeReport:
    """The report that `annotate_prototype` stored, exactly as it was.

    Raises:
        StructureError: the atoms carry no report, or a damaged one.
    """
    from magnetite.prototypes.reports import PrototypeReport

    return unpack(atoms, PROTOTYPE_REPORT_KEY, PrototypeReport)


def prototype_database_fields(report: PrototypeReport) -> dict[str, dict[str, Any]]:
    """What ASE's databases are to be told of a structure type, as `database_fields` does of magnetism.

    Raises:
        StructureError: the report is of an error.
    """
    if report.error is not None:
        raise StructureError(f"there is no prediction to write ({report.error})", report.source)
    return {"key_value_pairs": _flat(report), "data": {PROTOTYPE_REPORT_KEY: pack(report)}}


def _flat(report: PrototypeReport) -> dict[str, Any]:
    flat = {
        "": report.prototype,
        "_name": report.name,
        "_probability": float(report.probability),
        "_mutual_information": report.mutual_information,
        "_spacegroup": report.spacegroup,
        "_strukturbericht": report.strukturbericht,
        "_model": report.model,
    }
    return {PROTOTYPE_PREFIX + key: value for key, value in flat.items() if value is not None}
