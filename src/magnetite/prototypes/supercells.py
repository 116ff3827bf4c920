"""The ideal prototypes and the pieces of them that are learned from and damaged.

Leitherer 2021, Methods, "Dataset creation": every structure is seen with periodic boundaries and as three
finite supercells: the first isotropic repetition with at least 100 atoms and the next two; 2D materials
are repeated in their plane alone, nanotubes are finite as they are.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from magnetite.clusters import Cluster, Sample, as_sample
from magnetite.errors import DataError, MagnetiteError
from magnetite.structures import Crystal

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_ATOMS = 100
"""The smallest finite supercell has at least this many atoms."""
SUPERCELLS = 3
"""How many finite supercells of each crystal there are."""
BULK = 3
DIMENSIONS = {"2D_materials": 2, "Nanotubes": 1}
"""In how many directions a kind goes on: the others are `BULK`."""


@dataclass(frozen=True)
class Prototype:
    """One ideal structure type.

    Attributes:
        number: as in the paper's Supplementary Tables 4–8, from 1.
        label: short name, unique.
        index: place in the class list of the published network, from 0.
        name: as the paper calls it.
        kind: ``Elemental_solids``, ``Binaries``, ``Ternaries``, ``Quaternaries``, ``2D_materials`` or ``Nanotubes``.
        symmetry: as the paper writes it, with or without a number: ``229, cubic``, ``tetragonal``.
        sample: the primitive cell, or the finite nanotube.
    """

    number: int
    label: str
    index: int
    name: str
    kind: str
    symmetry: str
    sample: Sample

    @property
    def dimension(self) -> int:
        """3 for bulk, 2 for monolayers, 1 for nanotubes."""
        return DIMENSIONS.get(self.kind, BULK)

    @property
    def spacegroup(self) -> int | None:
        """Number of the space group; None where the paper gives only a crystal system, or none at all."""
        number = re.match(r"\d+", self.symmetry)
        return int(number[0]) if number else None


@dataclass(frozen=True)
class Variant:
    """A prototype as a certain piece of it.

    Attributes:
        prototype: of what.
        sample: a `Crystal` if periodic, a `Cluster` if finite.
        repeats: of the primitive cell along each repeated axis.
    """

    prototype: Prototype
    sample: Sample
    repeats: int = 1

    @property
    def label(self) -> str:
        """Of the prototype: the right answer."""
        return self.prototype.label

    @property
    def periodic(self) -> bool:
        """Whether it has no ends."""
        return isinstance(self.sample, Crystal)


def read_prototypes(folder: Path) -> list[Prototype]:
    """Read a folder of ``<label>.extxyz`` files and their ``manifest.csv``, in the order of their numbers.

    Raises:
        DataError: the manifest or a structure is missing or malformed.
    """
    manifest = folder / "manifest.csv"
    try:
        with manifest.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        prototypes = [_read(folder, row) for row in rows]
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", str(manifest)) from error
    except (KeyError, ValueError) as error:
        raise DataError(f"is not a manifest of prototypes ({type(error).__name__}: {error})", str(manifest)) from error
    if not prototypes:
        raise DataError("lists no prototypes", str(manifest))
    return sorted(prototypes, key=lambda prototype: prototype.number)


def _read(folder: Path, row: dict[str, str]) -> Prototype:
    path = folder / f"{row['label']}.extxyz"
    try:
        sample = as_sample(path)
    except MagnetiteError as error:
        raise DataError(f"prototype cannot be used: {error.reason}", str(path)) from error
    return Prototype(
        int(row["number"]), row["label"], int(row["nn_output_index"]), row["paper_name"], row["type"],
        row["paper_symmetry"], sample,
    )  # fmt: skip


def repeated(crystal: Crystal, repeats: tuple[int, int, int]) -> Crystal:
    """A supercell; its atoms keep their distances, also where they stand outside the cell.

    Args:
        crystal: the cell.
        repeats: along each of its vectors.
    """
    counts = np.array(repeats)
    shifts = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1).reshape(-1, 1, 3)
    coords = ((crystal.frac_coords + shifts) / counts).reshape(-1, 3)
    return Crystal(crystal.lattice * counts[:, None], coords, np.tile(crystal.numbers, len(shifts)), crystal.source)


def finite(crystal: Crystal) -> Cluster:
    """The atoms of one cell in empty space, where the coordinates put them."""
    return Cluster(crystal.frac_coords @ crystal.lattice, crystal.numbers, crystal.source)


def supercells(prototype: Prototype) -> list[Variant]:
    """The periodic supercells: the first isotropic one with at least `MIN_ATOMS` atoms and the next two.

    Those of a 2D material grow in its plane alone. A nanotube has none: the list is empty.
    """
    cell, axes = prototype.sample, prototype.dimension
    if isinstance(cell, Cluster):
        return []
    first = next(n for n in range(1, MIN_ATOMS + 1) if len(cell) * n**axes >= MIN_ATOMS)
    return [
        Variant(prototype, repeated(cell, (n, n, n if axes == BULK else 1)), n)
        for n in range(first, first + SUPERCELLS)
    ]


def finite_samples(prototype: Prototype) -> list[Variant]:
    """The three finite supercells of a crystal; the nanotube itself."""
    if isinstance(prototype.sample, Cluster):
        return [Variant(prototype, prototype.sample)]
    return [
        Variant(prototype, finite(cell.sample), cell.repeats)
        for cell in supercells(prototype)
        if isinstance(cell.sample, Crystal)
    ]


def pristine_samples(prototypes: Iterable[Prototype]) -> list[Variant]:
    """Every prototype under every boundary condition, as the network learns them.

    Periodic cells need no repetition, since the descriptor is a mean over the atoms. For the paper's list:
    96 cells + 96 × 3 finite supercells + 12 nanotubes = 396.
    """
    return [variant for prototype in prototypes for variant in _cells(prototype) + finite_samples(prototype)]


def _cells(prototype: Prototype) -> list[Variant]:
    return [Variant(prototype, prototype.sample)] if isinstance(prototype.sample, Crystal) else []


def hosts(prototypes: Iterable[Prototype]) -> list[Variant]:
    """What defects are put into: the supercells of every prototype, periodic and finite.

    For the paper's list 96 × 3 periodic + 96 × 3 finite + 12 nanotubes = 588, which ten repeats
    make the paper's 5,880 structures for each level of defects.
    """
    return [variant for prototype in prototypes for variant in supercells(prototype) + finite_samples(prototype)]
