"""Spin dynamics against what is known exactly: frequencies, conserved quantities, reversibility, damping."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io import read

from magnetite.errors import DynamicsError, StructureError
from magnetite.potential.precession import precess
from magnetite_ase import SpinDynamics, SpinPotential

TESLA = 5.7883818e-5
"""eV/μB"""
PLANCK = 4.135667697
"""eV·fs"""
LENGTH = 2.5
"""Å, where springs are at rest."""


class Heisenberg(Calculator):
    """E = −Σ_pairs J(r) m_i·m_j − h·Σ m_i + springs between all atoms, with J falling off exponentially."""

    implemented_properties = ["energy", "free_energy", "forces"]  # noqa: RUF012
    discard_results_on_any_change = True

    def __init__(self, exchange: float = 0.0, field: float = 0.0, spring: float = 0.0, fade: float = 0.0) -> None:
        super().__init__()
        self.exchange, self.field, self.spring, self.fade = exchange, field, spring, fade
        self.evaluations = 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)) -> None:
        super().calculate(atoms, properties, system_changes)
        self.evaluations += 1
        moments = self.atoms.get_initial_magnetic_moments()
        apart = self.atoms.positions[:, None] - self.atoms.positions
        distance = np.linalg.norm(apart, axis=-1) + np.eye(len(moments))
        others = 1 - np.eye(len(moments))
        couplings = others * self.exchange * np.exp(-self.fade * (distance - LENGTH))
        overlap = moments @ moments.T
        stretch = others * (distance - LENGTH)
        along = self.spring * stretch + self.fade * couplings * overlap  # dE/dr of each pair
        energy = (self.spring / 2 * stretch**2 - couplings * overlap).sum() / 2 - self.field * moments[:, 2].sum()
        self.magnetic = couplings @ moments + [0, 0, self.field]
        forces = -(along[..., None] * apart / distance[..., None]).sum(1)
        self.results = {"energy": energy, "free_energy": energy, "forces": forces}

    def get_magnetic_forces(self, atoms: Atoms) -> np.ndarray:
        self.get_property("energy", atoms)
        return self.magnetic


def cluster(moments: object, calculator: Calculator | None) -> Atoms:
    """One to four atoms about `LENGTH` from each other."""
    corners = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) * LENGTH / np.sqrt(8)
    atoms = Atoms("Mn" * len(moments), corners[: len(moments)])
    atoms.set_initial_magnetic_moments(moments)
    atoms.calc = calculator
    return atoms


def random_moments(number: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    moments = rng.normal(size=(number, 3))
    return moments / np.linalg.norm(moments, axis=1, keepdims=True) * rng.uniform(0.5, 4, size=(number, 1))


def angles_of(run: SpinDynamics, atoms: Atoms, steps: int, axis: np.ndarray) -> np.ndarray:
    """How far the first moment has turned about an axis after each step, in rad."""
    axis = axis / np.linalg.norm(axis)
    first = np.cross(axis, [0.3, 0.4, 0.5])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first)
    seen = []

    def look() -> None:
        moment = atoms.get_initial_magnetic_moments()[0]
        seen.append(np.arctan2(moment @ second, moment @ first))

    run.attach(look)
    run.run(steps)
    return np.unwrap(seen)


@pytest.mark.parametrize("size", [0.7, 3.0])
def test_a_moment_turns_28_times_a_nanosecond_in_a_tesla(size: float) -> None:
    """Larmor's frequency for g = 2, 27.99 GHz/T, counterclockwise about the field, whatever |m|."""
    atoms = cluster(size * np.array([[0.8, 0, 0.6]]), Heisenberg(field=100 * TESLA))
    turned = angles_of(SpinDynamics(atoms, 2 * units.fs, lattice=False), atoms, 200, np.array([0, 0, 1]))
    frequency = (turned[-1] - turned[0]) / (2 * np.pi * 400e-15)
    assert frequency == pytest.approx(100 * 27.9925e9, rel=1e-4)
    assert atoms.get_initial_magnetic_moments()[0, 2] == pytest.approx(0.6 * size, rel=1e-9)


@pytest.mark.parametrize("exchange", [0.02, -0.02])
def test_a_dimer_turns_about_its_total_moment(exchange: float) -> None:
    """dm₁/dt = −(g/ħ) J m₁ × M: both turn about M with period h/(g J |M|)."""
    moments = np.array([[1.5, 0.5, 0.2], [-0.4, 1.0, 0.8]])
    atoms = cluster(moments, Heisenberg(exchange))
    total = moments.sum(0)
    period = PLANCK / (2 * exchange * np.linalg.norm(total))
    turned = angles_of(SpinDynamics(atoms, 0.5 * units.fs, lattice=False), atoms, 400, total)
    assert 2 * np.pi * 200 / (turned[-1] - turned[0]) == pytest.approx(period, rel=1e-3)


def test_errors_fall_with_the_square_of_the_time_step() -> None:
    def end(step: float) -> np.ndarray:
        atoms = cluster(random_moments(4), Heisenberg(0.01, spring=5.0, fade=1.0))
        SpinDynamics(atoms, step * units.fs, tolerance=1e-11).run(round(8 / step))
        return np.concatenate([atoms.get_initial_magnetic_moments(), atoms.positions])

    exact = end(0.05)
    ratio = np.abs(end(0.8) - exact).max() / np.abs(end(0.4) - exact).max()
    assert ratio == pytest.approx(4, rel=0.1)


def test_lengths_total_moment_and_energy_without_the_lattice() -> None:
    atoms = cluster(random_moments(4), Heisenberg(0.01, spring=5.0, fade=1.0))
    before, energy = atoms.get_initial_magnetic_moments(), atoms.get_potential_energy()
    places = atoms.positions.copy()
    run = SpinDynamics(atoms, 0.5 * units.fs, lattice=False, tolerance=1e-11)
    energies = []
    run.attach(lambda: energies.append(atoms.get_potential_energy()))
    run.run(400)
    after = atoms.get_initial_magnetic_moments()
    assert np.abs(after - before).max() > 0.5
    assert np.linalg.norm(after, axis=1) == pytest.approx(np.linalg.norm(before, axis=1), rel=1e-13)
    assert after.sum(0) == pytest.approx(before.sum(0), abs=1e-8)
    assert np.abs(np.array(energies) - energy).max() < 2e-4 * abs(energy)
    assert np.abs(np.mean(energies[-100:]) - np.mean(energies[:100])) < 2e-5 * abs(energy)
    assert (atoms.positions == places).all()


def test_energy_goes_between_lattice_and_moments_and_stays() -> None:
    atoms = cluster(random_moments(4), Heisenberg(0.01, spring=5.0, fade=1.0))
    before = atoms.get_initial_magnetic_moments()
    energies, kinetic = [], []
    run = SpinDynamics(atoms, 1 * units.fs, tolerance=1e-10)
    run.attach(lambda: energies.append(atoms.get_total_energy()))
    run.attach(lambda: kinetic.append(atoms.get_kinetic_energy()))
    run.run(500)
    assert max(kinetic) > 1e-3
    assert np.ptp(energies) < 0.03 * max(kinetic)
    after = atoms.get_initial_magnetic_moments()
    assert after.sum(0) == pytest.approx(before.sum(0), abs=1e-6)
    assert np.linalg.norm(after, axis=1) == pytest.approx(np.linalg.norm(before, axis=1), rel=1e-13)
    assert np.abs(atoms.get_momenta().sum(0)).max() < 1e-10


@pytest.mark.parametrize("lattice", [True, False])
def test_reversed_moments_and_momenta_lead_back(lattice: bool) -> None:
    atoms = cluster(random_moments(4), Heisenberg(0.01, spring=5.0, fade=1.0))
    rng = np.random.default_rng(0)
    atoms.set_velocities(rng.normal(size=(4, 3)) * 0.01)
    start = atoms.copy()
    for _ in range(2):
        SpinDynamics(atoms, 0.8 * units.fs, lattice=lattice, tolerance=1e-12).run(60)
        atoms.set_initial_magnetic_moments(-atoms.get_initial_magnetic_moments())
        atoms.set_momenta(-atoms.get_momenta())
    moments = start.get_initial_magnetic_moments()
    assert atoms.get_initial_magnetic_moments() == pytest.approx(moments, abs=1e-8)
    assert atoms.positions == pytest.approx(start.positions, abs=1e-8)
    assert atoms.get_momenta() == pytest.approx(start.get_momenta(), abs=1e-8)


def test_damping_follows_gilberts_law_and_aligns() -> None:
    """In a field, tan(θ/2) falls as exp(−α γ B t / (1 + α²))."""
    alpha, field = 0.3, 0.02
    atoms = cluster([[2 * np.sin(1.0), 0, 2 * np.cos(1.0)]], Heisenberg(field=field))
    run = SpinDynamics(atoms, 0.5 * units.fs, lattice=False, damping=alpha)
    run.run(100)
    moment = atoms.get_initial_magnetic_moments()[0]
    rate = alpha / (1 + alpha**2) * 2 * field * 2 * np.pi / PLANCK
    angle = 2 * np.arctan(np.tan(0.5) * np.exp(-rate * 50))
    assert np.arccos(moment[2] / 2) == pytest.approx(angle, rel=1e-3)
    run.run(700)
    assert atoms.get_initial_magnetic_moments()[0] == pytest.approx([0, 0, 2], abs=0.01)


def test_without_moments_that_turn_it_is_verlets_rule() -> None:
    """Two atoms on a spring: half a drift, a kick, half a drift; the third is held by a constraint."""
    atoms = cluster([[0, 0, 2.0], [0, 0, 0], [0, 0, 1]], Heisenberg(spring=5.0))
    atoms.set_constraint(FixAtoms([2]))
    atoms.positions[0, 0] += 0.1
    by_hand = atoms.copy()
    by_hand.calc = Heisenberg(spring=5.0)
    step, masses = 1 * units.fs, atoms.get_masses()[:, None]
    SpinDynamics(atoms, step).run(20)
    for _ in range(20):
        by_hand.set_positions(by_hand.positions + step / 2 * by_hand.get_momenta() / masses)
        by_hand.set_momenta(by_hand.get_momenta() + step * by_hand.get_forces())
        by_hand.set_positions(by_hand.positions + step / 2 * by_hand.get_momenta() / masses)
    assert atoms.positions == pytest.approx(by_hand.positions, abs=1e-12)
    assert atoms.get_momenta() == pytest.approx(by_hand.get_momenta(), abs=1e-12)
    assert not atoms.get_momenta()[2].any()
    assert np.abs(atoms.get_momenta()[0]).max() > 0.01


def test_trajectory_log_and_going_on_from_either(tmp_path) -> None:
    atoms = cluster(random_moments(3), Heisenberg(0.01, spring=5.0, fade=1.0))
    whole = atoms.copy()
    whole.calc = Heisenberg(0.01, spring=5.0, fade=1.0)
    path, log = tmp_path / "run.traj", tmp_path / "run.log"
    SpinDynamics(atoms, 1 * units.fs, trajectory=str(path), logfile=str(log), loginterval=5).run(20)
    images = read(path, index=":")
    assert len(images) == 5
    assert (images[-1].get_initial_magnetic_moments() == atoms.get_initial_magnetic_moments()).all()
    assert images[2].get_potential_energy() + images[2].get_kinetic_energy() == pytest.approx(
        atoms.get_total_energy(), abs=1e-4
    )
    head, *rows = log.read_text().splitlines()
    assert head.split()[:2] == ["Time[ps]", "Etot/N[eV]"]
    assert len(rows) == 5
    assert float(rows[-1].split()[1]) == pytest.approx(atoms.get_total_energy() / 3, abs=1e-6)

    restarted = images[-1]
    restarted.calc = Heisenberg(0.01, spring=5.0, fade=1.0)
    SpinDynamics(restarted, 1 * units.fs).run(20)
    SpinDynamics(whole, 1 * units.fs).run(40)
    assert restarted.positions == pytest.approx(whole.positions, abs=1e-12)
    assert restarted.get_initial_magnetic_moments() == pytest.approx(whole.get_initial_magnetic_moments(), abs=1e-12)


def test_atoms_stay_as_they_were_when_a_step_is_too_long() -> None:
    moments = random_moments(4)
    atoms = cluster(moments, Heisenberg(0.2))
    atoms.set_momenta(np.ones((4, 3)))
    with pytest.raises(DynamicsError, match=r"step of 20 fs.*shorter"):
        SpinDynamics(atoms, 20 * units.fs).run(1)
    assert (atoms.get_initial_magnetic_moments() == moments).all()
    assert (atoms.positions == cluster(moments, None).positions).all()
    atoms = cluster([[1.0, 0, 0]], Heisenberg(field=0.05))
    with pytest.raises(DynamicsError, match=r"turns by .* rad in a step of 10 fs; take \S+ fs"):
        SpinDynamics(atoms, 10 * units.fs).run(1)


def test_what_cannot_be_moved_is_refused() -> None:
    step, good = 1 * units.fs, cluster([[0, 0, 1.0]], Heisenberg())
    bare = Atoms("Mn", calculator=Heisenberg())
    with pytest.raises(StructureError, match=r"carry no moments.*vectors"):
        SpinDynamics(bare, step)
    with pytest.raises(StructureError, match="moments are numbers"):
        SpinDynamics(cluster([1.0], Heisenberg()), step)
    with pytest.raises(StructureError, match="all moments are zero"):
        SpinDynamics(cluster([[0, 0, 0]], Heisenberg()), step)
    with pytest.raises(DynamicsError, match="Mn: no calculator gives no"):
        SpinDynamics(cluster([[0, 0, 1]], None), step)
    with pytest.raises(DynamicsError, match="EMT gives no magnetic forces"):
        SpinDynamics(cluster([[0, 0, 1]], EMT()), step)
    with pytest.raises(DynamicsError, match="relaxes moments itself"):
        SpinDynamics(cluster([[0, 0, 1]], SpinPotential(moments="relaxed")), step)
    for wrong in (0.0, -1.0, float("nan"), 1e-15, 1e5):
        with pytest.raises(DynamicsError, match=r"a time step of .* in ASE's units"):
            SpinDynamics(good, wrong)
    with pytest.raises(DynamicsError, match="damping"):
        SpinDynamics(good, step, damping=-0.1)


def test_steps_take_few_evaluations() -> None:
    """The field at the end of a step, which the log asks for anyway, is where the next one starts from."""
    calculator = Heisenberg(0.01)
    SpinDynamics(cluster(random_moments(4), calculator), 0.5 * units.fs, lattice=False).run(20)
    assert calculator.evaluations <= 20 * 9


def test_precess_needs_no_ase() -> None:
    moments = np.array([[1.0, 0, 0], [0, 0, 0]])
    found = precess(moments, lambda _: np.array([[0, 0, 0.1], [0, 0, 0.1]]), 0.1)
    assert found[1].tolist() == [0, 0, 0]
    assert np.arctan2(found[0, 1], found[0, 0]) == pytest.approx(2 * 0.1 * 0.1 * 2 * np.pi / PLANCK, rel=1e-4)


def test_nickel_oxide_precesses_and_keeps_its_energy() -> None:
    """The shipped potential: tilted moments move, energy stays."""
    atoms = Atoms(
        "Ni2O2", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5], [0.25, 0.25, 0.25], [0.75, 0.75, 0.75]],
        cell=2.093 * np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2]]), pbc=True,
    )  # fmt: skip
    up = np.array([0.0, np.sin(0.05), np.cos(0.05)]) * 1.2737
    atoms.set_initial_magnetic_moments([up, -up * [1, -1, 1], [0, 0, 0], [0, 0, 0]])
    atoms.calc = SpinPotential("potential-nio", device="cpu")
    energies = []
    run = SpinDynamics(atoms, 0.5 * units.fs)
    run.attach(lambda: energies.append(1e3 * atoms.get_total_energy() / len(atoms)))
    atoms.rattle(0.002, seed=0)
    run.run(8)
    assert np.abs(atoms.get_initial_magnetic_moments()[0] - up).max() > 0.01
    assert np.ptp(energies) < 0.02
    assert atoms.get_kinetic_energy() > 0
