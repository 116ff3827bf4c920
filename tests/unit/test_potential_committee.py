"""Several networks as one: the mean of what they say, and how far they part."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_potential import batch_of, network, rotation, shaken

from magnetite.errors import ZooError
from magnetite.potential.committee import Committee
from magnetite.potential.derivatives import differentiate
from magnetite.potential.network import PotentialNetwork
from magnetite.potential.weights import from_tensors, to_tensors

NAMES = ("energies", "atoms", "forces", "stress", "magnetic")


def members(count: int = 3) -> list[PotentialNetwork]:
    """The same network with more and more added to its parameters, and other reference energies."""
    found = [network() for _ in range(count)]
    rng = torch.Generator().manual_seed(0)
    for number, member in enumerate(found):
        for parameter in member.parameters():
            if parameter.ndim:
                noise = torch.randn(parameter.shape, generator=rng, dtype=parameter.dtype)
                parameter.data += 0.02 * number * noise.float()  # what is stored in single precision comes back
        member.references += number
    return found


def test_the_mean_is_the_derivative_of_the_mean_energy() -> None:
    committee, batch = Committee(members()), batch_of(*shaken())
    found, spread = committee.consult(batch)
    each = [differentiate(member, batch) for member in committee.networks]
    for name in NAMES:
        torch.testing.assert_close(getattr(found, name), getattr(differentiate(committee, batch), name))
    energies = [
        float(one.energies + batch.sum_over_species(member.references))
        for one, member in zip(each, members(), strict=True)
    ]
    assert float(found.energies + batch.sum_over_species(committee.references)) == pytest.approx(np.mean(energies))
    assert spread is not None
    assert float(spread.energies) == pytest.approx(np.std(energies, ddof=1))
    forces = np.stack([one.forces for one in each])
    np.testing.assert_allclose(spread.forces, np.sqrt(forces.var(0, ddof=1).sum(1)), rtol=1e-9)


def test_one_network_has_no_spread() -> None:
    (alone,) = members(1)
    found, spread = Committee([alone]).consult(batch_of(*shaken()))
    assert spread is None
    assert torch.equal(found.forces, differentiate(alone, batch_of(*shaken())).forces)


def test_the_spread_turns_and_repeats_with_the_crystal() -> None:
    committee, (atoms, moments) = Committee(members()), shaken()
    _, spread = committee.consult(batch_of(atoms, moments))
    turn = rotation()
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ turn.T, scale_atoms=True)
    _, again = committee.consult(batch_of(turned, -moments))
    assert spread is not None
    assert again is not None
    torch.testing.assert_close(again.energies, spread.energies)
    torch.testing.assert_close(again.forces, spread.forces)
    _, twice = committee.consult(batch_of(atoms * (2, 1, 1), np.tile(moments, (2, 1))))
    assert twice is not None
    torch.testing.assert_close(twice.energies, 2 * spread.energies)
    torch.testing.assert_close(twice.forces, spread.forces.repeat(2))


def test_tensors_bring_every_network_back() -> None:
    committee, batch = Committee(members(2)), batch_of(*shaken())
    settings, tensors = committee.config.as_dict(), to_tensors(committee)
    again = from_tensors(settings, tensors, torch.device("cpu"), members=2)
    for found, one in zip(again.consult(batch), committee.consult(batch), strict=True):
        torch.testing.assert_close(found.forces, one.forces, rtol=1e-4, atol=1e-5)
    with pytest.raises(ZooError, match="do not fit"):
        from_tensors(settings, tensors, torch.device("cpu"), members=3)
    only = from_tensors(settings, tensors, torch.device("cpu"))
    assert len(only.networks) == 1
