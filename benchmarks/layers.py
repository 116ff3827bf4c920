"""Whether a layer in vacuum gets its bulk crystal's answer, and one that does not depend on how much vacuum there is.

python benchmarks/layers.py --data DATA

Layered crystals of the validation fold (ASE's `analyze_dimensionality`), magnets and non-magnets outside the order set,
are given more space where they have most; once as the model takes them, once with all of that space.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.geometry.dimensionality import analyze_dimensionality

from magnetite.cells import compact
from magnetite.datasets.magnetic import VALIDATION_FOLD, MagneticData, reduced_formula
from magnetite.datasets.records import find_records, read_records
from magnetite.errors import StructureError
from magnetite.order.model import OrderModel, PreparedCrystal
from magnetite.pipeline import run
from magnetite.structures import Crystal, as_crystal
from magnetite.sublattice import magnetic_geometry
from magnetite.zoo.loading import load_kind
from magnetite.zoo.registry import DEFAULT_MODEL

GAPS = (12.0, 20.0, 35.0)
"""Å of empty space beside the layers."""
LARGEST = 40
"""Sites; finding the layers of larger cells takes long."""


class AsGiven(OrderModel):
    """The model that is told of all the space there is."""

    def prepare(self, crystal: Crystal) -> PreparedCrystal:  # noqa: D102
        cell, places = crystal.primitive
        return PreparedCrystal(cell.graph, cell.volume / len(cell), magnetic_geometry(cell), places, crystal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_kind(OrderModel, "of magnetic order", DEFAULT_MODEL, "cpu")
    given = AsGiven(model.card, model.network, model.domain, model.device)
    bulk = [layered for layered in map(as_layers, crystals(args.data)) if layered is not None]
    expected = list(run(model, bulk))
    print(f"{len(bulk)} layered crystals, {np.mean([r.in_domain for r in expected]):.3f} of them in the domain\n")
    print("| empty space, Å | of it, the model sees | the bulk's answer | mean change of P(NM) | in the domain |")
    print("| ---: | --- | ---: | ---: | ---: |")
    for gap in GAPS:
        layers = [stretched(crystal, gap) for crystal in bulk]
        for name, asked in (("all", given), ("8 Å (shipped)", model)):
            pairs = list(zip(run(asked, layers), expected, strict=True))
            same = np.mean([a.label == b.label for a, b in pairs])
            change = np.mean([abs(a.probabilities["NM"] - b.probabilities["NM"]) for a, b in pairs])
            inside = np.mean([a.in_domain for a, _ in pairs])
            print(f"| {gap:.0f} | {name} | {same:.3f} | {change:.3f} | {inside:.3f} |")


def crystals(data: Path):  # noqa: ANN201
    """Primitive cells outside the order set that validate."""
    folds = MagneticData(data)
    for name in ("mp_magmoms_kitchin", "mp_nonmagnetic_inferred"):
        for row in read_records(find_records(data / "dft_magnetic", name)):
            if folds.fold(reduced_formula("".join(row["species"]))) == VALIDATION_FOLD:
                try:
                    yield as_crystal(row).primitive[0]
                except StructureError:
                    continue


def slices(crystal: Crystal) -> list[tuple[float, float]]:
    """Along each cell vector the largest empty space in Å, and the fractional coordinate in its middle."""
    found = []
    for axis in range(3):
        heights = np.sort(crystal.frac_coords[:, axis] % 1.0)
        empty = np.diff(heights, append=heights[0] + 1.0)
        widest = int(empty.argmax())
        area = np.linalg.norm(np.cross(crystal.lattice[axis - 2], crystal.lattice[axis - 1]))
        found.append((empty[widest] * crystal.volume / area, heights[widest] + empty[widest] / 2))
    return found


def as_layers(crystal: Crystal) -> Crystal | None:
    """The crystal in a compact cell; None if it has no layers, or vacuum already."""
    crystal = Crystal(*compact(crystal.lattice, crystal.frac_coords), crystal.numbers)
    if len(crystal) > LARGEST or not 2.2 < max(slices(crystal))[0] < 5:
        return None
    atoms = Atoms(crystal.numbers, cell=crystal.lattice, scaled_positions=crystal.frac_coords, pbc=True)
    return crystal if analyze_dimensionality(atoms, method="RDA")[0].dimtype == "2D" else None


def stretched(crystal: Crystal, gap: float) -> Crystal:
    """The crystal with so many Å where it has most empty space."""
    found = slices(crystal)
    axis = found.index(max(found))
    empty, middle = found[axis]
    whole = crystal.frac_coords.copy()
    whole[:, axis] = (whole[:, axis] - middle) % 1.0
    lattice = crystal.lattice.copy()
    area = np.linalg.norm(np.cross(lattice[axis - 2], lattice[axis - 1]))
    lattice[axis] *= 1 + (gap - empty) * area / crystal.volume
    return Crystal(lattice, whole @ crystal.lattice @ np.linalg.inv(lattice), crystal.numbers)


if __name__ == "__main__":
    main()
