"""The door in for potentials: a crystal and its moments, from whatever carries both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import DataError, StructureError
from magnetite.potential.frames import as_vectors
from magnetite.structures import Crystal, as_crystal

if TYPE_CHECKING:
    from pymatgen.core.structure import IStructure


@dataclass(frozen=True, eq=False)
class SpinCrystal:
    """A crystal with moments.

    Attributes:
        crystal: as given, not reduced.
        moments: in μB, Cartesian, (n_atoms, 3).
    """

    crystal: Crystal
    moments: NDArray[np.float64]


def as_spin_crystal(structure: Any, moments: Any = None) -> SpinCrystal:
    """Take a crystal and its moments.

    Args:
        structure: ASE ``Atoms`` with initial magnetic moments, a pymatgen ``Structure`` with the site property
            ``magmom``, a `MagneticOrder`, or anything else together with `moments`.
        moments: in μB, (n_atoms,) or (n_atoms, 3), instead of those that the structure carries.

    Raises:
        StructureError: no crystal, or no moments on it.
    """
    if isinstance(structure, SpinCrystal):
        return structure
    if hasattr(structure, "vasp_magmom"):  # a MagneticOrder
        structure = structure.to_structure()
    carried = _carried(structure) if moments is None else moments
    crystal = as_crystal(structure)
    if carried is None:
        raise StructureError("has no moments; set initial magnetic moments (ASE) or magmom (pymatgen)", crystal.source)
    try:
        return SpinCrystal(crystal, as_vectors(carried, len(crystal)))
    except DataError as error:
        raise StructureError(error.reason, crystal.source) from error


def _carried(structure: Any) -> Any:
    if hasattr(structure, "get_initial_magnetic_moments"):
        return structure.get_initial_magnetic_moments() if structure.has("initial_magmoms") else None
    if hasattr(structure, "site_properties") and not isinstance(structure, Mapping):
        return _site_moments(structure)
    return None


def _site_moments(structure: IStructure) -> Any:
    found = structure.site_properties.get("magmom")
    if found is None or any(moment is None for moment in found):
        return None
    return [getattr(moment, "moment", moment) for moment in found]
