"""The door in for potentials: a crystal and its moments, from whatever carries both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from magnetite.clusters import Cluster, as_sample
from magnetite.errors import DataError, StructureError
from magnetite.potential.arrays import as_vectors
from magnetite.structures import Crystal
from magnetite.vacuum import with_vacuum

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import IStructure


@dataclass(frozen=True, eq=False)
class SpinCrystal:
    """A crystal with moments.

    Attributes:
        crystal: as given, not reduced; of a layer, wire or cluster with enough vacuum that nothing acts across it.
        moments: in μB, Cartesian, (n_atoms, 3).
        volume: of the cell as given, without that vacuum, in Å³: what stress is per; infinite for a cluster, the
            crystal's if None.
    """

    crystal: Crystal
    moments: NDArray[np.float64]
    volume: float | None = None


def as_spin_crystal(structure: Any, moments: Any = None, source: str | None = None) -> SpinCrystal:
    """Take a crystal, layer, wire or cluster and its moments.

    Args:
        structure: ASE ``Atoms`` with initial magnetic moments, a pymatgen ``Structure`` or ``Molecule`` with the site
            property ``magmom``, a `MagneticOrder`, or anything else together with `moments`.
        moments: in μB, (n_atoms,) or (n_atoms, 3), instead of those that the structure carries.
        source: how error messages name it.

    Raises:
        StructureError: no structure that can be used, or no moments on it.
    """
    if isinstance(structure, SpinCrystal):
        return structure if moments is None else _joined(structure.crystal, moments, structure.volume)
    if hasattr(structure, "vasp_magmom"):  # a MagneticOrder
        structure = structure.to_structure()
    carried = _carried(structure) if moments is None else moments
    sample = as_sample(structure, source)
    crystal, volume = (_boxed(sample), np.inf) if isinstance(sample, Cluster) else (sample, _volume(structure))
    if carried is None:
        raise StructureError("has no moments; set initial magnetic moments (ASE) or magmom (pymatgen)", crystal.source)
    return _joined(crystal, carried, volume)


def _boxed(cluster: Cluster) -> Crystal:
    """A cluster in a box, with vacuum on all sides."""
    cell = with_vacuum(np.zeros((3, 3)), cluster.positions, np.zeros(3, bool))
    return Crystal(cell, cluster.positions @ np.linalg.inv(cell), cluster.numbers, cluster.source)


def _joined(crystal: Crystal, moments: Any, volume: float | None) -> SpinCrystal:
    try:
        return SpinCrystal(crystal, as_vectors(moments, len(crystal)), volume)
    except DataError as error:
        raise StructureError(error.reason, crystal.source) from error


def found_moments(structure: Any) -> Any:
    """Moments that a calculator found for ASE's ``Atoms`` as they are now; None if there are none such."""
    calculator: Any = getattr(structure, "calc", None)
    found = getattr(calculator, "results", {}).get("magmoms")
    return None if found is None or calculator.check_state(structure) else found


def replace_moments(atoms: Atoms, moments: Any) -> None:
    """Set initial moments, (n_atoms,) or (n_atoms, 3), whatever there were: ASE puts no numbers in place of vectors."""
    atoms.set_initial_magnetic_moments(None)
    atoms.set_initial_magnetic_moments(moments)


def has_volume(atoms: Atoms) -> bool:
    """Whether something is periodic, in a cell of three vectors; those of open sides may be missing."""
    return bool(atoms.cell.rank == 3 and atoms.pbc.any())  # noqa: PLR2004


def _volume(structure: Any) -> float | None:
    """Of the cell of ASE's ``Atoms`` or pymatgen's ``Structure``; None where it has none, as that of a bare layer."""
    cell = getattr(structure, "cell", getattr(structure, "lattice", None))
    return float(getattr(cell, "volume", 0.0)) or None


def _carried(structure: Any) -> Any:
    if hasattr(structure, "get_initial_magnetic_moments"):
        return structure.get_initial_magnetic_moments() if structure.has("initial_magmoms") else None
    if hasattr(structure, "site_properties") and not isinstance(structure, Mapping):
        return _site_moments(structure)
    return None


def _site_moments(structure: IStructure) -> Any:
    found = structure.site_properties.get("magmom")
    return None if found is None or any(moment is None for moment in found) else found
