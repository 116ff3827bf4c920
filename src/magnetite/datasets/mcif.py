"""Magnetic CIF files (``.mcif``): a reader of the magnetic cell, its moments and its wave vectors.

Own work, since ASE ignores the magnetic operations and pymatgen reads about 84 % of MAGNDATA and
turns moments without regard to oblique axes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from magnetite.datasets.cif_block import CifBlock, read_block
from magnetite.datasets.magnetic_symmetry import MOMENT_RELATIVE, MOMENT_TOLERANCE, MagneticGroup
from magnetite.datasets.wave_vectors import WaveVector, is_lattice_vector, parse_wave_vector
from magnetite.errors import MagnetiteError, ReadError, StructureError
from magnetite.graphs import MIN_DISTANCE
from magnetite.structures import MAX_ATOMS, Crystal, as_crystal, say

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core.lattice import Lattice
    from pymatgen.core.structure import Structure

MOMENT_FLOOR = 0.1
"""μB; smaller moments count as none."""
AFM_NET, FM_NET = 0.05, 0.5
"""Net moment as a share of Σ|m|: below the first it is AFM, above the second it may be FM."""
FM_PROJECTION = -0.05
"""Of the largest |m|; in a ferromagnet no moment points further against the net moment than this."""
FULL_OCCUPANCY = 1e-3
STRAIGHT = 180.0

_OPERATIONS = "_space_group_symop_magn_operation_xyz"
_CENTERINGS = "_space_group_symop_magn_centering_xyz"
_PLAIN_OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_K_VECTORS = ("_parent_propagation_vector_kxkykz", "_magnetic_propagation_vector_kxkykz")
_COORDINATES = tuple(f"_atom_site_fract_{axis}" for axis in "xyz")
_MOMENTS = tuple(f"_atom_site_moment_crystalaxis_{axis}" for axis in "xyz")
_OLD_MOMENTS = tuple(f"_atom_site_moment_crystalaxis_m{axis}" for axis in "xyz")
_SUPERSPACE = ("magn_ssg_operation", "atom_site_moment_fourier", "cell_wave_vector")


@dataclass(frozen=True, eq=False)
class MagneticStructure:
    """A commensurate, ordered magnetic structure.

    Attributes:
        structure: the magnetic cell with all its atoms; site property ``magmom`` holds Cartesian
            moments in μB, in the frame of ``structure.lattice``.
        k_vectors: wave vectors as the file declares them, in the parent's setting; may be empty.
        parent_space_group: Hermann–Mauguin symbol of the paramagnetic phase, as written, or None.
        parent_number: its number in the International Tables, or None.
        bns_number: magnetic space group in BNS notation, e.g. ``62.448``, or None.
        temperature: of the measurement, in K, or None.
        transition_temperature: in K, or None.
        source: the file.
    """

    structure: Structure
    k_vectors: tuple[WaveVector, ...]
    parent_space_group: str | None
    parent_number: int | None
    bns_number: str | None
    temperature: float | None
    transition_temperature: float | None
    source: str

    @property
    def moments(self) -> NDArray[np.float64]:
        """Cartesian moments in μB, shape (n_atoms, 3)."""
        return np.array(self.structure.site_properties["magmom"], dtype=float)

    @cached_property
    def crystal(self) -> Crystal:
        """The magnetic cell without its moments, validated."""
        return as_crystal(self.structure, self.source)

    @cached_property
    def parent_structure(self) -> Structure:
        """The primitive chemical cell, moments ignored: what a model may see."""
        from ase.data import chemical_symbols
        from pymatgen.core.structure import Structure

        cell = self.crystal.primitive[0]
        return Structure(cell.lattice, [chemical_symbols[z] for z in cell.numbers], cell.frac_coords)

    @property
    def zero_k_declared(self) -> bool | None:
        """Whether the declared wave vectors are all zero (or equal to zero by the parent's lattice)."""
        symbol = self.parent_space_group or "P"
        return all(is_lattice_vector(map(float, k), symbol) for k in self.k_vectors) if self.k_vectors else None

    @property
    def zero_k_of_moments(self) -> bool:
        """Whether every translation of the chemical lattice leaves the moments as they are."""
        places, moments = self.crystal.primitive[1], self.moments
        allowed = max(MOMENT_TOLERANCE, MOMENT_RELATIVE * float(np.linalg.norm(moments, axis=1).max()))
        first = np.unique(places, return_index=True)[1]
        return bool((np.linalg.norm(moments - moments[first[places]], axis=1) <= allowed).all())

    @property
    def zero_k(self) -> bool | None:
        """Whether the propagation vector is zero; None if the declared k and the moments disagree."""
        declared, found = self.zero_k_declared, self.zero_k_of_moments
        return found if declared in {None, found} else None

    @property
    def net_share(self) -> float:
        """|Σm| / Σ|m|, from 0 (compensated) to 1 (parallel)."""
        total = float(np.linalg.norm(self.moments, axis=1).sum())
        return float(np.linalg.norm(self.moments.sum(axis=0))) / total if total else 0.0

    @property
    def min_projection(self) -> float | None:
        """Smallest component of a moment along the net moment, in units of the largest |m|; None if compensated."""
        moments, net = self.moments, self.moments.sum(axis=0)
        sizes = np.linalg.norm(moments, axis=1)
        if sizes.max() < MOMENT_FLOOR or self.net_share < AFM_NET:
            return None
        return float((moments[sizes >= MOMENT_FLOOR] @ net).min() / np.linalg.norm(net) / sizes.max())

    @property
    def order(self) -> str:
        """``NM``, ``AFM``, ``FM`` or ``FiM``.

        NM: no moment reaches `MOMENT_FLOOR`. AFM: `net_share` is below `AFM_NET`, weak canting included.
        FM: `net_share` is above `FM_NET` and no moment points against the net one (`FM_PROJECTION`).
        FiM: the rest, strong canting included.
        """
        if np.linalg.norm(self.moments, axis=1).max() < MOMENT_FLOOR:
            return "NM"
        projection = self.min_projection
        if projection is None:
            return "AFM"
        return "FM" if self.net_share > FM_NET and projection > FM_PROJECTION else "FiM"


def read_mcif(path: str | Path) -> MagneticStructure:
    """Read a magnetic CIF file.

    Every atom is carried through all operations × centerings; coinciding images are merged. The
    components of a moment stand along the unit vectors of the cell axes (``crystalaxis``).

    Raises:
        ReadError: the file is missing, empty, broken or lists no moments.
        StructureError: the structure is modulated (incommensurate), has partly occupied or coinciding
            sites, or a moment that its own site's symmetry forbids.
    """
    source = str(path)
    try:
        block = read_block(Path(path))
        return _build(block, source)
    except MagnetiteError as error:
        raise error.at(source) from error.__cause__
    except Exception as error:
        raise ReadError(f"cannot be read ({say(error)})", source) from error


def _build(block: CifBlock, source: str) -> MagneticStructure:
    if (block.number("_cell_modulation_dimension") or 0) > 0 or any(s in t for t in block.tags for s in _SUPERSPACE):
        raise StructureError("is modulated (incommensurate, described in superspace): it has no finite magnetic cell")
    number = block.number("_parent_space_group_it_number")
    found = MagneticStructure(
        structure=_structure(block),
        k_vectors=tuple(
            parse_wave_vector(text) for text in block.column(*_K_VECTORS) if text.strip() not in {"?", "."}
        ),
        parent_space_group=block.value("_parent_space_group_name_h-m_alt", "_parent_space_group_name_h-m"),
        parent_number=None if number is None else int(number),
        bns_number=block.value("_space_group_magn_number_bns", "_space_group_magn_space_group_number_bns"),
        temperature=_loose(block, "_experiment_temperature", "_diffrn_ambient_temperature"),
        transition_temperature=_loose(block, "_transition_temperature"),
        source=source,
    )
    _ = found.crystal  # refuses what no model could take
    return found


def _loose(block: CifBlock, *tags: str) -> float | None:
    """A number that no result hangs on: None if it is written in words."""
    try:
        return block.number(*tags)
    except StructureError:
        return None


def _structure(block: CifBlock) -> Structure:
    """The magnetic cell with all its atoms and Cartesian moments."""
    from pymatgen.core.structure import Structure

    lattice = _lattice(block)
    matrix = np.array(lattice.matrix)
    group = _group(block)
    moments = _moments(block, matrix)
    labels = block.column("_atom_site_label")
    strangers = set(moments) - set(labels)
    if strangers:
        raise StructureError(f"moments are given for sites that are not listed: {', '.join(sorted(strangers))[:80]}")
    _check_occupancies(block, labels)
    species: list[str] = []
    coords: list[NDArray[np.float64]] = []
    vectors: list[NDArray[np.float64]] = []
    symbols = block.column("_atom_site_type_symbol") or labels
    for label, symbol, row in zip(labels, symbols, block.rows(*_COORDINATES), strict=True):
        position = np.array([block.parse(text, f"coordinate of {label}") for text in row])
        try:
            places, turned = group.orbit(position, moments.get(label, np.zeros(3)), matrix)
        except StructureError as error:
            raise StructureError(f"site {label}: {error.reason}") from None
        species += [_element(symbol)] * len(places)
        coords.append(places)
        vectors.append(turned)
        if len(species) > MAX_ATOMS:
            raise StructureError(f"has more than {MAX_ATOMS:,} atoms")
    structure = Structure(
        lattice, species, np.concatenate(coords), site_properties={"magmom": np.concatenate(vectors).tolist()}
    )
    first, second, _, distances = structure.get_neighbor_list(MIN_DISTANCE)
    if len(distances):
        pair = f"{species[first[0]]} and {species[second[0]]}"
        raise StructureError(f"two sites coincide ({pair}, {distances[0]:.2f} Å apart); split or doubly listed sites?")
    return structure


def _lattice(block: CifBlock) -> Lattice:
    from pymatgen.core.lattice import Lattice

    tags = [f"_cell_length_{axis}" for axis in "abc"] + [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
    numbers = [block.number(tag) for tag in tags]
    missing = [tag for tag, number in zip(tags, numbers, strict=True) if number is None]
    if missing:
        raise ReadError(f"lacks {', '.join(missing)}")
    a, b, c, alpha, beta, gamma = (float(number or 0) for number in numbers)
    if min(a, b, c) < MIN_DISTANCE or not all(0 < angle < STRAIGHT for angle in (alpha, beta, gamma)):
        raise StructureError(f"cell {a:g}, {b:g}, {c:g} Å, {alpha:g}, {beta:g}, {gamma:g}° is impossible")
    lattice = Lattice.from_parameters(a, b, c, alpha, beta, gamma)
    if not np.isfinite(lattice.matrix).all() or lattice.volume < MIN_DISTANCE**3:
        raise StructureError(f"cell angles {alpha:g}, {beta:g}, {gamma:g}° span no volume")
    return lattice


def _group(block: CifBlock) -> MagneticGroup:
    operations = block.column(_OPERATIONS)
    if not operations:
        plain = [text.lower().replace(" ", "") for tag in _PLAIN_OPERATIONS for text in block.column(tag)]
        if any(text != "x,y,z" for text in plain):
            raise ReadError("gives symmetry operations, but no magnetic ones: what they do to the moments is unknown")
        operations = ["x,y,z,+1"]
    return MagneticGroup.from_strings(operations, block.column(_CENTERINGS))


def _moments(block: CifBlock, matrix: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Cartesian moments of the listed sites, in μB."""
    tags = _MOMENTS if _MOMENTS[0] in block else _OLD_MOMENTS
    if tags[0] not in block:
        raise ReadError("lists no moments along the crystal axes (_atom_site_moment.crystalaxis_x …)")
    axes = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    moments = {}
    for label, *row in block.rows("_atom_site_moment_label", *tags):
        along = [0.0 if text in {"?", "."} else block.parse(text, f"moment of {label}") for text in row]
        moments[label] = np.array(along) @ axes
    return moments


def _check_occupancies(block: CifBlock, labels: list[str]) -> None:
    if not labels:
        raise ReadError("lists no atoms")
    for label, text in zip(labels, block.column("_atom_site_occupancy") or ["1"] * len(labels), strict=True):
        share = 1.0 if text in {"?", "."} else block.parse(text, f"occupancy of {label}")
        if abs(share - 1) > FULL_OCCUPANCY:
            raise StructureError(f"site {label} is partly occupied ({share:g}); only ordered structures can be used")


def _element(symbol: str) -> str:
    """``Fe`` of ``Fe3+``, ``Fe1_2`` or ``FE``; deuterium is hydrogen here, as it is for the electrons."""
    from pymatgen.core.periodic_table import Element

    letters = re.match(r"[A-Za-z]{1,2}", symbol.strip())
    name = letters[0].capitalize() if letters else ""
    for candidate in (name, name[:1]):
        if candidate in {"D", "T"}:
            return "H"
        if candidate and Element.is_valid_symbol(candidate):
            return candidate
    raise StructureError(f"unknown element {symbol[:20]!r}")
