"""Spin dynamics of NiO by the magnetic potential inside ASE: moments precess, keep the energy, and relax if damped."""

import numpy as np
from ase import Atoms, units

from magnetite_ase import SpinDynamics, SpinPotential

atoms = Atoms(
    "Ni2O2",
    scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5], [0.25, 0.25, 0.25], [0.75, 0.75, 0.75]],
    cell=2.093 * np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2]]),
    pbc=True,
)
moments = 1.2737 * np.array([[0, np.sin(0.1), np.cos(0.1)], [0, np.sin(0.1), -np.cos(0.1)], [0, 0, 0], [0, 0, 0]])
atoms.set_initial_magnetic_moments(moments)  # vectors, (n, 3), in μB: antiparallel, but for a tilt
atoms.calc = SpinPotential("potential-nio")


def turned() -> float:
    """How far the first moment is from where it started, in degrees."""
    cosine = atoms.get_initial_magnetic_moments()[0] @ moments[0] / 1.2737**2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


atoms.rattle(0.001, seed=0)
start = atoms.get_total_energy()
SpinDynamics(atoms, timestep=1 * units.fs).run(15)  # atoms move, too; lattice=False holds them
change = 1e3 * (atoms.get_total_energy() - start) / len(atoms)
print(f"after 15 fs the first moment has turned by {turned():.1f}°, the total energy differs by {change:.5f} meV/atom")

SpinDynamics(atoms, timestep=2 * units.fs, lattice=False, damping=0.5).run(25)
first, second, *_ = atoms.get_initial_magnetic_moments()
angle = np.degrees(np.arccos(np.clip(first @ second / 1.2737**2, -1, 1)))
print(f"after 50 fs with damping moments are at {angle:.2f}° to each other, |m| = {np.linalg.norm(first):.4f} μB")
