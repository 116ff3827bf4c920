"""Energies, forces and stress of CHGNet or 7net-0, or their speed; run by potential.py in their own environment."""

import json
import sys
import time
import warnings

import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)

from ase import Atoms  # noqa: E402
from ase.calculators.calculator import Calculator  # noqa: E402

REPEATS = 3


def calculator(name: str) -> Calculator:
    """The peer as ASE knows it."""
    if name == "chgnet":
        from chgnet.model.dynamics import CHGNetCalculator

        return CHGNetCalculator(use_device="cpu", on_isolated_atoms="ignore")
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator("7net-0", device="cpu")


def main() -> None:
    """Rows come in on the standard input, answers go to the last lines of the standard output."""
    images = []
    for text in sys.stdin:
        row = json.loads(text)
        images.append(Atoms(row["numbers"], positions=row["positions"], cell=row["cell"], pbc=True))
    peer = calculator(sys.argv[1])
    for atoms in images:
        atoms.calc = peer
    if "--time" in sys.argv:
        atoms = images[0]
        atoms.get_forces()
        start = time.process_time()
        for _ in range(REPEATS):
            peer.calculate(atoms, ["energy", "forces", "stress"])
        print(REPEATS * len(atoms) / (time.process_time() - start))
        return
    for atoms in images:
        energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(voigt=False)
        print(json.dumps({"energy": float(energy), "forces": forces.tolist(), "stress": stress.tolist()}))


if __name__ == "__main__":
    main()
