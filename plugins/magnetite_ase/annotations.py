"""Reports on ``Atoms``: keys and arrays that come through ASE's file formats unchanged.

ASE's formats differ in what they keep: extxyz keeps ``info`` and arrays, but mangles nested values,
empty strings and backslashes; traj keeps ``info`` and drops arrays; databases (json, db) drop both
and take key-value pairs instead. Hence flat keys to search by, and beside them the whole report as
one string that survives wherever ``info`` or `database_fields` do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

import numpy as np

from magnetite.errors import StructureError
from magnetite.reports import MagnetismReport

if TYPE_CHECKING:
    from ase import Atoms
    from monty.json import MSONable

Report = TypeVar("Report", bound="MSONable")
PREFIX = "magnetite_"
REPORT_KEY = f"{PREFIX}report"
OTHERS = f"{PREFIX}prototype"
"""Keys of the structure type, which `annotate_prototype` writes."""
MOMENTS_ARRAY = f"{PREFIX}abs_moments"
"""Not ``magmoms``: these are predicted magnitudes, without directions."""


def annotate(atoms: Atoms, report: MagnetismReport | None = None) -> MagnetismReport:
    """Write a report onto atoms, replacing an earlier one.

    ``atoms.info`` gains ``magnetite_ordering``, ``magnetite_p_nm``, ``magnetite_p_afm``,
    ``magnetite_p_fm``, ``magnetite_zero_k``, ``magnetite_uncertainty``, ``magnetite_mutual_information``,
    ``magnetite_in_domain``, ``magnetite_model`` and ``magnetite_report`` (the whole report, see `stored_report`);
    ``atoms.arrays`` gains ``magnetite_abs_moments``, predicted |m| in μB, shape (n_atoms,).
    Moments and results that the atoms carry are left alone.

    Args:
        atoms: changed in place.
        report: what to write; predicted by the default model if not given.

    Returns:
        The report written.

    Raises:
        StructureError: the atoms cannot be predicted, or the report is not of them (see
            `MagnetismReport.check_structure`).
    """
    refuse_others(atoms)
    if report is None:
        from magnetite.api import analyze_magnetism

        report = analyze_magnetism(atoms)
    if report.error is not None:
        raise StructureError(f"there is no prediction to write ({report.error})", report.source)
    report.check_structure(atoms)
    for stale in [key for key in atoms.info if key.startswith(PREFIX) and not key.startswith(OTHERS)]:
        del atoms.info[stale]
    atoms.info.update(_flat(report), **{REPORT_KEY: pack(report)})
    moments = None if report.site_moments is None else np.array(report.site_moments)
    atoms.set_array(MOMENTS_ARRAY, moments, dtype=float)
    return report


def refuse_others(atoms: object) -> None:
    """Check that there is something to write onto.

    Raises:
        StructureError: it is no ``Atoms``.
    """
    from ase import Atoms

    if not isinstance(atoms, Atoms):
        raise StructureError(f"give Atoms of ASE, which are written onto, not {type(atoms).__name__}")


def stored_report(atoms: Atoms) -> MagnetismReport:
    """The report that `annotate` or `database_fields` stored, exactly as it was.

    Args:
        atoms: as read from a file; from a database with
            ``row.toatoms(add_additional_information=True)``. ``annotate(atoms, stored_report(atoms))``
            brings back what the file format dropped.

    Raises:
        StructureError: the atoms carry no report, or a damaged one.
    """
    return unpack(atoms, REPORT_KEY, MagnetismReport)


def database_fields(report: MagnetismReport) -> dict[str, dict[str, Any]]:
    """What ASE's databases are to be told, since they keep neither ``info`` nor arrays.

    >>> database.write(atoms, **database_fields(report))  # doctest: +SKIP
    >>> database.select("magnetite_ordering=AFM,magnetite_uncertainty<0.3")  # doctest: +SKIP

    Raises:
        StructureError: the report is of an error.
    """
    if report.error is not None:
        raise StructureError(f"there is no prediction to write ({report.error})", report.source)
    return {"key_value_pairs": _flat(report), "data": {REPORT_KEY: pack(report)}}


def _flat(report: MagnetismReport) -> dict[str, Any]:
    shares = {f"p_{name.lower()}": float(share) for name, share in report.probabilities.items()}
    flat = {"ordering": report.label, **shares, "zero_k": report.zero_k_probability}
    flat |= {"uncertainty": float(report.uncertainty), "mutual_information": report.mutual_information}
    flat |= {"in_domain": bool(report.in_domain), "model": report.model}
    return {PREFIX + key: value for key, value in flat.items() if value is not None}


def pack(report: MSONable) -> str:
    """JSON in which nothing is left that extxyz would take for its own escapes."""
    text = json.dumps(report.as_dict(), ensure_ascii=False)
    return text.replace("%", "%25").replace("\\", "%5C")


def unpack(atoms: Atoms, key: str, kind: type[Report]) -> Report:
    """The report that `pack` made of it.

    Args:
        atoms: as read from a file or database.
        key: under which it lies.
        kind: of report.

    Raises:
        StructureError: there is none, or a damaged one.
    """
    data = atoms.info.get("data")
    packed = atoms.info.get(key, data.get(key) if isinstance(data, Mapping) else None)
    if packed is None:
        raise StructureError(f"atoms carry no {key!r}", str(atoms.symbols))
    try:
        report = kind.from_dict(json.loads(unquote(packed)))
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StructureError(f"{key!r} is damaged ({error})", str(atoms.symbols)) from error
    assert isinstance(report, kind)
    return report
