"""What strided pattern matching answers with: class and uncertainty of every box, in its place."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import DataError, MagnetiteError, StructureError
from magnetite.prototypes.boxes import Specimen, with_copies
from magnetite.prototypes.classes import StructureClass
from magnetite.structures import validate_atoms
from magnetite.whole import whole

if TYPE_CHECKING:
    from ase import Atoms

FORMAT = "magnetite pattern map 1"
NOTHING = -1
"""In place of a class where there is none."""
MOST = 8
"""Classes that the summary names."""


@dataclass(frozen=True, eq=False)
class PatternMap:
    """Structure types of boxes on a grid.

    Attributes:
        centres: of the boxes in Å, shape (nx, ny, nz, 3).
        n_atoms: in each box, shape (nx, ny, nz).
        probabilities: of each class, half precision, shape (nx, ny, nz, n_classes); NaN where a box was not
            classified because it holds too few atoms or was refused.
        mutual_information: in bits, shape (nx, ny, nz); NaN likewise.
        classes: the classes of the last axis.
        specimen: the atoms.
        metadata: how it was made: box and stride in Å, passes, model, what was left out and why.
    """

    centres: NDArray[np.float64]
    n_atoms: NDArray[np.int32]
    probabilities: NDArray[np.float16]
    mutual_information: NDArray[np.float32]
    classes: tuple[StructureClass, ...]
    specimen: Specimen
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of boxes along each direction."""
        return self.n_atoms.shape

    @cached_property
    def classified(self) -> NDArray[np.bool_]:
        """Which boxes have an answer, shape (nx, ny, nz)."""
        return np.isfinite(self.mutual_information)

    @cached_property
    def winners(self) -> NDArray[np.int64]:
        """The most probable class of each box, `NOTHING` where there is no answer, shape (nx, ny, nz)."""
        best = np.argmax(np.where(self.classified[..., None], self.probabilities, 0), axis=-1)
        return np.where(self.classified, best, NOTHING)

    @cached_property
    def best(self) -> NDArray[np.float32]:
        """The probability of the most probable class, NaN where there is no answer, shape (nx, ny, nz)."""
        best: NDArray[np.float32] = self.probabilities.max(axis=-1).astype(np.float32)
        return best

    @property
    def counts(self) -> dict[StructureClass, int]:
        """How many boxes each class wins, the most frequent first."""
        found, numbers = np.unique(self.winners[self.classified], return_counts=True)
        order = np.argsort(-numbers, kind="stable")
        return {self.classes[found[i]]: int(numbers[i]) for i in order}

    def probability_of(self, label: str) -> NDArray[np.float16]:
        """The map of one class, shape (nx, ny, nz).

        Raises:
            MagnetiteError: there is no such class.
        """
        for place, entry in enumerate(self.classes):
            if entry.label == label:
                return self.probabilities[..., place]
        raise MagnetiteError("the map has no such class", label)

    def onto_atoms(self) -> Atoms:
        """The atoms, each with the answer of the nearest box that has one.

        Returns:
            ASE atoms with the arrays ``prototype`` (place of the class in `classes`), ``probability`` and
            ``mutual_information`` (bits), and what the places mean in ``info["prototypes"]``. ASE writes them
            as extxyz, which OVITO reads.

        Raises:
            MagnetiteError: no box has an answer.
        """
        from ase import Atoms
        from scipy.spatial import cKDTree

        if not self.classified.any():
            raise MagnetiteError("no box was classified, so there is nothing to say of the atoms", self.specimen.source)
        known = self.specimen
        places = self.centres[self.classified] @ np.linalg.inv(known.basis)
        atoms_at = known.places @ known.basis
        # A copy that is nearer than the nearest box of the cell itself is no farther from the cell than that.
        margin = np.full(3, cKDTree(places @ known.basis).query(atoms_at)[0].max())
        points, owners = with_copies(places, known.basis, known.periodic, margin)
        nearest = owners[cKDTree(points).query(atoms_at)[1]]
        atoms = Atoms(known.numbers, known.positions, cell=known.cell, pbc=known.periodic)
        chosen = self.winners[self.classified][nearest]
        atoms.set_array("prototype", chosen)
        atoms.set_array("probability", self.best[self.classified][nearest].astype(float))
        atoms.set_array("mutual_information", self.mutual_information[self.classified][nearest].astype(float))
        atoms.info["prototypes"] = "; ".join(f"{i} {self.classes[i].label}" for i in np.unique(chosen).tolist())
        return atoms

    def save(self, path: str | Path) -> None:
        """Write it as a compressed npz file, whole or not at all; what is no array is in ``metadata`` as JSON."""
        path, known = Path(path), self.specimen
        told = {
            "format": FORMAT,
            "classes": [entry.as_dict() for entry in self.classes],
            "periodic": list(known.periodic),
            "source": known.source,
            **self.metadata,
        }
        with whole(path) as handle:
            np.savez_compressed(
                handle, centres=self.centres, n_atoms=self.n_atoms, probabilities=self.probabilities,
                mutual_information=self.mutual_information, positions=known.positions, numbers=known.numbers,
                cell=known.cell, metadata=np.array(json.dumps(told, ensure_ascii=False)),
            )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: the file is missing, damaged or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                told = json.loads(str(arrays["metadata"]))
                if told.pop("format") != FORMAT:
                    raise DataError("is not a map of this version", str(path))
                classes = tuple(StructureClass.from_dict(entry) for entry in told.pop("classes"))
                x, y, z = told.pop("periodic")
                specimen = Specimen(
                    arrays["positions"], arrays["numbers"], arrays["cell"], (x, y, z), told.pop("source")
                )
                found = cls(
                    arrays["centres"], arrays["n_atoms"], arrays["probabilities"], arrays["mutual_information"],
                    classes, specimen, told,
                )  # fmt: skip
            _refuse_misfit(found)
        except (
            OSError, EOFError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, BadZipFile, zlib.error,
            StructureError,
        ) as error:  # fmt: skip
            raise DataError(f"is not a pattern map ({error})", str(path)) from error
        return found

    def __str__(self) -> str:
        """A short table."""
        asked, size = int(self.classified.sum()), " × ".join(map(str, self.shape))
        lines = [f"{self.specimen.source or 'specimen'}: {size} boxes, {asked:,} classified"]
        lines += [f"  {count:>9,}  not: {reason}" for reason, count in self.metadata.get("left_out", {}).items()]
        for entry, count in list(self.counts.items())[:MOST]:
            bits = float(np.mean(self.mutual_information[self.winners == self.classes.index(entry)]))
            lines.append(f"  {count:>9,}  {count / asked:6.1%}  {bits:.3f} bits  {entry}")
        if len(self.counts) > MOST:
            lines.append(f"  {sum(list(self.counts.values())[MOST:]):>9,}  in {len(self.counts) - MOST} more classes")
        return "\n".join(lines)


def _refuse_misfit(found: PatternMap) -> None:
    """Stop at arrays that do not fit each other.

    Raises:
        ValueError: one does not, or holds no numbers of atoms or places.
    """
    grid, known = found.shape, found.specimen
    shapes: dict[str, tuple[NDArray[Any], tuple[int, ...]]] = {
        "centres": (found.centres, (*grid, 3)), "probabilities": (found.probabilities, (*grid, len(found.classes))),
        "mutual_information": (found.mutual_information, grid), "positions": (known.positions, (len(known), 3)),
        "numbers": (known.numbers, (len(known),)), "cell": (known.cell, (3, 3)), "n_atoms": (found.n_atoms, grid[:3]),
    }  # fmt: skip
    for name, (array, shape) in shapes.items():
        if array.shape != shape:
            raise ValueError(f"{name} has shape {array.shape}, not {shape}")
        if not np.issubdtype(array.dtype, np.integer if name in {"numbers", "n_atoms"} else np.floating):
            raise ValueError(f"{name} holds {array.dtype}")
    if not np.isfinite(known.positions).all() or not np.isfinite(known.cell).all():
        raise ValueError("positions or cell are not finite")
    validate_atoms(known.numbers, len(known), known.source)
