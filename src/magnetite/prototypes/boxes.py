"""Boxes that slide over a sample: which of its atoms lie in each, copies across periodic boundaries included."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from os import PathLike
from pathlib import Path
from typing import Any, Self, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from magnetite.cells import validate_cell
from magnetite.clusters import Cluster, as_sample
from magnetite.errors import StructureError
from magnetite.graphs import MIN_DISTANCE
from magnetite.structures import decode, is_structure, refuse_composition, site_numbers

Floats: TypeAlias = NDArray[np.float64]

MAX_BOXES, MOST_COPIES = 5_000_000, 4_000_000
"""Answers to so many boxes, and so many atoms with their periodic copies, still fit into a few GB."""
MAX_DOUBLES = 0.02
"""Share of atoms that may stand on top of others; where grains are joined by construction, a few do."""
CENTRES_AT_ONCE = 512
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Specimen:
    """Atoms of any number that repeat along none, some or all vectors of a cell.

    Attributes:
        positions: Cartesian, in Å, shape (n_atoms, 3).
        numbers: atomic numbers, shape (n_atoms,).
        cell: rows are the cell vectors in Å, shape (3, 3); those it does not repeat along may be zero.
        periodic: along which vectors it repeats.
        source: where it came from, for error messages.
    """

    positions: Floats
    numbers: NDArray[np.int64]
    cell: Floats
    periodic: tuple[bool, bool, bool]
    source: str | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @cached_property
    def basis(self) -> Floats:
        """The vectors it repeats along, in Å, and unit vectors at right angles for the others, shape (3, 3)."""
        from ase.cell import Cell

        kept = np.where(np.array(self.periodic)[:, None], self.cell, 0.0)
        basis: Floats = np.array(Cell(kept).complete()) if any(self.periodic) else np.eye(3)
        return basis

    @cached_property
    def places(self) -> Floats:
        """Coordinates along `basis`, from 0 to 1 where it repeats and in Å elsewhere, shape (n_atoms, 3)."""
        places = self.positions @ np.linalg.inv(self.basis)
        places -= np.floor(places) * np.array(self.periodic)
        return cast("Floats", places)

    @property
    def digest(self) -> str:
        """A hash of all that decides the answer."""
        known = hashlib.sha256(np.array(self.periodic).tobytes())
        for array in (self.positions, self.numbers, self.basis):
            known.update(np.ascontiguousarray(array).tobytes())
        return known.hexdigest()

    def repeating(self, periodic: bool | Sequence[bool] | None) -> Specimen:
        """The same, repeating along other vectors; None keeps them.

        Raises:
            StructureError: there is no cell vector to repeat along.
        """
        if periodic is None:
            return self
        wanted: tuple[Any, ...] = (periodic,) * 3 if np.ndim(periodic) == 0 else tuple(cast("Sequence[bool]", periodic))
        if any(value not in (False, True) for value in wanted):
            raise StructureError(f"periodic is true or false, for one or three vectors, not {periodic!r}", self.source)
        if len(wanted) != len(self.periodic):
            raise StructureError(f"periodic must be one or three values, not {len(wanted)}", self.source)
        missing = [axis for axis in range(3) if wanted[axis] and not self.cell[axis].any()]
        if missing:
            raise StructureError(f"has no cell vector {missing[0] + 1} to repeat along", self.source)
        return _checked(replace(self, periodic=(bool(wanted[0]), bool(wanted[1]), bool(wanted[2]))))

    def without_doubles(self) -> Specimen:
        """The same without the later of two atoms in one place, as where grains were joined by construction.

        Raises:
            StructureError: these are too many, or the others cannot be used.
        """
        from scipy.spatial import cKDTree

        points, owners = with_copies(self.places, self.basis, self.periodic, np.full(3, MIN_DISTANCE))
        near = owners[cKDTree(points).query_pairs(MIN_DISTANCE * (1 - ROUNDING), output_type="ndarray")]
        doubles = np.unique(near.max(axis=1)) if len(near) else near
        if len(doubles) > max(2, MAX_DOUBLES * len(self)):
            raise StructureError(f"has {len(doubles):,} atoms closer than {MIN_DISTANCE} Å to others", self.source)
        kept = np.setdiff1d(np.arange(len(self)), doubles)
        Cluster(self.positions[kept], self.numbers[kept], self.source)  # which checks all the rest
        return replace(self, positions=self.positions[kept], numbers=self.numbers[kept])


def as_specimen(structure: Any, source: str | None = None) -> Specimen:
    """Turn a structure of any accepted kind into a validated specimen.

    Args:
        structure: what `as_sample` takes; ASE ``Atoms`` and pymatgen ``Structure`` may have up to a million
            atoms, and keep what they say of periodicity.
        source: how error messages name it; paths name themselves.

    Raises:
        StructureError: it is not an ordered structure of known elements.
        ReadError: a file cannot be read.
    """
    if isinstance(structure, Specimen):
        return structure
    if isinstance(structure, str | PathLike):
        from magnetite.sources import read_one

        return cast("Specimen", read_one(Path(structure), as_specimen))
    if hasattr(structure, "get_atomic_numbers"):
        cell, periodic = np.array(structure.cell.array, float), tuple(bool(value) for value in structure.pbc)
        positions, numbers = np.array(structure.get_positions()), np.array(structure.get_atomic_numbers(), int)
        return _checked(Specimen(positions, numbers, cell, cast("tuple[bool, bool, bool]", periodic), source))
    refuse_composition(structure, source)
    if isinstance(structure, Mapping) and "lattice" in structure and "sites" in structure:
        structure = decode(structure, source)
    if is_structure(structure):
        cell, numbers = np.array(structure.lattice.matrix), site_numbers(structure, source)
        positions = np.array(structure.cart_coords).reshape(-1, 3)
        return _checked(Specimen(positions, numbers, cell, structure.lattice.pbc, source))
    sample = as_sample(structure, source)
    if isinstance(sample, Cluster):
        return Specimen(sample.positions, sample.numbers, np.zeros((3, 3)), (False, False, False), sample.source)
    positions = sample.frac_coords @ sample.lattice
    return Specimen(positions, sample.numbers, sample.lattice, (True, True, True), sample.source)


def _checked(specimen: Specimen) -> Specimen:
    """The same.

    Raises:
        StructureError: it cannot be used.
    """
    few = min(len(specimen), 1)  # here only what would break the search for doubles, which checks the rest
    if not np.isfinite(specimen.positions).all():
        raise StructureError("has NaN or infinite numbers in its coordinates", specimen.source)
    Cluster(specimen.positions[:few], specimen.numbers[:few], specimen.source)
    if any(specimen.periodic):
        vectors = specimen.cell[np.array(specimen.periodic)]
        if not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
            raise StructureError("repeats along cell vectors that are zero or not finite", specimen.source)
        if all(specimen.periodic):
            validate_cell(specimen.cell, len(specimen), specimen.source)
        elif np.linalg.matrix_rank(vectors) < len(vectors):
            raise StructureError("repeats along cell vectors that are parallel", specimen.source)
    return specimen


def with_copies(
    places: Floats, basis: Floats, periodic: Sequence[bool], margin: Floats
) -> tuple[Floats, NDArray[np.intp]]:
    """Points and their periodic copies as far as a margin around the cell.

    Args:
        places: coordinates along `basis`, from 0 to 1 where it repeats, shape (n, 3).
        basis: rows are vectors in Å, shape (3, 3).
        periodic: along which of them it repeats.
        margin: half the edges of a box, along x, y and z in Å, shape (3,).

    Returns:
        Cartesian positions in Å, (m, 3), the points first, and which point each is a copy of, (m,).
    """
    reach = margin @ abs(np.linalg.inv(basis)) + ROUNDING
    ranges = [
        range(-int(np.ceil(far)), int(np.ceil(far)) + 1) if on else range(1)
        for far, on in zip(reach, periodic, strict=True)
    ]
    every, owners = [places], [np.arange(len(places))]
    for shift in product(*ranges):
        moved = places + shift
        inside = ((moved >= -reach) & (moved <= 1 + reach)) | ~np.array(periodic)
        if any(shift):
            near = np.flatnonzero(inside.all(axis=1))
            every.append(moved[near])
            owners.append(near)
    return np.concatenate(every) @ basis, np.concatenate(owners)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of one size on a grid over a specimen.

    Along vectors that it repeats along, the grid divides the cell evenly, with steps no longer than asked for.
    Elsewhere it has floor(extent / stride) + 1 points, centred on the specimen, as in the paper's code.

    Attributes:
        specimen: what they are cut from.
        size: their edges along x, y and z in Å, shape (3,).
        steps: the grid's coordinates along each vector of the specimen's basis.
    """

    specimen: Specimen
    size: Floats
    steps: tuple[Floats, Floats, Floats]

    @classmethod
    def over(cls, specimen: Specimen, size: Floats, stride: Floats) -> Self:
        """Lay the grid.

        Args:
            specimen: what they are cut from.
            size: edges of the boxes along x, y and z in Å, shape (3,).
            stride: how far they move along each vector of the basis in Å, shape (3,).

        Raises:
            StructureError: sizes are not positive, or there would be too many boxes.
        """
        for name, values in (("box", size), ("stride", stride)):
            if values.shape != (3,) or not np.isfinite(values).all() or (values <= 0).any():
                raise StructureError(f"{name} must be one or three positive lengths in Å", specimen.source)
        repeats = np.where(specimen.periodic, 1 + size @ abs(np.linalg.inv(specimen.basis)), 1).prod()
        if repeats * len(specimen) > MOST_COPIES:  # refused before so many are made
            raise StructureError(f"would be repeated {repeats:,.0f} times; take smaller boxes", specimen.source)
        lengths = np.linalg.norm(specimen.basis, axis=1)
        low, high = specimen.places.min(axis=0), specimen.places.max(axis=0)
        open_counts = np.floor((high - low) / stride + ROUNDING) + 1
        counts = np.where(specimen.periodic, np.maximum(1, np.ceil(lengths / stride - ROUNDING)), open_counts)
        if counts.prod() > MAX_BOXES:
            raise StructureError(
                f"gives {counts.prod():,.0f} boxes, more than {MAX_BOXES:,}; take a longer stride or a part of it",
                specimen.source,
            )
        steps = [
            np.arange(n) / n if on else (low[axis] + high[axis]) / 2 + (np.arange(n) - (n - 1) / 2) * stride[axis]
            for axis, (n, on) in enumerate(zip(counts.astype(int).tolist(), specimen.periodic, strict=True))
        ]
        return cls(specimen, size, (steps[0], steps[1], steps[2]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of boxes along each vector."""
        return len(self.steps[0]), len(self.steps[1]), len(self.steps[2])

    @cached_property
    def centres(self) -> Floats:
        """Their centres in Å, shape (nx, ny, nz, 3)."""
        return np.stack(np.meshgrid(*self.steps, indexing="ij"), axis=-1) @ self.specimen.basis

    def count(self) -> NDArray[np.int32]:
        """Number of atoms in each, shape (nx, ny, nz)."""
        found = [
            self._tree.query_ball_point(part, 1 + ROUNDING, p=np.inf, return_length=True)
            for part in self._parts(np.arange(np.prod(self.shape)))
        ]
        return np.concatenate(found).astype(np.int32).reshape(self.shape)

    def cut(self, chosen: NDArray[np.intp]) -> Iterator[Cluster | StructureError]:
        """The atoms of boxes, by their places in the flattened grid; an error where they cannot be a cluster."""
        positions, numbers = self._atoms
        places = iter(chosen.tolist())
        for part in self._parts(chosen):
            for atoms in self._tree.query_ball_point(part, 1 + ROUNDING, p=np.inf, return_sorted=True):
                name = "box " + " ".join(str(int(place)) for place in np.unravel_index(next(places), self.shape))
                try:
                    yield Cluster(positions[atoms], numbers[atoms], name)
                except StructureError as error:
                    yield error

    def _parts(self, chosen: NDArray[np.intp]) -> Iterator[Floats]:
        """Centres in units of half a box, a few at a time."""
        centres = self.centres.reshape(-1, 3) / (self.size / 2)
        for start in range(0, len(chosen), CENTRES_AT_ONCE):
            yield centres[chosen[start : start + CENTRES_AT_ONCE]]

    @cached_property
    def _atoms(self) -> tuple[Floats, NDArray[np.int64]]:
        """Positions and atomic numbers of all atoms and copies that boxes can hold."""
        known = self.specimen
        points, owners = with_copies(known.places, known.basis, known.periodic, self.size / 2)
        return points, known.numbers[owners]

    @cached_property
    def _tree(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 (scipy has no types)
        from scipy.spatial import cKDTree

        return cKDTree(self._atoms[0] / (self.size / 2))
