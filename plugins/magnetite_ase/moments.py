"""Initial magnetic moments on ``Atoms``, as ASE's calculators take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.potential.taking import replace_moments

if TYPE_CHECKING:
    from ase import Atoms

    from magnetite.reports import MagnetismReport


def set_initial_moments(atoms: Atoms, report: MagnetismReport | None = None) -> MagnetismReport:
    """Set initial magnetic moments to those of the most probable order.

    Where that order needs a larger cell, ``report.initial_order(atoms).to_atoms()`` gives it with its moments.

    Args:
        atoms: changed in place; moments that they carry are replaced.
        report: of these atoms; predicted by the default model if None.

    Returns:
        The report.

    Raises:
        StructureError: the atoms cannot be predicted, the report is not of them, or the order needs a larger cell
            (nothing is set then).
    """
    if report is None:
        from magnetite.api import analyze_magnetism

        report = analyze_magnetism(atoms)
    replace_moments(atoms, np.array(report.initial_magmoms(atoms)))
    return report
