"""A magnetic order as it goes to other programs: a cell, its atoms and their moments."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from monty.json import MSONable

from magnetite.errors import StructureError
from magnetite.whole import whole_path

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import Structure

KINDS = ("FM", "AFM", "FiM", "NM")
FORMATS = ("mcif", "vasp", "extxyz")
"""What `MagneticOrder.write` writes."""
_DECIMALS = 3


@dataclass(frozen=True)
class MagneticOrder(MSONable):
    """A magnetic order in a cell that repeats it.

    Attributes:
        kind: ``FM``, ``AFM``, ``FiM`` or ``NM``.
        score: probability that the crystal has this order if it orders at all, estimated; for ranking.
        lattice: rows are the magnetic cell's vectors in Å, shape (3, 3).
        species: symbol of each atom, shape (n,).
        frac_coords: in the magnetic cell, shape (n, 3).
        moments: in μB along one axis, shape (n,), or Cartesian vectors, shape (n, 3).
        transformation: rows are the magnetic cell's vectors in units of those of the cell that was given, whole
            numbers, shape (3, 3), as pymatgen's ``make_supercell`` takes it.
        wave_vector: propagation vector in the reciprocal basis of the primitive chemical cell, as fractions.
        wave_vector_input: the same in the reciprocal basis of the cell that was given.
    """

    kind: str
    score: float
    lattice: tuple[tuple[float, ...], ...]
    species: tuple[str, ...]
    frac_coords: tuple[tuple[float, ...], ...]
    moments: tuple[float, ...] | tuple[tuple[float, ...], ...]
    transformation: tuple[tuple[int, ...], ...]
    wave_vector: tuple[str, str, str]
    wave_vector_input: tuple[str, str, str]

    def __post_init__(self) -> None:
        # JSON has no tuples; restoring them here keeps as_dict and from_dict exact inverses.
        for name in ("lattice", "species", "frac_coords", "moments", "transformation", "wave_vector"):
            object.__setattr__(self, name, _tuples(getattr(self, name)))
        object.__setattr__(self, "wave_vector_input", _tuples(self.wave_vector_input))
        size = len(self.species)
        if self.kind not in KINDS:
            raise StructureError(f"no kind of magnetic order is called {self.kind!r}; there are {', '.join(KINDS)}")
        if np.shape(self.moments) not in {(size,), (size, 3)} or np.shape(self.frac_coords) != (size, 3):
            raise StructureError(
                f"moments of shape {np.shape(self.moments)} and coordinates of shape {np.shape(self.frac_coords)} "
                f"do not fit {size} atoms"
            )

    def __len__(self) -> int:
        return len(self.species)

    @property
    def collinear(self) -> bool:
        """Whether all moments lie along one axis."""
        return np.ndim(self.moments) == 1 or bool(np.linalg.matrix_rank(self.moments, tol=10**-_DECIMALS) <= 1)

    @property
    def fits_input(self) -> bool:
        """Whether the cell that was given repeats the order."""
        return np.array_equal(self.transformation, np.eye(3))

    @property
    def k(self) -> tuple[Fraction, ...]:
        """Propagation vector in the reciprocal basis of the primitive chemical cell."""
        return tuple(Fraction(component) for component in self.wave_vector)

    @property
    def net_moment(self) -> float:
        """|Σm| of the cell in μB."""
        return round(float(np.linalg.norm(np.sum(self.moments, axis=0))), _DECIMALS)

    def to_structure(self) -> Structure:
        """Pymatgen's structure of the magnetic cell; the site property ``magmom`` holds the moments in μB."""
        from pymatgen.core.structure import Structure

        moments = [list(m) if isinstance(m, tuple) else m for m in self.moments]
        return Structure(
            np.array(self.lattice), list(self.species), self.frac_coords, site_properties={"magmom": moments}
        )

    def to_atoms(self) -> Atoms:
        """ASE's atoms of the magnetic cell; initial magnetic moments are set."""
        from ase import Atoms

        atoms = Atoms(list(self.species), scaled_positions=self.frac_coords, cell=np.array(self.lattice), pbc=True)
        atoms.set_initial_magnetic_moments(np.array(self.moments))
        return atoms

    def vasp_magmom(self) -> str:
        """The line of VASP's INCAR, equal neighbours taken together: ``MAGMOM = 2*1.7 2*-1.7 4*0``.

        In the order of the atoms here, which `to_structure` and a POSCAR made of it have too. For moments that are
        not collinear three numbers an atom, as VASP takes them with ``LNONCOLLINEAR``.
        """
        rounded = np.ravel(self.moments).round(_DECIMALS) + 0.0  # which makes 0 of -0
        numbers = [f"{number:.{_DECIMALS}f}".rstrip("0").rstrip(".") for number in rounded]
        runs = [(text, len(list(run))) for text, run in groupby(numbers)]
        return "MAGMOM = " + " ".join(f"{count}*{text}" if count > 1 else text for text, count in runs)

    def write(self, path: str | Path, fmt: str | None = None) -> Path:
        """Write the cell with its moments.

        Args:
            path: the file, replaced if it is there, when all is written.
            fmt: ``mcif`` (moments along z where they are collinear), ``vasp`` (a POSCAR whose first line is the
                MAGMOM line) or ``extxyz``; by the ending of the path if None, mcif if that says nothing.

        Returns:
            The path.

        Raises:
            StructureError: there is no such format.
        """
        target = Path(path)
        ending = target.suffix.lstrip(".").lower()
        chosen = fmt or (ending if ending in FORMATS else FORMATS[0])
        if chosen not in FORMATS:
            raise StructureError(f"cannot write {chosen!r}; formats are {', '.join(FORMATS)}", str(path))
        with whole_path(target) as partial:
            if chosen == "extxyz":
                from ase.io import write

                write(partial, self.to_atoms(), format="extxyz")
            elif chosen == "vasp":
                from pymatgen.io.vasp.inputs import Poscar

                bare = self.to_structure().remove_site_property("magmom")
                Poscar(bare, comment=self.vasp_magmom()).write_file(partial, significant_figures=10)
            else:
                from pymatgen.io.cif import CifWriter

                CifWriter(self.to_structure(), write_magmoms=True, significant_figures=10).write_file(partial)
        return target

    def __str__(self) -> str:
        """One line."""
        cell = "cell as given" if self.fits_input else f"{self._multiple} × the cell given"
        moments = "" if self.collinear else ", not collinear"
        return (
            f"{self.kind:<3}  k = ({' '.join(self.wave_vector)})  {cell}, {len(self)} atoms{moments}  {self.score:.3f}"
        )

    @property
    def _multiple(self) -> int:
        return round(abs(float(np.linalg.det(np.array(self.transformation, dtype=float)))))


def _tuples(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_tuples(item) for item in value)
    return value
