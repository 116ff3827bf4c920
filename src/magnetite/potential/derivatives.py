"""Energy and its first derivatives: forces, stress and magnetic forces."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from magnetite.potential.batch import SpinBatch


@dataclass(frozen=True, eq=False)
class Derivatives:
    """What the network says of a batch.

    Attributes:
        energies: of crystals without reference energies, in eV, (b,).
        atoms: what each atom adds to them, in eV, (n,).
        forces: in eV/Å, (n, 3).
        stress: in eV/Å³, positive when the crystal wants to shrink (as ASE's), (b, 3, 3).
        magnetic: −dE/dm in eV/μB, (n, 3).
    """

    energies: Tensor
    atoms: Tensor
    forces: Tensor
    stress: Tensor
    magnetic: Tensor


def differentiate(network: nn.Module, batch: SpinBatch, *, train: bool = False) -> Derivatives:
    """Evaluate a batch.

    Args:
        network: gives the atoms' energies; on the batch's device and precision.
        batch: crystals with moments.
        train: keep the graph, for a loss on derivatives.
    """
    with torch.enable_grad():
        vectors = batch.vectors.detach().requires_grad_()
        moments = batch.moments.detach().requires_grad_()
        atoms = network(replace(batch, vectors=vectors, moments=moments))
        energies = batch.sum_over_atoms(atoms)
        along, magnetic = torch.autograd.grad(energies.sum(), [vectors, moments], create_graph=train)
        along = along * batch.present[..., None]
        forces = forces_from(along, batch)
        stress = stress_from(along, batch)
    if not train:
        energies, atoms = energies.detach(), atoms.detach()
    return Derivatives(energies, atoms, forces, stress, -magnetic)


def forces_from(along: Tensor, batch: SpinBatch) -> Tensor:
    """Forces in eV/Å, (n, 3), from derivatives by the vectors to neighbours, (n, k, 3)."""
    towards = along.new_zeros(len(along), 3).index_add(0, batch.neighbours.flatten(), along.flatten(0, 1))
    return along.sum(1) - towards


def stress_from(along: Tensor, batch: SpinBatch) -> Tensor:
    """Stress in eV/Å³, (b, 3, 3), from derivatives by the vectors to neighbours, (n, k, 3)."""
    virial = batch.sum_over_atoms(torch.einsum("nka,nkb->nab", batch.vectors, along))
    return (virial + virial.transpose(1, 2)) / (2 * batch.volumes[:, None, None])
