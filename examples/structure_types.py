"""Structure types: of a crystal, of the same crystal damaged, and of a finite piece of it."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read

import magnetite

structures = Path(__file__).parent / "structures"

print(magnetite.classify_structure(structures / "NiO.cif"))

iron = read(structures / "Fe.cif")
shaken = iron.repeat(4)
shaken.rattle(0.05, seed=0)  # Å
print("\nshaken iron:", magnetite.classify_structure(shaken).prototype)

block = iron.repeat(6)
kept = np.random.default_rng(0).random(len(block)) > 0.2
piece = Atoms(block.numbers[kept], positions=block.positions[kept])  # finite, a fifth of the atoms missing
report = magnetite.classify_structure(piece)
print(f"a piece with vacancies: {report.prototype}, {report.mutual_information:.3f} bits")
