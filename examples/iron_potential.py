"""Iron by the magnetic potential inside ASE: equation of state, one relaxation of everything, a piece of dynamics."""

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.eos import EquationOfState
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

from magnetite_ase import SpinPotential


def iron(a: float, moment: float) -> Atoms:
    atoms = bulk("Fe", "bcc", a=a, cubic=True)
    atoms.set_initial_magnetic_moments([moment] * len(atoms))  # or vectors, (n, 3), in μB
    return atoms


relaxed = SpinPotential("potential-fe", moments="relaxed")  # moments follow the lattice
volumes, energies = [], []
for a in np.linspace(2.78, 2.88, 6):
    atoms = iron(a, 2.2)
    atoms.calc = relaxed
    volumes.append(atoms.get_volume() / len(atoms))
    energies.append(atoms.get_potential_energy() / len(atoms))
    print(f"a = {a:.2f} Å  {energies[-1]:.4f} eV/atom  {atoms.get_magnetic_moments()[0]:.3f} μB")
volume, energy, modulus = EquationOfState(volumes, energies).fit()
print(f"equation of state: a = {(2 * volume) ** (1 / 3):.3f} Å, bulk modulus {modulus / units.GPa:.0f} GPa")

atoms = iron(2.78, 1.9)  # positions, cell and moments at once
atoms.rattle(0.05, seed=1)
atoms.calc = relaxed
BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.01, steps=100)
print(f"relaxed: a = {atoms.cell.lengths().mean():.3f} Å, {atoms.get_magnetic_moments().mean():.3f} μB")

atoms *= (2, 2, 2)
atoms.set_initial_magnetic_moments(np.full(len(atoms), 2.2))
atoms.calc = SpinPotential("potential-fe")  # moments held
thermalize_momenta(atoms, temperature_K=300, rng=np.random.default_rng(0))
start = atoms.get_total_energy()
VelocityVerlet(atoms, timestep=1 * units.fs, logfile=None).run(50)
print(f"after 50 fs the total energy differs by {1e3 * (atoms.get_total_energy() - start) / len(atoms):.4f} meV/atom")
