"""The charge that charge balance leaves to ions whose charge is not given by their element alone.

Oxidation states are pymatgen's: its common ones, and those that occur in the ICSD.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.elements import CAN_CARRY, MAX_ATOMIC_NUMBER

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALENCE_NAMES = ("charge of open sites", "open sites", "electrons of open sites")
"""Open sites: their element can carry a moment and has several oxidation states. Mean charge in e, their number, and
the mean number of valence electrons that the charge leaves to them (the d or f count)."""
MAX_CHARGE = 8.0
"""No ion has a higher charge: where charge balance asks for one it does not hold, as in intermetallics."""
ALWAYS_ANIONS = (8, 9, 17, 35, 53)
"""O, F, Cl, Br, I are anions also beside more electronegative elements."""
_RARE_EARTHS_WITHOUT_4F = (21, 39)
_RARE_EARTH_CHARGE = 3
_LAST_D_GROUP = 12
_NOBLE_CORES = {"is_lanthanoid": 54, "is_actinoid": 86}


class Ions(NamedTuple):
    """Properties by atomic number, each of shape (MAX_ATOMIC_NUMBER + 1,).

    Attributes:
        highest: the highest common oxidation state.
        lowest: the lowest common one, 0 where that is positive.
        least: the lowest positive one.
        electronegativity: Pauling's, 0 where there is none.
        valence_electrons: beyond the noble gas.
        outer_electrons: of them, those outside closed d and f shells and the 4f shell.
        is_open: whether the element can carry a moment and has several oxidation states.
    """

    highest: NDArray[np.float64]
    lowest: NDArray[np.float64]
    least: NDArray[np.float64]
    electronegativity: NDArray[np.float64]
    valence_electrons: NDArray[np.float64]
    outer_electrons: NDArray[np.float64]
    is_open: NDArray[np.bool_]


@cache
def ions() -> Ions:
    """What pymatgen knows of the ions of each element."""
    from pymatgen.core.periodic_table import Element

    table = np.zeros((7, MAX_ATOMIC_NUMBER + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen warns of missing electronegativities; they count as none
        for z in range(1, MAX_ATOMIC_NUMBER + 1):
            element = Element.from_Z(z)
            states = element.common_oxidation_states or element.oxidation_states or (0,)
            is_rare_earth = element.is_lanthanoid or z in _RARE_EARTHS_WITHOUT_4F
            # The ICSD knows of divalent and tetravalent rare earths, but nearly all are trivalent.
            varied = set(states) if is_rare_earth else {*states, *element.icsd_oxidation_states}
            core = next((n for name, n in _NOBLE_CORES.items() if getattr(element, name)), z - element.group)
            electronegativity = np.nan_to_num(float(element.X))
            least = min((state for state in varied if state > 0), default=0)
            closed = z - core - _RARE_EARTH_CHARGE if element.is_lanthanoid else 10 * (element.group > _LAST_D_GROUP)
            table[:, z] = (
                max(states), min(*states, 0), least, electronegativity, z - core, z - core - closed, len(varied) > 1
            )  # fmt: skip
    highest, lowest, positive, electronegativity, electrons, outer, varied_charge = table
    is_open = varied_charge.astype(bool) & np.array(CAN_CARRY)
    return Ions(highest, lowest, positive, electronegativity, electrons, outer, is_open)


def valence(numbers: NDArray[np.int64], fill: float) -> NDArray[np.float64]:
    """Charge and electron count of the open sites of a neutral crystal.

    The most electronegative element takes its lowest charge and the others their highest (P in phosphates); if that
    leaves no possible charge, all that can be anions are (As in LaFeAsO).

    Args:
        numbers: atomic numbers of the cell, shape (n_atoms,).
        fill: stands for charge and electrons without open sites or possible charge.

    Returns:
        The numbers that `VALENCE_NAMES` names, shape (3,).
    """
    elements = ions()
    is_open = elements.is_open[numbers]
    n_open = int(np.count_nonzero(is_open))
    if n_open == 0:
        return np.array([fill, 0.0, fill])
    others = numbers[~is_open]
    electronegativity = elements.electronegativity
    strongest = electronegativity[others] == electronegativity[numbers].max()
    for anions in (strongest | np.isin(others, ALWAYS_ANIONS), elements.lowest[others] < 0):
        charge = -np.where(anions, elements.lowest[others], elements.highest[others]).sum() / n_open
        if 0 <= charge <= MAX_CHARGE:
            electrons = elements.valence_electrons[numbers[is_open]].mean() - charge
            return np.array([charge, n_open, electrons])
    return np.array([fill, n_open, fill])
