"""The shipped potentials on frames they never saw, beside CHGNet; exchange of NiO; drift and speed of dynamics.

python benchmarks/potential.py DATA/potential [--chgnet /opt/chgnet/bin/python] [--parts errors exchange drift speed]
python benchmarks/potential.py DATA/potential --card RUN/model/potential-fe.json    a run's result as a card of the zoo
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from ase import Atoms, units
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet

import magnetite
from magnetite.potential.exchange import exchange_of
from magnetite.potential.export import UNITS, export_potential, inside
from magnetite.potential.frames import Frame
from magnetite.potential.splits import Split
from magnetite.potential.tasks import measure
from magnetite.potential.train import EMPTY, groups_of, prepare_split
from magnetite.zoo import available
from magnetite_ase import SpinPotential


@dataclass(frozen=True)
class Data:
    """What a shipped potential was trained on, and what to know of it."""

    file: str
    cutoff: float
    without: tuple[str, ...]
    name: str
    licence: str
    notes: tuple[str, ...]
    self_consistent: bool = False


SETS = {
    "potential-nio": Data(
        "nio_deepspin.extxyz.gz", 5.5, (),
        "NiO, 32 atoms, constrained non-collinear DFT+U (DeepSPIN)", "as published with DeepSPIN",
        (
            "One volume, displacements of 0.02 Å, |m| of Ni within 0.001 μB: for spins and small vibrations near the "  # noqa: ISC004
            "antiferromagnetic ground state, not for other volumes, phases or lengths of moments.",
            "One test frame has |m| and magnetic forces far outside the training frames; figures with and without it.",
        ),
    ),
    "potential-fe": Data(
        "fe_fitsnap_npj2021.extxyz.gz", 5.0, ("EOS_001_Jun2020",),
        "Fe: bcc, hcp, liquids, defects (Nikolov et al., npj Comput. Mater. 7, 153, 2021)", "as published with FitSNAP",
        (
            "Nearly collinear moments at self-consistency: the data says little of exchange or of spin waves.",
            "Group EOS_001 is left out: its settings give other energies (5.2 meV/atom).",
        ),
        self_consistent=True,
    ),
}  # fmt: skip
NEUTRON = {"J1": (2.95, 1.37), "J2": (4.17, -19.01)}
"""NiO: distance in Å and J in meV for H = −Σ_pairs J e_i·e_j (Hutchings & Samuelsen, Phys. Rev. B 6, 3447, 1972)."""


def split_of(name: str, folder: Path) -> Split:
    data = SETS[name]
    config = replace(EMPTY, cutoff=data.cutoff)
    path = folder / data.file
    return prepare_split(path, config, self_consistent=data.self_consistent, without=data.without)[0]


def line(label: str, figures: dict[str, float], rows: int) -> None:
    cells = "  ".join(f"{key} {figures[key]:9.3f} {UNITS[key]}" for key in UNITS if key in figures)
    print(f"{label:<28} {rows:>4}  {cells}")


def errors(folder: Path, chgnet: str | None) -> None:
    print("root-mean-square errors on held-out clusters")
    for name in SETS.keys() & available().keys():
        split, model = split_of(name, folder), magnetite.load(name, "cpu")
        line(name, measure(model.network, split.test, model.device), len(split.test))
        usual = inside(split.test, model.ranges)
        if len(usual) < len(split.test):
            line("  |m| in the trained range", measure(model.network, usual, model.device), len(usual))
        groups = groups_of(split.test)
        for group, frames in sorted(groups.items()) if len(groups) > 1 else ():
            line(f"  {group}", measure(model.network, frames, model.device), len(frames))
        line("  labels' own size", sizes(split.test), len(split.test))
        if chgnet:
            line("  CHGNet 0.4.2 zero-shot", other(chgnet, split.test), len(split.test))


def sizes(frames: list[Frame]) -> dict[str, float]:
    """Root mean square of the labels; of energies, about their mean."""
    energies = np.array([f.energy_per_atom for f in frames])

    def size(name: str) -> float:
        return float(np.sqrt(np.mean(np.concatenate([np.square(np.ravel(getattr(f, name))) for f in frames]))))

    found = {"energy": 1e3 * float(energies.std()), "forces": 1e3 * size("forces")}
    if all(f.stress is not None for f in frames):
        found["stress"] = size("stress") / units.GPa
    return found


def other(python: str, frames: list[Frame]) -> dict[str, float]:
    """CHGNet's errors; its energies are shifted to the frames' mean, since functionals and references differ."""
    rows = [atoms_of(f).todict() for f in frames]
    text = "\n".join(
        json.dumps({"numbers": r["numbers"].tolist(), "positions": r["positions"].tolist(), "cell": r["cell"].tolist()})
        for r in rows
    )
    script = Path(__file__).with_name("chgnet_potential.py")
    done = subprocess.run([python, str(script)], input=text, capture_output=True, text=True, check=True)
    answers = [json.loads(answer) for answer in done.stdout.splitlines()]
    energy = np.array([a["energy"] for a in answers]) - [f.energy_per_atom for f in frames]
    force = [np.ravel(np.array(a["forces"]) - f.forces) for a, f in zip(answers, frames, strict=True)]
    return {
        "energy": 1e3 * float(energy.std()),
        "forces": 1e3 * float(np.sqrt(np.mean(np.square(np.concatenate(force))))),
    }


def atoms_of(frame: Frame) -> Atoms:
    """Atoms of a frame, which keeps only what a potential needs: the file has the rest."""
    from ase.io import read

    path, number = frame.source.rsplit(", frame ", 1)
    if path not in _READ:
        _READ[path] = read(path, index=":")
    return _READ[path][int(number)]


_READ: dict[str, list[Atoms]] = {}


def exchange(folder: Path) -> None:
    print("\nNiO: exchange of the potential in its antiferromagnetic ground state, meV, H = −Σ_pairs J e_i·e_j")
    frame = split_of("potential-nio", folder).train[0]
    atoms = atoms_of(frame)
    model = magnetite.load("potential-nio", "cpu")
    moments = ground_state(frame)
    found = exchange_of(model, atoms, moments=moments, reach=4.5)
    for (label, (distance, neutron)), shell in zip(NEUTRON.items(), found.shells()[:2], strict=True):
        length, bonds, value, spread = shell
        print(
            f"{label} at {length:.3f} Å (neutron at {distance} Å): {value:8.3f} ± {spread:.3f} over {bonds} bonds, "
            f"neutron {neutron:.2f}, difference {value - neutron:+.2f}"
        )


def ground_state(frame: Frame) -> np.ndarray:
    """Collinear moments with the signs that most of the frame's have, of the mean length."""
    moments = frame.around.moments
    axis = np.linalg.svd(moments)[2][0]
    lengths = np.linalg.norm(moments, axis=1)
    carrying = lengths > 0.1
    mean = lengths[carrying].mean()
    return np.where(carrying, mean * np.sign(moments @ axis), 0.0)


def nickel_oxide(folder: Path, times: tuple[int, int, int]) -> Atoms:
    """A training frame's cell in the antiferromagnetic order, repeated."""
    frame = split_of("potential-nio", folder).train[0]
    atoms = atoms_of(frame).copy()
    atoms.set_initial_magnetic_moments(ground_state(frame))
    return atoms * times


def drift(folder: Path, picoseconds: float) -> None:
    atoms = nickel_oxide(folder, (1, 1, 1))
    atoms.calc = SpinPotential("potential-nio", device="cpu")
    MaxwellBoltzmannDistribution(atoms, temperature_K=20, rng=np.random.default_rng(0))
    run = VelocityVerlet(atoms, timestep=2 * units.fs, logfile=None)
    seen = []
    run.attach(lambda: seen.append(atoms.get_total_energy() / len(atoms)), interval=5)
    run.run(int(picoseconds * 500))
    slope = np.polyfit(np.linspace(0, picoseconds, len(seen)), 1e3 * np.array(seen), 1)[0]
    print(
        f"\nNVE, {len(atoms)} atoms of NiO, 2 fs, {picoseconds:g} ps from 20 K: drift {slope:+.5f} meV/atom/ps, "
        f"spread {1e3 * np.std(seen):.5f} meV/atom"
    )


def speed(folder: Path, chgnet: str | None) -> None:
    atoms = nickel_oxide(folder, (2, 2, 1))
    calculator = SpinPotential("potential-nio", device="cpu")
    calculator.calculate(atoms)
    started, steps = time.process_time(), 3
    for _ in range(steps):
        calculator.calculate(atoms)
    rate = steps * len(atoms) / (time.process_time() - started)
    print(f"\n{len(atoms)} atoms of NiO, energy + forces + stress, one thread: {rate:,.0f} atoms·steps/s of CPU time")
    if chgnet:
        row = json.dumps(
            {"numbers": atoms.numbers.tolist(), "positions": atoms.positions.tolist(), "cell": atoms.cell.tolist()}
        )
        script = Path(__file__).with_name("chgnet_potential.py")
        done = subprocess.run([chgnet, str(script), "--time"], input=row, capture_output=True, text=True, check=True)
        other_rate = float(done.stdout)
        print(f"CHGNet 0.4.2 likewise: {other_rate:,.0f}; ratio {rate / other_rate:.1f}")


def card(path: Path, folder: Path) -> None:
    from magnetite.zoo.loading import load

    model = load(str(path), "cpu")
    name = model.card.name
    data = SETS[name]
    target = Path(str(files("magnetite.zoo"))) / "weights"
    written = export_potential(
        model.network, split_of(name, folder), target, model.device,
        name=name, data=data.name, licence=data.licence, notes=data.notes,
    )  # fmt: skip
    print(f"wrote {written}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chgnet", help="Python of an environment with CHGNet 0.4.2")
    parser.add_argument("--parts", nargs="*", default=["errors", "exchange", "drift", "speed"])
    parser.add_argument("--picoseconds", type=float, default=10.0)
    parser.add_argument("--card", type=Path, help="only write the zoo's card of a run's result")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.card:
        card(args.card, args.folder)
        return
    if "errors" in args.parts:
        errors(args.folder, args.chgnet)
    if "exchange" in args.parts:
        exchange(args.folder)
    if "drift" in args.parts:
        drift(args.folder, args.picoseconds)
    if "speed" in args.parts:
        speed(args.folder, args.chgnet)


if __name__ == "__main__":
    main()
