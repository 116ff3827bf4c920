"""What `potential-fe` makes of iron through ASE's own drivers, and how fast; needs no data.

python benchmarks/potential_iron.py [--model CARD] [--chgnet PYTHON] [--sevennet PYTHON] [--parts crystal …]
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from ase import Atoms, units
from ase.build import bulk
from ase.eos import EquationOfState
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from potential import PEERS, beside_peers

import magnetite
from magnetite.potential.exchange import exchange_of
from magnetite_ase import SpinPotential

PARTS = ("crystal", "relax", "drift", "speed")
A0 = 2.83
"""Å"""
STRAINS = np.linspace(0.97, 1.03, 13)
TIMESTEP = 2.0
"""fs"""


def iron(a: float, moment: float, repeat: int = 1) -> Atoms:
    """Ferromagnetic bcc iron."""
    atoms = bulk("Fe", "bcc", a=a, cubic=True) * (repeat, repeat, repeat)
    atoms.set_initial_magnetic_moments(np.full(len(atoms), moment))
    return atoms


def crystal(model: str) -> None:
    """Equation of state of the ferromagnet with relaxed moments (Birch–Murnaghan)."""
    calculator = SpinPotential(model, moments="relaxed", device="cpu")
    volumes, energies, moments = [], [], []
    for a in A0 * STRAINS:
        atoms = iron(a, 2.2)
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy() / len(atoms))
        volumes.append(atoms.get_volume() / len(atoms))
        moments.append(atoms.get_magnetic_moments().mean())
    volume, energy, modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
    print(
        f"bcc iron, equation of state with relaxed moments: a = {(2 * volume) ** (1 / 3):.4f} Å, bulk modulus "
        f"{modulus / units.GPa:.0f} GPa, |m| = {np.interp(volume, volumes, moments):.3f} μB, {energy:.4f} eV/atom; "
        f"|m| from {moments[0]:.2f} μB at {volumes[0]:.2f} Å³/atom to {moments[-1]:.2f} at {volumes[-1]:.2f}"
    )
    atoms = iron((2 * volume) ** (1 / 3), 2.2)
    atoms.calc = SpinPotential(model, device="cpu")
    ferro = atoms.get_potential_energy()
    atoms.set_initial_magnetic_moments([2.2, -2.2])
    rise = (atoms.get_potential_energy() - ferro) / len(atoms)
    print(f"antiparallel moments, which training frames show at 10.3 Å³/atom only: {rise:+.2f} eV/atom")
    atoms.set_initial_magnetic_moments([2.2, 2.2])
    distance, _, coupling, _ = exchange_of(magnetite.load(model, "cpu"), atoms, reach=2.6).shells()[0]
    print(f"exchange at {distance:.2f} Å by second derivatives: {coupling:.0f} meV; about 50 in the literature")


def relax(model: str) -> None:
    """Positions, cell and moments together, from a shaken, strained crystal with moments that are too small."""
    atoms = iron(2.78, 1.9, 2)
    atoms.rattle(0.05, seed=0)
    atoms.set_cell(atoms.cell.array @ np.array([[1.02, 0.01, 0], [0, 0.98, 0], [0, 0, 1.01]]), scale_atoms=True)
    atoms.calc = SpinPotential(model, moments="relaxed", device="cpu")
    optimizer = BFGS(FrechetCellFilter(atoms), logfile=None)
    done = optimizer.run(fmax=0.005, steps=200)
    lengths = atoms.cell.cellpar()
    moments = atoms.get_magnetic_moments()
    print(
        f"\npositions, cell and moments of {len(atoms)} atoms, {'relaxed' if done else 'NOT relaxed'} in "
        f"{optimizer.nsteps} steps: a = {lengths[:3].mean() / 2:.4f} ± {np.ptp(lengths[:3]) / 4:.4f} Å, angles "
        f"{lengths[3:].min():.2f}–{lengths[3:].max():.2f}°, |m| {moments.min():.3f}–{moments.max():.3f} μB, "
        f"largest −dE/dm {1e3 * np.abs(atoms.calc.get_magnetic_forces(atoms)).max():.2f} meV/μB"
    )


def drift(model: str, picoseconds: float) -> None:
    """Velocity Verlet at constant energy, moments held."""
    atoms = iron(2.84, 2.2, 3)
    atoms.calc = SpinPotential(model, device="cpu")
    rng = np.random.default_rng(0)
    thermalize_momenta(atoms, temperature_K=600, rng=rng)
    Stationary(atoms)
    run = VelocityVerlet(atoms, timestep=TIMESTEP * units.fs, logfile=None)
    totals, kelvin = [], []

    def watch() -> None:
        totals.append(1e3 * atoms.get_total_energy() / len(atoms))
        kelvin.append(atoms.get_temperature())

    run.attach(watch, interval=10)
    run.run(round(1e3 * picoseconds / TIMESTEP))
    slope = np.polyfit(np.linspace(0, picoseconds, len(totals)), totals, 1)[0]
    print(
        f"\nNVE, {len(atoms)} atoms of bcc iron, {TIMESTEP:g} fs, {picoseconds:g} ps at {np.mean(kelvin):.0f} K: drift "
        f"{slope:+.5f} meV/atom/ps, spread {np.std(totals):.4f} meV/atom"
    )


def speed(model: str, peers: dict[str, str]) -> None:
    """Energy, forces and stress of 128 atoms, neighbours found anew each time, in CPU time of one thread."""
    atoms = iron(2.84, 2.2, 4)
    atoms.rattle(0.05, seed=0)
    beside_peers(atoms, model, peers, steps=10, words="bcc iron, energy + forces + stress (+ −dE/dm)")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="potential-fe", help="name or card of a potential")
    parser.add_argument("--chgnet", help="Python of an environment with CHGNet 0.4.2")
    parser.add_argument("--sevennet", help="Python of an environment with sevenn 0.13.0, which brings 7net-0")
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--picoseconds", type=float, default=10.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if "crystal" in args.parts:
        crystal(args.model)
    if "relax" in args.parts:
        relax(args.model)
    if "drift" in args.parts:
        drift(args.model, args.picoseconds)
    if "speed" in args.parts:
        speed(args.model, {peer: getattr(args, peer) for peer in PEERS if getattr(args, peer)})


if __name__ == "__main__":
    main()
