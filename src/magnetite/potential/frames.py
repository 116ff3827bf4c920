"""Frames with labels: what density functional theory says of crystals with moments, from any file that ASE reads."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from magnetite.datasets.records import PACKED, open_lines
from magnetite.errors import DataError, StructureError
from magnetite.potential.arrays import as_vectors, finite
from magnetite.potential.batch import Surroundings, surroundings
from magnetite.potential.taking import as_spin_crystal

if TYPE_CHECKING:
    from ase import Atoms

MAGNETIC_FORCES = "magnetic_forces"
"""Array of −dE/dm in eV/μB, as DeltaSpin and DeepSPIN call it."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A crystal with moments and its labels; those that are missing are None.

    Attributes:
        around: atoms, moments and neighbours.
        energy: of the cell in eV.
        forces: in eV/Å, (n, 3).
        stress: in eV/Å³, sign as ASE's, (3, 3).
        magnetic: −dE/dm in eV/μB, (n, 3).
        group: that the file puts it in, for tables.
        source: file and number of the frame.
    """

    around: Surroundings
    energy: float
    forces: NDArray[np.float64] | None
    stress: NDArray[np.float64] | None
    magnetic: NDArray[np.float64] | None
    group: str
    source: str

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.around)

    @property
    def energy_per_atom(self) -> float:
        """In eV."""
        return self.energy / self.n_atoms


def read_frames(
    path: Path, cutoff: float, *, self_consistent: bool = False, without: Iterable[str] = ()
) -> list[Frame]:
    """Read labelled frames; those that cannot be used are left out, with a warning.

    Args:
        path: extxyz (also packed) or another format of ASE's, with ``energy``, ``forces`` and ``magmoms``, and
            where known ``stress`` and the array ``magnetic_forces``; ``group`` names kinds of frame. Of frames
            without ``magmoms`` the ``initial_magmoms`` are taken, with a warning.
        cutoff: of the potential, in Å.
        self_consistent: the moments were relaxed, so that −dE/dm is zero where no array says otherwise.
        without: groups that are left out.

    Raises:
        DataError: the file cannot be read, has no such group, or no frame can be used.
        StructureError: likewise, and the first frame is no structure.
    """
    images = read_images(path)
    left_out, groups = set(without), [_group(atoms) for atoms in images]
    if unknown := sorted(left_out.difference(groups)):
        there = ", ".join(sorted(set(groups))) or "none"
        raise DataError(f"has no group {', '.join(unknown)} that could be left out; there are: {there}", str(path))
    kept = [(number, atoms) for number, atoms in enumerate(images) if groups[number] not in left_out]
    if not kept:
        raise DataError("holds no frames" + (" of other groups" if left_out else ""), str(path))
    warn_of_guesses([atoms for _, atoms in kept], path)
    frames, refused = [], []
    for number, atoms in kept:
        try:
            frames.append(_frame(atoms, cutoff, f"{path}, frame {number}", self_consistent))
        except (DataError, StructureError) as error:
            refused.append(error)
    if not frames:
        raise refused[0]
    if refused:
        warnings.warn(f"{len(refused)} of {len(kept)} frames are left out; the first: {refused[0]}", stacklevel=2)
    return frames


def read_images(path: Path) -> list[Atoms]:
    """All frames of a file, also packed, as ASE reads them.

    Raises:
        DataError: it cannot be read.
    """
    from ase.io import read
    from ase.io.formats import filetype

    packed = path.suffix.lower() in PACKED  # unpacked first: ASE jumps about in the file, and would unpack at each jump
    unpacked = b"".join(open_lines(path)) if packed else b""
    try:
        source = io.StringIO(unpacked.decode("utf-8")) if packed else path
        images = read(source, index=":", format=filetype(str(path)), do_not_split_by_at_sign=True)
    except Exception as error:
        raise DataError(f"ASE cannot read the frames ({type(error).__name__}: {error})", str(path)) from error
    assert isinstance(images, list)
    return images


def labelled(atoms: Atoms, source: str) -> tuple[float, NDArray[np.float64], NDArray[np.float64] | None]:
    """Energy in eV, moments in μB, (n, 3), and −dE/dm in eV/μB, (n, 3), where the frame has them.

    Raises:
        DataError: energy or moments are missing or no finite numbers.
    """
    results = _results(atoms)
    if "energy" not in results:
        raise DataError("has no energy", source)
    energy = float(finite(results["energy"], (), "energy", source))
    moments = results.get("magmoms", atoms.arrays.get("initial_magmoms"))
    if moments is None:
        raise DataError("has no magmoms", source)
    magnetic = _finite(atoms.arrays.get(MAGNETIC_FORCES), (len(atoms), 3), MAGNETIC_FORCES, source)
    return energy, as_vectors(moments, len(atoms), source), magnetic


def warn_of_guesses(images: Sequence[Atoms], path: Path) -> None:
    """Say if moments of frames are those that calculations start from, not what they found."""
    guessed = sum("magmoms" not in _results(atoms) and atoms.has("initial_magmoms") for atoms in images)
    if guessed:
        warnings.warn(
            f"{path}: {guessed} of {len(images)} frames have no magmoms, only initial_magmoms, which calculations "
            "start from; they are taken for moments of the energies and forces",
            stacklevel=3,
        )


def _group(atoms: Atoms) -> str:
    """The kind of frame that the file puts it in."""
    return str(atoms.info.get("group", "all"))


def _results(atoms: Atoms) -> dict[str, Any]:
    """What was computed of them."""
    return dict(atoms.calc.results) if atoms.calc else {}


def _frame(atoms: Atoms, cutoff: float, source: str, self_consistent: bool) -> Frame:
    energy, moments, magnetic = labelled(atoms, source)
    if magnetic is None and self_consistent:
        magnetic = np.zeros((len(atoms), 3))
    taken = as_spin_crystal(atoms, moments, source)
    results = atoms.calc.results
    stress = results.get("stress") if atoms.pbc.any() else None  # of a cluster it is per nothing
    return Frame(
        around=surroundings(taken.crystal, taken.moments, cutoff, taken.volume),
        energy=energy,
        forces=_finite(results.get("forces"), (len(atoms), 3), "forces", source),
        stress=None if stress is None else _finite(_full(np.asarray(stress)), (3, 3), "stress", source),
        magnetic=magnetic,
        group=_group(atoms),
        source=source,
    )


def without_moments_of(frames: list[Frame], numbers: set[int]) -> list[Frame]:
    """The same frames with the moments of some elements, and their magnetic forces, set to zero."""
    found = []
    for frame in frames:
        mute = np.isin(frame.around.numbers, list(numbers))[:, None]
        magnetic = None if frame.magnetic is None else np.where(mute, 0.0, frame.magnetic)
        around = replace(frame.around, moments=np.where(mute, 0.0, frame.around.moments))
        found.append(replace(frame, around=around, magnetic=magnetic))
    return found


def groups_of(frames: list[Frame]) -> dict[str, list[Frame]]:
    """Frames by the group that their file names."""
    found: dict[str, list[Frame]] = {}
    for frame in frames:
        found.setdefault(frame.group, []).append(frame)
    return found


def _finite(values: object, shape: tuple[int, ...], name: str, source: str) -> NDArray[np.float64] | None:
    return None if values is None else finite(values, shape, name, source)


def _full(stress: NDArray[np.float64]) -> NDArray[np.float64]:
    from ase.stress import voigt_6_to_full_3x3_stress

    return np.asarray(voigt_6_to_full_3x3_stress(stress)) if stress.shape == (6,) else stress
