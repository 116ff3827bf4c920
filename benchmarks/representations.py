"""Every representation: its length, its cost, and what changes when the same crystal is written down otherwise.

python benchmarks/representations.py

Changes are the largest over four crystals of three to fourteen atoms, one of them without any symmetry. Costs are
processor times over the structures of examples/ on one thread, relative to Magpie's, measured anew beside each.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from pymatgen.core import Lattice, Structure

from magnetite.representations import find, list_representations, represent_many
from magnetite.representations.invariance import CHANGES, TOLERANCE, changes_of
from magnetite.representations.registry import Representation
from magnetite.structures import Crystal, as_crystal

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "structures"
CROOKED = Structure(
    Lattice.from_parameters(4.3, 5.1, 5.8, 81, 97, 104), ["Fe", "Gd", "O"],
    [[0.03, 0.07, 0.11], [0.48, 0.55, 0.52], [0.51, 0.09, 0.43]],
)  # fmt: skip
REPEATS = 5


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    examples = [as_crystal(path) for path in sorted(EXAMPLES.iterdir())]
    crystals = [as_crystal(CROOKED), *(as_crystal(EXAMPLES / f"{n}.cif") for n in ("MnF2", "Cr2O3", "Fe3O4"))]
    atoms = sum(map(len, examples)) / len(examples)
    entries = list_representations()
    magpie = find("magpie")
    unit = cost(magpie, examples) * 1e3
    print(f"{len(examples)} structures of {atoms:.1f} atoms on average; Magpie takes {unit:.1f} ms each\n")
    print("| representation | kind | length | cost |", " | ".join(CHANGES), "| reduced first | library |")
    print("| --- | --- | ---: | ---: |" + " :---: |" * (len(CHANGES) + 1) + " --- |")
    for entry in entries:
        found = changes_of(crystals, entry.name)
        reduced = changes_of(crystals, entry.name, cell="primitive") if max(found.values()) > TOLERANCE else found
        cells = [said(size) for size in (*found.values(), max(reduced.values()))]
        cells = [
            entry.kind,
            f"{entry.length:,}",
            f"{cost(entry, examples) / cost(magpie, examples):.2g}",
            *cells,
            entry.library,
        ]
        print(f"| `{entry.name}` | {' | '.join(cells)} |", flush=True)
    print(f"\n✓: no number changes by more than {TOLERANCE:g} of the largest; else by how much one does.")


def said(size: float) -> str:
    return "✓" if size <= TOLERANCE else f"{size:.2g}"


def cost(entry: Representation, crystals: list[Crystal]) -> float:
    """Processor time in seconds for one structure, the best of some runs."""
    list(represent_many(crystals, entry.name))
    seconds = []
    for _ in range(REPEATS):
        fresh = [Crystal(c.lattice, c.frac_coords, c.numbers) for c in crystals]  # nothing is remembered
        start = time.process_time()
        list(represent_many(fresh, entry.name))
        seconds.append(time.process_time() - start)
    return min(seconds) / len(crystals)


if __name__ == "__main__":
    main()
