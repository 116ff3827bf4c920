"""A small potential with random weights, a crystal for it, and a rotation."""

from __future__ import annotations

import numpy as np
import torch
from ase import Atoms
from ase.build import bulk

from magnetite.potential.batch import SpinBatch, collate, surroundings
from magnetite.potential.network import PotentialConfig, PotentialNetwork
from magnetite.structures import as_crystal

CUTOFF = 4.0
DTYPE = torch.float64


def network(*, spin_orbit: bool = False) -> PotentialNetwork:
    """Random weights everywhere, also where training starts with zeros."""
    torch.manual_seed(3)
    config = PotentialConfig(
        (8, 28), (0.0, 2.0), (0.0, 0.5), (0.02, 0.4), cutoff=CUTOFF, radial=4, channels=8, hidden=16,
        spin_orbit=spin_orbit, energy_scale=1.0, embedding=(1.0, 4.0), embedding_powers=3,
    )  # fmt: skip
    model = PotentialNetwork(config).double()
    for name, parameter in model.named_parameters():
        if "explicit" in name or name.endswith("4.weight"):
            torch.nn.init.normal_(parameter, std=0.2)
    return model.requires_grad_(requires_grad=False)


def shaken() -> tuple[Atoms, np.ndarray]:
    """NiO without symmetry, with moments in all directions."""
    atoms = bulk("NiO", "rocksalt", a=4.18, cubic=True)
    atoms.rattle(0.1, seed=1)
    rng = np.random.default_rng(2)
    moments = np.where(atoms.numbers[:, None] == 28, rng.normal(size=(len(atoms), 3)), 0.0)
    return atoms, moments


def batch_of(atoms: Atoms, moments: np.ndarray) -> SpinBatch:
    item = surroundings(as_crystal(atoms), moments, CUTOFF)
    return collate([item], {8: 0, 28: 1}, CUTOFF).to(torch.device("cpu"), DTYPE)


def rotation(seed: int = 0) -> np.ndarray:
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return turn * np.sign(np.linalg.det(turn))
