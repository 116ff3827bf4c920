"""The training examples of the order, moment and propagation-vector tasks, with their splits.

Every example is a primitive chemical cell: the cell of a magnetic calculation or of a refined
magnetic structure gives its label away (it is a supercell for most antiferromagnets).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import ArrayLike, NDArray

from magnetite.datasets.curie import curie_formulas
from magnetite.datasets.fields import NEEDED, fold_of, zero_k_of
from magnetite.datasets.records import Record, find_records, read_records
from magnetite.elements import FROZEN_4F
from magnetite.errors import DataError, StructureError
from magnetite.graphs import Graph
from magnetite.structures import Crystal, as_crystal
from magnetite.sublattice import magnetic_geometry

N_FOLDS = 10
TEST_FOLD, VALIDATION_FOLD = HELD_OUT = 0, 1
MAX_TRAINING_ATOMS = 100
"""Larger primitive cells are left out of training (6 % of rows, a third of the time), not of testing."""
MAX_TRAINING_VOLUME = 100.0
"""Å³ per atom. Of the computed magnets beside the order set, one in twelve flew apart to a gas of atoms. Such rows are
left out of the training of networks, not of trees or tests."""
MAX_QUIET_ATOMS = 40
ORDER_INDEX = {"NM": 0, "AFM": 1, "FM": 2, "FiM": 2}
NOISY_CHEMISTRY = frozenset("V Cr Mn Fe Co Ni Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Th U Np Pu".split())
"""Elements for which absence from a list of magnets proves nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One labelled crystal.

    Attributes:
        graph: neighbour graph of the primitive cell.
        volume_per_atom: in Å³.
        formula: reduced formula; never in two splits.
        fold: 0–9; see `TEST_FOLD`, `VALIDATION_FOLD`.
        stratum: which set it belongs to (``ggau``, ``other``, ``quiet``, ``measured``).
        order: index into ORDER_CLASSES, or -1 where unknown.
        zero_k: 1 if the propagation vector is zero, 0 if not, -1 where unknown.
        moments: |m| of each atom in μB, NaN where unknown, shape (n_atoms,).
        balanced: belongs to the class-balanced subset that accuracies are reported on.
        identity: id of the row it came from.
        tier: ``A`` or ``B``, how safe the inference is, for labels NM by inference; else empty.
        geometry: `magnetic_geometry` of the primitive cell.
        has_curie: a Curie temperature has been measured for this formula, so that it orders FM or FiM.
    """

    graph: Graph
    volume_per_atom: float
    formula: str
    fold: int
    stratum: str
    order: int
    zero_k: int
    moments: NDArray[np.float32]
    balanced: bool
    identity: str
    geometry: NDArray[np.float64]
    tier: str = ""
    has_curie: bool = False


@lru_cache(maxsize=200_000)
def reduced_formula(formula: str) -> str:
    """Reduced formula in one spelling."""
    from pymatgen.core.composition import Composition

    return str(Composition(formula).reduced_formula)


def hash_fold(formula: str) -> int:
    """Fold of a formula that no data set assigns one to; the elements themselves always train."""
    letters = "".join(c for c in formula if not c.isdigit())
    if sum(c.isupper() for c in letters) == 1:
        return N_FOLDS - 1
    return int(hashlib.sha256(formula.encode()).hexdigest(), 16) % N_FOLDS


def chemical_cell(crystal: Crystal) -> tuple[Crystal, NDArray[np.int64]]:
    """The cell that models of magnetic order see: primitive, and without what is empty beside layers and wires.

    What is emptier than `MAX_TRAINING_VOLUME` even so, such as atoms and molecules in boxes, stays as it is.

    Returns:
        The cell, and for each atom of the crystal its place in it.
    """
    primitive, places = crystal.primitive
    near = primitive.condensed
    return (near if near.volume <= MAX_TRAINING_VOLUME * len(near) else primitive), places


class MagneticData:
    """Reads the labelled sets of a data folder (see docs/data.md) with one split for all of them.

    Args:
        folder: with ``dft_magnetic/`` and ``magndata/`` in it; ``curie/`` is used if it is there.
        folds: only examples of these folds are built (all by default); the measured set is always whole,
            since the propagation vector is measured out of fold.
    """

    def __init__(self, folder: Path, folds: Collection[int] = range(N_FOLDS)) -> None:
        self.folder, self.folds = folder, folds
        self.refused: list[StructureError] = []
        self.dft = folder / "dft_magnetic"
        self._with_curie = curie_formulas(folder / "curie")
        train = read_records(find_records(self.dft, "TRAIN_merker_like_ggau"), ("formula", "fold"))
        self._folds = {reduced_formula(r["formula"]): fold_of(r, N_FOLDS) for r in train}

    def _rows(self, name: str, folder: Path | None = None) -> Iterator[Record]:
        """Rows of a file of `NEEDED`."""
        return read_records(find_records(folder or self.dft, name), NEEDED[name])

    def fold(self, formula: str) -> int:
        """The fold of a reduced formula, the same in every set."""
        return self._folds.get(formula, hash_fold(formula))

    def _example(self, row: Record, cell: Record, stratum: str, order: str | None, **labels: Any) -> Example | None:
        """Validate and reduce a row; None if it is not a usable crystal."""
        formula = _formula(cell)
        if stratum != "measured" and self.fold(formula) not in self.folds:
            return None
        try:
            crystal = as_crystal(cell, source=str(row.get("id")))
            primitive, places = chemical_cell(crystal)
            graph = primitive.graph
        except StructureError as error:
            self.refused.append(error)
            return None
        moments = np.full(len(primitive), np.nan, dtype=np.float32)
        if labels.get("magmoms") is not None:
            moments = _means(labels["magmoms"], places, str(row.get("id"))).astype(np.float32)
        return Example(
            graph, primitive.volume / len(primitive), formula, self.fold(formula), stratum,
            ORDER_INDEX.get(order or "", -1), labels.get("zero_k", -1), moments, labels.get("balanced", False),
            str(row.get("id")), magnetic_geometry(primitive), labels.get("tier", ""), formula in self._with_curie,
        )  # fmt: skip

    def ggau(self) -> Iterator[Example]:
        """The order set of GGA+U chemistry, with the moments of its calculations where they are known.

        The cell is the set's own. That of the calculation, which the moments are of, was relaxed in its magnetic
        order and keeps traces of it in bonds and angles.
        """
        calculated = {r["id"]: r for r in self._rows("mp_magmoms_kitchin")}
        for row in self._rows("TRAIN_merker_like_ggau"):
            labels: dict[str, Any] = {"balanced": row["balanced"], "tier": row["label_source"].partition("tier ")[2]}
            source = calculated.get(row["id"])
            if row["label"] == "NM":
                labels["magmoms"] = np.zeros(len(row["species"]))
            elif source is not None and self.fold(_formula(row)) in self.folds:
                labels["magmoms"] = _carried(source, row["species"])
            yield from _some(self._example(row, row, "ggau", row["label"], **labels))

    def other(self) -> Iterator[Example]:
        """Chemistry outside the GGA+U set: computed magnets, and non-magnets by inference."""
        known = {r["id"] for r in self._rows("TRAIN_merker_like_ggau")}
        for row in self._rows("mp_magmoms_kitchin"):
            if row["id"] not in known and row["ordering_mp"] != "NM":
                yield from _some(self._example(row, row, "other", row["ordering_mp"], magmoms=row["magmoms"]))
        for row in self._rows("mp_nonmagnetic_inferred"):
            # With 4f electrons frozen, "absent from the magnets" says nothing of a rare-earth compound.
            if row["id"] not in known and row["nm_tier"] == "A" and not FROZEN_4F & set(row["species"]):
                zeros = np.zeros(len(row["species"]))
                yield from _some(self._example(row, row, "other", "NM", magmoms=zeros))

    def workflow(self) -> Iterator[Example]:
        """Structures whose ordering was searched, not in the GGA+U set."""
        known = {r["mp_id"] for r in self._rows("TRAIN_merker_like_ggau")}
        for row in self._rows("mp_workflow_digimatchem"):
            if row["id"] not in known:
                stratum = "ggau" if row["is_GGA_U"] else "other"
                yield from _some(self._example(row, row, stratum, row["ordering_mp"], magmoms=row["magmoms"]))

    def quiet(self, limit: int = 6000) -> Iterator[Example]:
        """Structures that no list of magnets names and whose elements give no reason to doubt it.

        Takes the `limit` rows with the smallest hash of their id, so that any part of the file can
        be drawn, and every elemental crystal.
        """
        magnets = {reduced_formula(r["formula"]) for r in self._rows("mp_magmoms_kitchin")}
        measured = self._rows("magndata", self.folder / "magndata")
        magnets |= {reduced_formula(r["reduced_formula"]) for r in measured}
        rows = []
        for row in self._rows("mp_structures_unlabelled", self.folder):
            elements = set(row["species"])
            # Cu2+ in a salt is a magnet that plain DFT often misses.
            doubtful = NOISY_CHEMISTRY & elements or ("Cu" in elements and elements & set("O F Cl Br N".split()))
            if doubtful or len(row["species"]) > MAX_QUIET_ATOMS:
                continue
            key = hashlib.sha256(str(row["id"]).encode()).hexdigest()
            rows.append((len(elements) > 1, key, row))
        rows.sort(key=lambda item: item[:2])
        taken = 0
        for elemental_last, _, row in rows:
            if taken >= limit and elemental_last:
                break
            formula = _formula(row)
            if formula in magnets:
                continue
            example = self._example(row, row, "quiet", "NM", magmoms=np.zeros(len(row["species"])))
            # Rows of folds that are not asked for count too, so that a fold is the same whoever asks for it.
            if example is not None or self.fold(formula) not in self.folds:
                taken += 1
            yield from _some(example)

    def unlabelled(self, max_atoms: int) -> Iterator[Graph]:
        """Graphs of structures without labels of at most this many atoms."""
        for row in self._rows("mp_structures_unlabelled", self.folder):
            if len(row["species"]) <= max_atoms and self.fold(_formula(row)) in self.folds:
                with suppress(StructureError):
                    yield as_crystal(row, source=str(row.get("id"))).primitive[0].graph

    def measured(self) -> Iterator[Example]:
        """Magnetic structures refined from neutron diffraction (MAGNDATA), in their chemical cells."""
        for row in self._rows("magndata", self.folder / "magndata"):
            if row["usable"]:
                yield from _some(
                    self._example(row, row["parent_cell"], "measured", row["order"], zero_k=zero_k_of(row))
                )


def _formula(cell: Record) -> str:
    """Reduced formula of a row's cell.

    Raises:
        DataError: it has no species.
    """
    counts: Counter[str] = Counter(cell["species"] or ())
    if not counts:
        raise DataError("has no species", str(cell.get("id")))
    return reduced_formula("".join(f"{element}{n}" for element, n in counts.items()))


def _means(magmoms: ArrayLike, places: NDArray[np.int64], source: str) -> NDArray[np.float64]:
    """Mean |m| in μB of the atoms of a cell that share a place in the primitive one.

    Raises:
        DataError: they are not a number for each atom.
    """
    try:
        means: NDArray[np.float64] = np.bincount(places, np.abs(np.asarray(magmoms, float))) / np.bincount(places)
    except (TypeError, ValueError) as error:
        raise DataError(f"magmoms must be a number for each atom ({error})", source) from error
    return means


def _carried(source: Record, species: Sequence[str]) -> NDArray[np.float64] | None:
    """|m| in μB of the atoms of a row from the calculation that it was made of.

    Args:
        source: row with the cell of the calculation and its moments.
        species: of the row's primitive cell, which lists the atoms in the order of the calculation's.

    Returns:
        One number for each atom; None where the two cells do not fit each other.
    """
    try:
        primitive, places = as_crystal(source, source=str(source.get("id"))).primitive
    except StructureError:
        return None
    fits = [chemical_symbols[z] for z in primitive.numbers] == list(species)
    return _means(source["magmoms"], places, str(source.get("id"))) if fits else None


def _some(example: Example | None) -> Iterable[Example]:
    return () if example is None else (example,)


def trainable(example: Example) -> bool:
    """Whether an example is of a size and density that training uses."""
    return example.graph.n_atoms <= MAX_TRAINING_ATOMS and example.volume_per_atom <= MAX_TRAINING_VOLUME


def select(examples: Iterable[Example], keep: Callable[[Example], bool]) -> list[Example]:
    """The examples that `keep` accepts."""
    return [example for example in examples if keep(example)]
