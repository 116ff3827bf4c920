"""How large the moment of each site is: predicted, or the default of its element."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols

from magnetite.elements import CAN_CARRY
from magnetite.errors import StructureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.structures import Crystal

CARRIES = 0.3
"""μB; sites that are predicted to have less are taken as non-magnetic."""
FALLBACK = 0.6
"""μB; initial moment of elements that pymatgen's table does not name, as in its input sets for VASP."""
_CAN_CARRY = np.array(CAN_CARRY)


def site_magnitudes(crystal: Crystal, predicted: Sequence[float] | None = None) -> NDArray[np.float64]:
    """Size of the moment of each site of a crystal.

    Predicted moments are taken where they reach `CARRIES` on elements that can carry one (on any element if no such
    site does), and are averaged over the copies of a site in the primitive cell. Where none does, as for rare earths
    whose 4f electrons were frozen in the training data, every site of an element that can carry a moment gets its
    default: the spin-only or free-ion value of pymatgen's ``default_magmoms.yaml``, else `FALLBACK`.

    Args:
        crystal: in any cell.
        predicted: |m| of its sites in μB, shape (n_atoms,).

    Returns:
        |m| in μB, 0 for non-magnetic sites, shape (n_atoms,).

    Raises:
        StructureError: there are not as many predicted moments as sites.
    """
    can_carry = _CAN_CARRY[crystal.numbers]
    if predicted is not None:
        given = np.array(predicted, dtype=float)
        if given.shape != (len(crystal),):
            raise StructureError(f"{len(given)} predicted moments do not fit {len(crystal)} sites", crystal.source)
        places = crystal.primitive[1]
        mean = (np.bincount(places, given) / np.bincount(places))[places]
        for allowed in (can_carry, np.ones_like(can_carry)):
            found: NDArray[np.float64] = np.where(allowed & (mean >= CARRIES), mean, 0.0)
            if found.any():
                return found.round(3)
    return np.where(can_carry, np.array([default_moment(int(number)) for number in crystal.numbers]), 0.0)


@cache
def default_moment(number: int) -> float:
    """Initial |m| in μB of an element that carries a moment, by atomic number."""
    from pymatgen.analysis.magnetism.analyzer import DEFAULT_MAGMOMS

    return float(DEFAULT_MAGMOMS.get(chemical_symbols[number], FALLBACK))
