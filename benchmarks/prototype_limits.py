"""What the classifier says of inputs that are small, open, huge or not what it learned.

python benchmarks/prototype_limits.py [--atoms 500000]

Prints the table of docs/structure-types.md; with --atoms also the time and memory that a map of a random alloy takes.
"""

from __future__ import annotations

import argparse
import re
import resource
import time

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk, fcc111, molecule

import magnetite

STRIDE = 20.0
"""Å; of the map of the large sample."""
MOST = 20_001
"""Atoms in a periodic cell; one more than are accepted."""


def finite(atoms: Atoms) -> Atoms:
    return Atoms(atoms.numbers, atoms.positions)


def slab(layers: int) -> Atoms:
    return fcc111("Cu", (1, 1, layers), vacuum=10)


def inputs() -> dict[str, Atoms]:
    copper, salt = bulk("Cu", cubic=True), bulk("NaCl", "rocksalt", a=5.64, cubic=True) * (3, 3, 3)
    sodium = np.flatnonzero(salt.numbers == 11)
    return {
        "one atom, finite": Atoms("Fe", [(0, 0, 0)]),
        "one atom in a periodic cube of 20 Å": Atoms("Fe", cell=[20, 20, 20], pbc=True),
        "two atoms of one species": Atoms("Fe2", [(0, 0, 0), (0, 0, 2.5)]),
        "two atoms of two species": Atoms("NaCl", [(0, 0, 0), (0, 0, 2.5)]),
        "a molecule of water": finite(molecule("H2O")),
        "5 atoms of fcc": finite((copper * (1, 1, 2))[:5]),
        "32 atoms of fcc": finite(copper * (2, 2, 2)),
        "108 atoms of fcc": finite(copper * (3, 3, 3)),
        "rock salt with one Na left of 108, finite": finite(salt)[[*np.flatnonzero(salt.numbers == 17), sodium[0]]],
        **{f"fcc (111) slab of {layers} layers": slab(layers) for layers in (5, 9, 15, 25)},
        f"{MOST:,} atoms in a periodic cell": Atoms(
            numbers=np.full(MOST, 29), positions=3.0 * np.argwhere(np.ones((59, 20, 17)))[:MOST],
            cell=np.diag([180.0, 60.0, 51.0]), pbc=True,
        ),
    }  # fmt: skip


def show_large(atoms: int) -> None:
    side = round((atoms / 4) ** (1 / 3))
    alloy, rng = bulk("Ni", cubic=True) * (side, side, side), np.random.default_rng(0)
    alloy.numbers[rng.random(len(alloy)) < 0.25] = 13
    alloy.rattle(0.05, seed=1)
    started = time.process_time()
    found = magnetite.match_patterns(alloy, stride=STRIDE, device="cpu")
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    boxes, winner = int(found.classified.sum()), next(iter(found.counts)).name
    print(f"\nA random alloy Ni3Al of {len(alloy):,} atoms, stride {STRIDE:.0f} Å: {boxes} boxes, most {winner};")
    print(f"{seconds:.0f} s of CPU time, {peak:.2f} GB at most.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--atoms", type=int, help="map a random alloy of so many atoms")
    args = parser.parse_args()
    torch.set_num_threads(1)
    given = inputs()
    print("| given | answer | P | bits | told |\n| --- | --- | --: | --: | --- |")
    for text, report in zip(
        given, magnetite.classify_many(given.values(), device="cpu", on_error="report"), strict=True
    ):
        if report.error:
            print(f"| {text} | | | | error: {report.error} |")
            continue
        told = "; ".join(re.sub(r" \([^)]*\)", "", warning.split(":")[0]) for warning in report.warnings)
        print(f"| {text} | {report.name} | {report.probability:.2f} | {report.mutual_information:.2f} | {told} |")
    if args.atoms:
        show_large(args.atoms)


if __name__ == "__main__":
    main()
