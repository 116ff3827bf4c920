"""The one order that a report stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import StructureError
from magnetite.orderings.moments import site_magnitudes
from magnetite.orderings.order import MagneticOrder
from magnetite.orderings.proposing import rank_orders

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.reports import MagnetismReport
    from magnetite.structures import Crystal

KINDS = {"AFM": ("AFM",), "FM": ("FM", "FiM")}
"""Kinds of order that a class of the report stands for."""


def initial_order(report: MagnetismReport, crystal: Crystal) -> MagneticOrder:
    """The most probable order of the most probable class.

    Args:
        report: of the crystal.
        crystal: in any cell.

    Raises:
        StructureError: the report is of an error, of another crystal or of its sites in another order, no site can
            carry a moment, or, for the class AFM, nothing that is compensated is known or there are too many sites.
    """
    report.check_structure(crystal)
    assert report.label is not None
    if report.label == "NM":
        return _nothing(crystal)
    magnitudes = site_magnitudes(crystal, report.site_moments)
    found = rank_orders(
        crystal, magnitudes, {report.label: 1.0}, report.zero_k_probability, limit=1, kinds=KINDS[report.label]
    )
    if not found:
        raise StructureError(f"no {report.label} pattern is known for its magnetic sites", crystal.source)
    return found[0]


def initial_moments(report: MagnetismReport, crystal: Crystal) -> NDArray[np.float64]:
    """Moments of `initial_order` on the sites of the crystal as given, in μB, shape (n_atoms,) or (n_atoms, 3).

    Raises:
        StructureError: as `initial_order`, or the order needs a larger cell.
    """
    order = initial_order(report, crystal)
    if not order.fits_input:
        raise StructureError(
            f"its {order.kind} order with k = ({' '.join(order.wave_vector)}) needs a larger cell than this one: "
            "report.initial_order() gives it with its moments, magnetite.propose_orders() the alternatives",
            crystal.source,
        )
    return np.array(order.moments)


def _nothing(crystal: Crystal) -> MagneticOrder:
    from ase.data import chemical_symbols

    zero = ("0", "0", "0")
    return MagneticOrder(
        kind="NM",
        score=1.0,
        lattice=crystal.lattice.tolist(),
        species=tuple(chemical_symbols[number] for number in crystal.numbers),
        frac_coords=crystal.frac_coords.tolist(),
        moments=(0.0,) * len(crystal),
        transformation=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        wave_vector=zero,
        wave_vector_input=zero,
    )
