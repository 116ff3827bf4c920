"""What physics demands of a potential: gradients, invariances, extensivity, smoothness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from small_potential import CUTOFF, DTYPE, batch_of, network, rotation, shaken

from magnetite.errors import StructureError
from magnetite.potential.batch import Surroundings, collate, surroundings
from magnetite.potential.derivatives import differentiate
from magnetite.potential.network import PotentialNetwork
from magnetite.potential.spins import bounded
from magnetite.structures import as_crystal


def energy(model: PotentialNetwork, atoms: Atoms, moments: np.ndarray) -> float:
    return float(differentiate(model, batch_of(atoms, moments)).energies)


@pytest.mark.parametrize("spin_orbit", [False, True])
def test_gradients_are_those_of_the_energy(spin_orbit: bool) -> None:
    model = network(spin_orbit=spin_orbit)
    atoms, moments = shaken()
    found = differentiate(model, batch_of(atoms, moments))
    step = 1e-4

    def slope(change) -> float:  # fourth order
        values = [energy(model, *change(k * step)) for k in (-2, -1, 1, 2)]
        return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)

    for atom, axis in ((0, 0), (3, 2), (5, 1)):

        def moved(h: float, atom: int = atom, axis: int = axis) -> tuple[Atoms, np.ndarray]:
            other = atoms.copy()
            other.positions[atom, axis] += h
            return other, moments

        def turned(h: float, atom: int = atom, axis: int = axis) -> tuple[Atoms, np.ndarray]:
            other = moments.copy()
            other[atom, axis] += h
            return atoms, other

        assert -slope(moved) == pytest.approx(float(found.forces[atom, axis]), rel=1e-6, abs=1e-9)
        assert -slope(turned) == pytest.approx(float(found.magnetic[atom, axis]), rel=1e-6, abs=1e-9)
    for first, second in ((0, 0), (1, 2)):

        def strained(h: float, first: int = first, second: int = second) -> tuple[Atoms, np.ndarray]:
            strain = np.eye(3)
            strain[first, second] += h / 2
            strain[second, first] += h / 2
            other = atoms.copy()
            other.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            return other, moments

        expected = float(found.stress[0, first, second]) * atoms.get_volume()
        assert slope(strained) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_without_spin_orbit_spins_turn_alone() -> None:
    model = network()
    atoms, moments = shaken()
    base = differentiate(model, batch_of(atoms, moments))
    turn = rotation()
    turned = differentiate(model, batch_of(atoms, moments @ turn))
    assert float(turned.energies) == pytest.approx(float(base.energies), abs=1e-10)
    np.testing.assert_allclose(turned.forces, base.forces, atol=1e-10)
    np.testing.assert_allclose(turned.magnetic, base.magnetic @ torch.from_numpy(turn), atol=1e-10)


@pytest.mark.parametrize("spin_orbit", [False, True])
def test_crystal_and_spins_turn_together_and_spins_reverse(spin_orbit: bool) -> None:
    model = network(spin_orbit=spin_orbit)
    atoms, moments = shaken()
    base = differentiate(model, batch_of(atoms, moments))
    for turn, improper in ((rotation(1), 1.0), (-rotation(2), -1.0)):
        other = Atoms(atoms.numbers, positions=atoms.positions @ turn, cell=atoms.cell.array @ turn, pbc=True)
        found = differentiate(model, batch_of(other, improper * moments @ turn))  # moments are axial
        assert float(found.energies) == pytest.approx(float(base.energies), abs=1e-8)
        np.testing.assert_allclose(found.forces, base.forces @ torch.from_numpy(turn), atol=1e-8)
    assert energy(model, atoms, -moments) == pytest.approx(float(base.energies), abs=1e-12)


def test_spin_orbit_ties_spins_to_the_lattice() -> None:
    model = network(spin_orbit=True)
    atoms, moments = shaken()
    assert abs(energy(model, atoms, moments @ rotation()) - energy(model, atoms, moments)) > 1e-6


def test_extensive_and_independent_of_order() -> None:
    model = network()
    atoms, moments = shaken()
    base = energy(model, atoms, moments)
    assert energy(model, atoms * (2, 1, 2), np.tile(moments, (4, 1))) == pytest.approx(4 * base, abs=1e-9)
    order = np.random.default_rng(0).permutation(len(atoms))
    assert energy(model, atoms[order], moments[order]) == pytest.approx(base, abs=1e-10)
    far = atoms.copy()
    far.positions += 7.3 * atoms.cell.array[0] - 3 * atoms.cell.array[2]
    assert energy(model, far, moments) == pytest.approx(base, abs=1e-9)


def test_a_batch_says_what_its_crystals_say_alone() -> None:
    model = network()
    atoms, moments = shaken()
    wide = atoms.copy()
    wide.set_cell(atoms.cell.array * 1.1, scale_atoms=True)
    items = [surroundings(as_crystal(a), moments, CUTOFF) for a in (atoms, wide)]
    both = differentiate(model, collate(items, {8: 0, 28: 1}, CUTOFF).to(torch.device("cpu"), DTYPE))
    for number, item in enumerate(items):
        alone = differentiate(model, collate([item], {8: 0, 28: 1}, CUTOFF).to(torch.device("cpu"), DTYPE))
        assert float(both.energies[number]) == pytest.approx(float(alone.energies), abs=1e-10)
        np.testing.assert_allclose(both.forces[8 * number : 8 * number + 8], alone.forces, atol=1e-10)


def test_smooth_at_the_cutoff() -> None:
    model = network()
    pair = Atoms("Ni2", positions=[[0, 0, 0], [0, 0, CUTOFF]], cell=[12, 12, 12], pbc=True)
    moments = np.array([[0, 0, 1.0], [0, 0.6, 0.8]])
    forces = []
    for distance in (CUTOFF - 2e-3, CUTOFF - 1e-3, CUTOFF + 1e-3):
        pair.positions[1, 2] = distance
        forces.append(float(differentiate(model, batch_of(pair, moments)).forces[1, 2]))
    assert forces[2] == 0
    assert abs(forces[0]) > abs(forces[1])
    # The envelope vanishes with slope and curvature: forces fall as the square of the distance.
    assert forces[0] / forces[1] == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("spin_orbit", [False, True])
def test_smooth_where_moments_vanish(spin_orbit: bool) -> None:
    model = network(spin_orbit=spin_orbit)
    atoms, moments = shaken()
    still = moments.copy()
    still[:] = 0
    at_zero = differentiate(model, batch_of(atoms, still))
    assert float(at_zero.magnetic.abs().max()) == 0
    small = differentiate(model, batch_of(atoms, 1e-5 * moments))
    tiny = differentiate(model, batch_of(atoms, 1e-6 * moments))
    np.testing.assert_allclose(small.magnetic, 10 * tiny.magnetic, rtol=1e-5, atol=1e-14)


def test_elements_without_moments_ignore_them() -> None:
    model = network()
    atoms, moments = shaken()
    other = moments.copy()
    other[atoms.numbers == 8] = 1.0
    assert energy(model, atoms, other) == pytest.approx(energy(model, atoms, moments), abs=1e-12)


def test_coinciding_atoms_are_refused() -> None:
    atoms = Atoms("Ni2", positions=[[0, 0, 0], [0, 0, 0.1]], cell=[5, 5, 5], pbc=True)
    with pytest.raises(StructureError, match="closer"):
        surroundings(as_crystal(atoms), np.zeros((2, 3)), CUTOFF)


def test_images_name_the_cells_of_neighbours() -> None:
    atoms, moments = shaken()
    item: Surroundings = surroundings(as_crystal(atoms), moments, CUTOFF)
    expected = atoms.positions[item.senders] + item.images @ atoms.cell.array - atoms.positions[item.receivers]
    np.testing.assert_allclose(item.vectors, expected, atol=1e-9)
    assert len(replace(item)) == len(atoms)


def test_moments_beyond_the_data_meet_a_wall() -> None:
    atoms, moments = shaken()
    scaled = torch.from_numpy(moments / (1.001 * np.linalg.norm(moments, axis=1).max()))
    seen, sizes, wall = bounded(scaled)
    assert torch.equal(seen, scaled)  # nothing changes within the range of the data
    assert not wall.any()
    far, squares, high = bounded(10 * scaled[sizes > 0.5])
    assert float(squares.max()) < 1.2
    np.testing.assert_allclose(torch.linalg.cross(far, scaled[sizes > 0.5]), 0, atol=1e-12)
    assert float(high.min()) > 1e4
    model = network()
    energies = [energy(model, atoms, factor * moments) for factor in (3, 4, 6)]
    assert energies[0] < energies[1] < energies[2]
