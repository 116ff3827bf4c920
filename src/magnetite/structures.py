"""The one door in: whatever the user holds becomes a validated crystal, or one clear error."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from magnetite.cells import MAX_FRACTION, SYMPREC, compact, refuse_heaps, validate_cell
from magnetite.elements import MAX_ATOMIC_NUMBER
from magnetite.errors import MagnetiteError, StructureError
from magnetite.graphs import Graph, build_graph
from magnetite.translations import primitive_cell
from magnetite.vacuum import with_vacuum, without_vacuum

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray
    from pymatgen.core.structure import IStructure

    StructureLike: TypeAlias = "Crystal | IStructure | Atoms | Mapping[str, Any] | str | PathLike[str]"

ISOTOPES = frozenset("DT")
"""Not elements of their own: refused with a hint, so that nobody wonders what they were taken for."""
MAX_ATOMS = 20_000
"""A neighbour graph of this many atoms still fits into a few GB."""
OF_ONE = ("get_atomic_numbers", "cart_coords", "numbers")
"""What a single structure, ours, ASE's or pymatgen's, has."""


@dataclass(frozen=True, eq=False)
class Crystal:
    """A validated periodic crystal: ordered, finite, with known elements.

    Attributes:
        lattice: rows are the cell vectors in Å, shape (3, 3).
        frac_coords: fractional coordinates, shape (n_atoms, 3).
        numbers: atomic numbers, shape (n_atoms,).
        source: where it came from (file, row), for error messages.
    """

    lattice: NDArray[np.float64]
    frac_coords: NDArray[np.float64]
    numbers: NDArray[np.int64]
    source: str | None = None

    def __post_init__(self) -> None:
        _validate(self)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def volume(self) -> float:
        """Volume of the cell in Å³."""
        return float(abs(np.linalg.det(self.lattice)))

    @cached_property
    def primitive(self) -> tuple[Crystal, NDArray[np.int64]]:
        """The primitive chemical cell, moments ignored, and for each atom its place in it.

        Atoms count as translated copies of each other within `SYMPREC`.
        """
        lattice, coords = compact(self.lattice, self.frac_coords)
        found = primitive_cell(lattice, coords, self.numbers, SYMPREC)
        if found is None:
            return self, np.arange(len(self))
        smaller, places = found
        first = np.unique(places, return_index=True)[1]
        coords = coords[first] @ lattice @ np.linalg.inv(smaller)
        return Crystal(smaller, coords - np.floor(coords), self.numbers[first], self.source), places

    @cached_property
    def condensed(self) -> Crystal:
        """The same with no more empty space along its cell vectors than atoms feel across; itself if it has none."""
        lattice, coords = compact(self.lattice, self.frac_coords)
        shorter, moved = without_vacuum(lattice, coords)
        return self if shorter is lattice else Crystal(shorter, moved, self.numbers, self.source)

    @cached_property
    def graph(self) -> Graph:
        """The neighbour graph of this cell.

        Raises:
            StructureError: two atoms coincide.
        """
        try:
            return build_graph(*compact(self.lattice, self.frac_coords), self.numbers)
        except StructureError as error:
            raise error.at(self.source) if self.source else error from None

    @property
    def elements(self) -> frozenset[str]:
        """Symbols of the elements."""
        from ase.data import chemical_symbols

        return frozenset(chemical_symbols[z] for z in np.unique(self.numbers))

    @property
    def reduced_formula(self) -> str:
        """Chemical formula with the smallest whole numbers, e.g. ``Fe2O3``."""
        return formula_of(self.numbers)


def formula_of(numbers: NDArray[np.int64]) -> str:
    """Chemical formula of atomic numbers with the smallest whole numbers."""
    from pymatgen.core.composition import Composition

    kinds, counts = np.unique(numbers, return_counts=True)
    return str(Composition({int(z): int(n) for z, n in zip(kinds, counts, strict=True)}).reduced_formula)


def as_crystal(structure: StructureLike, source: str | None = None) -> Crystal:
    """Turn a structure of any accepted kind into a validated crystal.

    What is periodic in one or two directions is a crystal with vacuum in the others: that of its
    cell, or `VACUUM` if the cell has less.

    Args:
        structure: pymatgen ``Structure`` or ``IStructure``, ASE ``Atoms``, a dictionary (pymatgen's
            ``as_dict`` or plain ``lattice`` in Å, ``species``, ``frac_coords``) or the path of a
            file that pymatgen or ASE reads.
        source: how error messages name it; paths name themselves.

    Raises:
        StructureError: it is not an ordered, finite, periodic crystal of known elements.
        ReadError: a file cannot be read.
    """
    if isinstance(structure, Crystal):
        return structure
    if isinstance(structure, str | PathLike):
        from magnetite.sources import read_one

        return cast("Crystal", read_one(Path(structure)))
    if isinstance(structure, Mapping):
        refuse_composition(structure, source)
        return _from_mapping(structure, source)
    if hasattr(structure, "get_atomic_numbers"):
        return _from_atoms(cast("Atoms", structure), source)
    if is_structure(structure):
        return _from_structure(structure, source)
    raise StructureError(
        f"cannot take a {type(structure).__name__}; give a pymatgen Structure, ASE Atoms, a dict or a file path", source
    )


def refuse_one(structures: object) -> None:
    """Stop where several structures are wanted and there is one: most are iterables, too, of their atoms.

    Raises:
        MagnetiteError: there is one.
    """
    if isinstance(structures, str | PathLike | Mapping) or any(hasattr(structures, name) for name in OF_ONE):
        raise MagnetiteError(f"wants several structures; this is one {type(structures).__name__}: put it into a list")


def refuse_composition(structure: object, source: str | None) -> None:
    """Stop at pymatgen's ``Composition``, a mapping that raises when it is asked for a key of ours.

    Raises:
        StructureError: it is one.
    """
    if hasattr(structure, "get_el_amt_dict"):
        raise StructureError("is a composition, without positions; give a structure", source)


def is_structure(structure: object) -> bool:
    """Whether it looks like a pymatgen structure (one of its sites does not)."""
    return all(hasattr(structure, name) for name in ("sites", "frac_coords", "lattice"))


def _from_structure(structure: IStructure, source: str | None) -> Crystal:
    if len(structure) and not any(structure.lattice.pbc):
        raise StructureError("is not periodic (lattice.pbc is False)", source)
    numbers, lattice = site_numbers(structure, source), np.array(structure.lattice.matrix)
    if not all(structure.lattice.pbc):
        return _from_open(lattice, np.array(structure.cart_coords), np.array(structure.lattice.pbc), numbers, source)
    return Crystal(lattice, np.array(structure.frac_coords), numbers, source)


def site_numbers(structure: IStructure, source: str | None) -> NDArray[np.int64]:
    """Atomic numbers of a pymatgen structure's sites; refuses several species on one site, dummies and the unknown."""
    try:
        species = [site.specie for site in structure]
    except AttributeError as error:  # pymatgen's, where a site holds several species or less than one
        raise StructureError("has partly occupied sites; order it first", source) from error
    return np.array([atomic_number(specie, source) for specie in species], int)


def _from_atoms(atoms: Atoms, source: str | None) -> Crystal:
    if len(atoms) and not np.any(atoms.pbc):
        raise StructureError("is not periodic (atoms.pbc is False); set the cell and pbc of the crystal", source)
    cell, positions = np.array(atoms.cell.array, dtype=float), np.array(atoms.get_positions())
    return _from_open(cell, positions, np.array(atoms.pbc), np.array(atoms.get_atomic_numbers(), int), source)


def _from_open(
    cell: NDArray[np.float64],
    positions: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    numbers: NDArray[np.int64],
    source: str | None,
) -> Crystal:
    """What repeats in some directions, with empty space in the others."""
    sound = np.isfinite(positions).all() and np.isfinite(cell).all() and cell[periodic].any(axis=1).all()
    if sound and not periodic.all():
        cell = with_vacuum(cell, positions, periodic)
    validate_cell(cell, len(numbers), source)
    return Crystal(cell, positions @ np.linalg.inv(cell), numbers, source)


def _from_mapping(mapping: Mapping[str, Any], source: str | None) -> Crystal:
    if "@module" in mapping or "sites" in mapping:
        return _from_structure(decode(mapping, source), source)
    missing = [key for key in ("lattice", "species", "frac_coords") if key not in mapping]
    if missing:
        raise StructureError(f"dictionary lacks {', '.join(missing)}", source)
    species = mapping["species"]
    if not isinstance(species, list | tuple | np.ndarray):
        raise StructureError(f"species is a {type(species).__name__}, not a list of elements", source)
    try:
        lattice = np.array(mapping["lattice"], dtype=float)
        coords = np.array(mapping["frac_coords"], dtype=float)
    except (TypeError, ValueError, OverflowError) as error:
        raise StructureError(f"lattice or frac_coords are not arrays of numbers ({say(error)})", source) from error
    if not len(species):
        raise StructureError("has no atoms", source)
    if lattice.shape != (3, 3) or coords.shape != (len(species), 3):
        raise StructureError(
            f"lattice of shape {lattice.shape}, {len(species)} species and frac_coords of shape {coords.shape} "
            "do not fit; they must be (3, 3), n and (n, 3)",
            source,
        )
    return Crystal(lattice, coords, np.array([atomic_number(s, source) for s in species], int), source)


def decode(mapping: Mapping[str, Any], source: str | None) -> IStructure:
    """What pymatgen makes of its own dictionary, without the site properties.

    Decoding those can import whatever module the dictionary names; a file must not decide that.
    """
    from pymatgen.core.structure import Structure

    try:
        named = {str(part["element"]).rstrip("0123456789+-") for site in mapping["sites"] for part in site["species"]}
        sites = [{"species": site["species"], "abc": site["abc"]} for site in mapping["sites"]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on what we do not use, such as electronegativities
            structure: IStructure = Structure.from_dict({"lattice": mapping["lattice"], "sites": sites})
    except Exception as error:
        raise StructureError(f"is not a pymatgen structure dictionary ({say(error)})", source) from error
    for isotope in ISOTOPES & named:  # which pymatgen reads as H
        atomic_number(isotope, source)
    return structure


def atomic_number(specie: Any, source: str | None) -> int:
    """Atomic number of an element, ion or symbol; refuses dummies and the unknown."""
    numbers = _numbers()
    symbol = specie if isinstance(specie, str) else getattr(specie, "symbol", None)
    number = numbers.get(str(symbol))
    isotope = str(symbol).rstrip("0123456789+-") in ISOTOPES
    if number is None and isinstance(specie, str) and not isotope:
        from pymatgen.core.periodic_table import Species

        with suppress(Exception):  # whatever its parser makes of a strange string
            number = numbers.get(Species.from_str(specie).symbol)
    if number is None:
        hint = "; write deuterium and tritium as H" if isotope else ""
        raise StructureError(f"unknown element {str(specie)[:40]!r}{hint}", source)
    return number


@cache
def _numbers() -> dict[str, int]:
    from ase.data import chemical_symbols

    return {symbol: z for z, symbol in enumerate(chemical_symbols) if 0 < z <= MAX_ATOMIC_NUMBER}


def _validate(crystal: Crystal) -> None:
    coords, numbers, source = crystal.frac_coords, crystal.numbers, crystal.source
    validate_atoms(numbers, MAX_ATOMS, source)
    validate_cell(crystal.lattice, len(numbers), source)
    if not np.isfinite(coords).all():
        raise StructureError("has NaN or infinite numbers in its coordinates", source)
    if abs(coords).max() > MAX_FRACTION:
        raise StructureError(f"has fractional coordinates up to {abs(coords).max():.3g}", source)
    refuse_heaps(crystal.lattice, coords, source)


def validate_atoms(numbers: NDArray[np.int64], most: int, source: str | None) -> None:
    """Check that there are atoms, not too many, of known elements.

    Raises:
        StructureError: there are not.
    """
    if len(numbers) == 0:
        raise StructureError("has no atoms", source)
    if len(numbers) > most:
        raise StructureError(f"has {len(numbers):,} atoms; at most {most:,} are accepted", source)
    if not ((numbers > 0) & (numbers <= MAX_ATOMIC_NUMBER)).all():
        unknown = sorted({int(z) for z in numbers if not 0 < z <= MAX_ATOMIC_NUMBER})
        raise StructureError(f"has atomic numbers outside 1–{MAX_ATOMIC_NUMBER}: {str(unknown)[:80]}", source)


def say(error: BaseException) -> str:
    """One line of a foreign library's error."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:160]}" if text else type(error).__name__


def printable(path: str | Path) -> str:
    """A file's name as text that can be written anywhere: a byte that is no UTF-8 is spelled out.

    Python holds such a byte as a lone surrogate, which files, tables and terminals refuse.
    """
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")
