"""Finite samples beside crystals: clusters, molecules, particles, boxes cut out of something larger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from magnetite.cells import MAX_LENGTH, refuse_heaps
from magnetite.errors import StructureError
from magnetite.structures import (
    Crystal,
    as_crystal,
    atomic_number,
    decode,
    formula_of,
    is_structure,
    refuse_composition,
    say,
    site_numbers,
    validate_atoms,
)

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray
    from pymatgen.core.structure import IMolecule, IStructure

    from magnetite.structures import StructureLike

    SampleLike: TypeAlias = "Cluster | IMolecule | StructureLike"

MAX_ATOMS = 1_000_000
"""Beyond this the neighbour lists of one sample no longer fit into a few GB."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """A validated finite sample: nothing repeats.

    Attributes:
        positions: Cartesian, in Å, shape (n_atoms, 3).
        numbers: atomic numbers, shape (n_atoms,).
        source: where it came from (file, row), for error messages.
    """

    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    source: str | None = None

    def __post_init__(self) -> None:
        _validate(self)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def reduced_formula(self) -> str:
        """Chemical formula with the smallest whole numbers, e.g. ``Fe2O3``."""
        return formula_of(self.numbers)


Sample: TypeAlias = Crystal | Cluster


def as_sample(structure: SampleLike, source: str | None = None) -> Sample:
    """Turn a structure of any accepted kind, periodic or not, into a validated sample.

    Args:
        structure: what `as_crystal` takes, and beside it ASE ``Atoms`` without periodicity, pymatgen
            ``Molecule`` or ``IMolecule``, their dictionaries, plain dictionaries of ``species`` and
            ``positions`` in Å, and files (xyz …) of such.
        source: how error messages name it; paths name themselves.

    Raises:
        StructureError: it is not an ordered, finite structure of known elements.
        ReadError: a file cannot be read.
    """
    if isinstance(structure, Crystal | Cluster):
        return structure
    if isinstance(structure, str | PathLike):
        from magnetite.sources import read_one

        return cast("Sample", read_one(Path(structure), as_sample))
    if isinstance(structure, Mapping):
        refuse_composition(structure, source)
        return _from_mapping(structure, source)
    if not _periodicity(structure).any():
        return _from_open(structure, source)
    if hasattr(structure, "cart_coords") and not hasattr(structure, "lattice"):
        return _from_molecule(cast("IMolecule", structure), source)
    return as_crystal(cast("StructureLike", structure), source)


def _from_mapping(mapping: Mapping[str, Any], source: str | None) -> Sample:
    if "lattice" in mapping and ("@module" in mapping or "sites" in mapping):
        return as_sample(decode(mapping, source), source)
    if "lattice" in mapping or not ("sites" in mapping or "positions" in mapping):
        return as_crystal(mapping, source)
    try:
        if "sites" in mapping:  # pymatgen's molecule, without the properties, as for structures
            parts = [site["species"] for site in mapping["sites"]]
            if any(len(species) != 1 or float(species[0].get("occu", 1)) != 1 for species in parts):
                raise StructureError("has partly occupied sites; order it first", source)
            symbols = [species[0]["element"] for species in parts]
            positions = np.array([site["xyz"] for site in mapping["sites"]], dtype=float)
        else:
            symbols = list(mapping["species"])
            positions = np.array(mapping["positions"], dtype=float)
    except (KeyError, IndexError, AttributeError, TypeError, ValueError, OverflowError) as error:
        raise StructureError(f"is not a dictionary of a molecule or cluster ({say(error)})", source) from error
    return Cluster(positions, np.array([atomic_number(s, source) for s in symbols], int), source)


def _from_molecule(molecule: IMolecule, source: str | None) -> Cluster:
    if not molecule.is_ordered:
        raise StructureError("has partly occupied sites; order it first", source)
    numbers = [atomic_number(site.specie, source) for site in molecule]
    return Cluster(np.array(molecule.cart_coords, dtype=float).reshape(-1, 3), np.array(numbers, int), source)


def _periodicity(structure: object) -> NDArray[np.bool_]:
    """Along which cell vectors it repeats; along all where it does not say."""
    if hasattr(structure, "get_atomic_numbers"):
        return np.array(cast("Atoms", structure).pbc)
    return np.array(cast("IStructure", structure).lattice.pbc if is_structure(structure) else [True] * 3)


def _from_open(structure: Any, source: str | None) -> Cluster:
    """What repeats in no direction."""
    if is_structure(structure):
        return Cluster(np.array(structure.cart_coords, dtype=float), site_numbers(structure, source), source)
    numbers = np.array(structure.get_atomic_numbers(), int)
    return Cluster(np.array(structure.get_positions()).reshape(-1, 3), numbers, source)


def _validate(cluster: Cluster) -> None:
    positions, numbers, source = cluster.positions, cluster.numbers, cluster.source
    validate_atoms(numbers, MAX_ATOMS, source)
    if positions.shape != (len(numbers), 3):
        raise StructureError(f"has positions of shape {positions.shape} for {len(numbers)} atoms", source)
    if not np.isfinite(positions).all():
        raise StructureError("has NaN or infinite numbers in its coordinates", source)
    lowest, highest = positions.min(axis=0), positions.max(axis=0)
    if (highest - lowest).max() > MAX_LENGTH:
        raise StructureError(f"extends over more than {MAX_LENGTH:,.0f} Å", source)
    box = np.diag(highest - lowest + 1.0)
    refuse_heaps(box, (positions - lowest) / box.diagonal(), source)
