"""The rows of the study: examples as `read_examples` gives them, and what the tables ask beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pymatgen.symmetry.groups import SpaceGroup

from magnetite.datasets.magnetic import TEST_FOLD, Example, trainable
from magnetite.datasets.records import find_records, read_records
from magnetite.evaluation.paper.work import Arrays, Work
from magnetite.graphs import Graph
from magnetite.order.train import read_examples
from magnetite.sublattice import GEOMETRY_NAMES

_PER_ATOM = {"numbers": np.int16, "reach": np.float32, "moments": np.float32}
_PER_EDGE = {"senders": np.int32, "receivers": np.int32, "vectors": np.float32}
_PLAIN = (
    "volume_per_atom", "formula", "fold", "stratum", "order", "zero_k", "balanced", "identity", "geometry", "tier",
    "has_curie",
)  # fmt: skip
_SPACE_GROUP = GEOMETRY_NAMES.index("space group")
SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")


@dataclass(frozen=True)
class Rows:
    """Labelled crystals.

    Attributes:
        examples: n examples.
        ordering: NM, AFM, FM or FiM of each (the ferrimagnets apart), shape (n,).
        net: |net moment| over the sum of all |m|, 0–1, NaN where unknown, shape (n,).
        label_cell: atoms in the cell that the label was found in: that of the calculation, or the magnetic one of the
            refinement; 0 where unknown, shape (n,).
        in_paper: belongs to the paper's own selection of MAGNDATA, as far as that can be replayed, shape (n,).
    """

    examples: Sequence[Example]
    ordering: NDArray[np.str_]
    net: NDArray[np.float64]
    label_cell: NDArray[np.int64]
    in_paper: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Rows:
        """The chosen rows, by number or by mask."""
        places = np.arange(len(self))[chosen]
        return Rows(
            [self.examples[i] for i in places], self.ordering[places], self.net[places], self.label_cell[places],
            self.in_paper[places],
        )  # fmt: skip

    @cached_property
    def label(self) -> NDArray[np.int64]:
        """Index into `ORDER_CLASSES`, -1 where unknown."""
        return np.array([e.order for e in self.examples], np.int64)

    @cached_property
    def zero_k(self) -> NDArray[np.int64]:
        """1 where the propagation vector is zero, 0 where not, -1 where unknown."""
        return np.array([e.zero_k for e in self.examples], np.int64)

    @cached_property
    def fold(self) -> NDArray[np.int64]:
        """0–9, by reduced formula."""
        return np.array([e.fold for e in self.examples], np.int64)

    @cached_property
    def formula(self) -> NDArray[np.str_]:
        """Reduced formulas."""
        return np.array([e.formula for e in self.examples], dtype=np.str_)

    @cached_property
    def balanced(self) -> NDArray[np.bool_]:
        """Belongs to the class-balanced subset that accuracies are reported on."""
        return np.array([e.balanced for e in self.examples], bool)

    @cached_property
    def trainable(self) -> NDArray[np.bool_]:
        """Of a size and density that training uses."""
        return np.array([trainable(e) for e in self.examples], bool)

    @cached_property
    def atoms(self) -> NDArray[np.int64]:
        """Number of atoms in the primitive chemical cell."""
        return np.array([e.graph.n_atoms for e in self.examples], np.int64)

    @cached_property
    def system(self) -> NDArray[np.str_]:
        """Crystal system, empty where the symmetry was not found."""
        groups = np.array([e.geometry[_SPACE_GROUP] for e in self.examples]).astype(int)
        names = {number: SpaceGroup.from_int_number(number).crystal_system for number in set(groups[groups > 0])}
        return np.array([names.get(number, "") for number in groups], dtype=np.str_)

    @property
    def test(self) -> NDArray[np.bool_]:
        """The rows that accuracies of the order are measured on: balanced, of formulas that nothing trained on."""
        test: NDArray[np.bool_] = self.balanced & (self.fold == TEST_FOLD)
        return test


def read_rows(data: Path, folds: Sequence[int], work: Work, *, progress: bool = True) -> tuple[Rows, Rows]:
    """The rows of the order (GGA+U chemistry) and of MAGNDATA; read once, then kept in `work`.

    Raises:
        DataError: a file of the data folder is missing or broken.
    """

    def make() -> Arrays:
        examples = read_examples(data, progress=progress, sets=("ggau", "measured"), folds=list(folds))
        return to_arrays(examples) | _facts(data, examples)

    # A release that describes crystals by more numbers reads them anew.
    stored = work.kept(f"rows-{''.join(map(str, folds))}-{len(GEOMETRY_NAMES)}", make)
    facts = (stored[name] for name in ("ordering", "net", "label_cell", "in_paper"))
    everything = Rows(from_arrays(stored), *facts)
    measured = np.array([e.stratum == "measured" for e in everything.examples])
    return everything[~measured], everything[measured]


def _facts(data: Path, examples: Sequence[Example]) -> Arrays:
    """What the records say beside the examples."""
    order: dict[str, tuple[str, float, int, bool]] = {}
    for row in read_records(find_records(data / "dft_magnetic", "TRAIN_merker_like_ggau")):
        order[str(row["id"])] = (row["ordering4"], float(row["net_ratio"]), int(row["nsites_original"]), False)
    for row in read_records(find_records(data / "magndata", "magndata")):
        if row["usable"]:
            order[str(row["id"])] = (row["order"] or "", np.nan, int(row["n_atoms_magcell"]), bool(row["merker_like"]))
    columns = list(zip(*(order[e.identity] for e in examples), strict=True))
    names = ("ordering", "net", "label_cell", "in_paper")
    return {name: np.array(column) for name, column in zip(names, columns, strict=True)}


def to_arrays(examples: Sequence[Example]) -> Arrays:
    """Examples as a few long arrays."""
    stored: Arrays = {name: np.array([getattr(e, name) for e in examples]) for name in _PLAIN}
    stored["n_atoms"] = np.array([e.graph.n_atoms for e in examples])
    stored["n_edges"] = np.array([e.graph.n_edges for e in examples])
    for name, kind in (_PER_ATOM | _PER_EDGE).items():
        parts = [getattr(e if name == "moments" else e.graph, name) for e in examples]
        stored[name] = np.concatenate(parts).astype(kind)
    return stored


def from_arrays(stored: Arrays) -> list[Example]:
    """The examples again."""
    atoms, edges = np.cumsum(stored["n_atoms"])[:-1], np.cumsum(stored["n_edges"])[:-1]
    split = {name: np.split(stored[name], atoms) for name in _PER_ATOM}
    split |= {name: np.split(stored[name], edges) for name in _PER_EDGE}
    plain = {name: stored[name] if name == "geometry" else stored[name].tolist() for name in _PLAIN}
    return [
        Example(
            graph=Graph(
                split["numbers"][i].astype(np.int64), split["senders"][i].astype(np.int64),
                split["receivers"][i].astype(np.int64), split["vectors"][i], split["reach"][i],
            ),
            moments=split["moments"][i],
            **{name: column[i] for name, column in plain.items()},
        )
        for i in range(len(stored["n_atoms"]))
    ]  # fmt: skip
