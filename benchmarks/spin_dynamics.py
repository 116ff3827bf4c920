"""What spin dynamics of NiO by `potential-nio` conserves, at several time steps; needs no data.

python benchmarks/spin_dynamics.py [--lattice] [--timesteps 0.5 1 2] [--picoseconds 10] [--repeat 2 1 1]
python benchmarks/spin_dynamics.py --data DATA/potential/nio_deepspin.extxyz.gz    how far the training frames go
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from ase import Atoms, units
from ase.io import read
from ase.md.velocitydistribution import Stationary, thermalize_momenta

from magnetite_ase import SpinDynamics, SpinPotential

A0 = 4.186
"""Å, of the frames that the potential was trained on"""
MOMENT = 1.2737
"""μB, of their nickel"""


def nickel_oxide(repeat: tuple[int, int, int], tilt: float) -> Atoms:
    """The antiferromagnet, moments tilted at random.

    Args:
        repeat: of the primitive magnetic cell, 4 atoms.
        tilt: standard deviation of both components across, in rad.
    """
    places = [[0, 0, 0], [0.5, 0.5, 0.5], [0.25, 0.25, 0.25], [0.75, 0.75, 0.75]]
    cell = A0 / 2 * np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2]])
    atoms = Atoms("Ni2O2", scaled_positions=places, cell=cell, pbc=True)
    atoms.set_initial_magnetic_moments([[0, 0, 1], [0, 0, -1], [0, 0, 0], [0, 0, 0]])
    atoms *= repeat
    moments = atoms.get_initial_magnetic_moments()
    nickel = moments[:, 2] != 0
    moments[nickel, :2] = tilt * np.random.default_rng(0).normal(size=(nickel.sum(), 2))
    moments[nickel] *= MOMENT / np.linalg.norm(moments[nickel], axis=1, keepdims=True)
    atoms.set_initial_magnetic_moments(moments)
    return atoms


def conserved(atoms: Atoms, timestep: float, picoseconds: float, *, lattice: bool) -> None:
    """Print what a run leaves as it was, and what not."""
    atoms = atoms.copy()
    atoms.calc = SpinPotential("potential-nio", device="cpu")
    before = atoms.get_initial_magnetic_moments()
    run = SpinDynamics(atoms, timestep * units.fs, lattice=lattice)
    energies: list[float] = []
    run.attach(lambda: energies.append(1e3 * atoms.get_total_energy() / len(atoms)))
    started = time.process_time()
    run.run(round(1e3 * picoseconds / timestep))
    spent = time.process_time() - started
    after = atoms.get_initial_magnetic_moments()
    times = np.linspace(0, picoseconds, len(energies))
    slope = np.polyfit(times, energies, 1)[0]
    lengths = np.abs(np.linalg.norm(after, axis=1) - np.linalg.norm(before, axis=1)).max()
    total = np.linalg.norm(after.sum(0) - before.sum(0))
    print(
        f"{timestep:5.2f} fs {picoseconds:5.1f} ps  drift {slope:+.6f} meV/atom/ps  spread {np.std(energies):.6f} "
        f"meV/atom  |m| within {lengths:.1e} μB, total moment within {total:.1e} μB  {spent / picoseconds:.0f} s/ps",
        flush=True,
    )


def extent(path: Path) -> None:
    """Print how far atoms of the frames are from their mean sites, and moments from their common axis."""
    frames = read(path, index=":")
    away = np.array([frame.positions for frame in frames])
    away -= away.mean(0)
    tilts = []
    for frame in frames:
        moments = frame.get_magnetic_moments()
        lengths = np.linalg.norm(moments, axis=1)
        directions = moments[lengths > 0.1] / lengths[lengths > 0.1, None]
        axis = np.linalg.svd(directions)[2][0]
        tilts.append(np.degrees(np.arccos(np.clip(np.abs(directions @ axis), 0, 1))).mean())
    low, middle, high = np.quantile(tilts, [0.05, 0.5, 1])
    print(
        f"{len(frames)} frames: components of displacements {away.std():.4f} Å, largest {np.abs(away).max():.4f} Å; "
        f"mean tilt of a frame {middle:.1f}° in the median, 95 % above {low:.1f}°, largest {high:.1f}°"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lattice", action="store_true", help="atoms move, too")
    parser.add_argument("--timesteps", nargs="*", type=float, default=[0.5, 1.0, 2.0], help="fs")
    parser.add_argument("--picoseconds", type=float, default=10.0)
    parser.add_argument("--repeat", nargs=3, type=int, default=(2, 1, 1))
    parser.add_argument("--tilt", type=float, default=0.1, help="rad, of both components across")
    parser.add_argument("--kelvin", type=float, default=4.0, help="of the atoms' velocities at the start")
    parser.add_argument("--data", type=Path, help="only say how far these training frames go")
    args = parser.parse_args()
    if args.data:
        extent(args.data)
        return
    torch.set_num_threads(1)
    atoms, straight = (nickel_oxide(args.repeat, tilt) for tilt in (args.tilt, 0.0))
    for each in (atoms, straight):
        each.calc = SpinPotential("potential-nio", device="cpu")
    rise = (atoms.get_potential_energy() - straight.get_potential_energy()) / (len(atoms) / 2)
    print(
        f"{len(atoms)} atoms of NiO, moments {1e3 * rise:.1f} meV/Ni above the ground state ({rise / units.kB:.0f} K)"
    )
    if args.lattice:
        rng = np.random.default_rng(0)
        thermalize_momenta(atoms, temperature_K=args.kelvin, rng=rng)
        Stationary(atoms)
        print(f"atoms start at {atoms.get_temperature():.0f} K from their sites")
    for timestep in args.timesteps:
        conserved(atoms, timestep, args.picoseconds, lattice=args.lattice)


if __name__ == "__main__":
    main()
