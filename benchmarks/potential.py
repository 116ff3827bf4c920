"""The shipped potentials on frames they never saw, beside CHGNet and 7net-0; exchange of NiO; drift, speed.

python benchmarks/potential.py DATA/potential [--chgnet PYTHON] [--sevennet PYTHON] [--parts errors exchange …]
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
from typing import Any

import numpy as np
import torch
from ase import Atoms, units
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from scipy.stats import spearmanr

import magnetite
from magnetite.potential.exchange import exchange_of
from magnetite.potential.export import UNITS, export_potential, inside, spreads
from magnetite.potential.frames import Frame, groups_of
from magnetite.potential.model import PotentialModel
from magnetite.potential.splits import Split
from magnetite.potential.tasks import measure
from magnetite.potential.train import EMPTY, prepare_split
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
            "One volume, displacements of at most 0.015 Å, |m| of Ni within 0.001 μB: for spins and small "  # noqa: ISC004
            "vibrations near the antiferromagnetic ground state, not for other volumes, phases or lengths of moments.",
            "One test frame has |m| and magnetic forces far outside the training frames; figures with and without it.",
        ),
    ),
    "potential-fe": Data(
        "fe_fitsnap_npj2021.extxyz.gz", 5.0, ("EOS_001_Jun2020",),
        "Fe: bcc, hcp, liquids, defects (Nikolov et al., npj Comput. Mater. 7, 153, 2021)", "as published with FitSNAP",
        (
            "Nearly collinear moments at self-consistency: exchange constants and spin waves from it are not iron's.",
            "Antiferromagnets only at 10.3 Å³/atom, none of them in the test: their energies elsewhere are a guess.",
            "Few frames below 8 Å³/atom, beyond 16, or without moments beyond 11 Å³/atom: errors there are large.",
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
    print(f"{label:<34} {rows:>4}  {cells}", flush=True)


def errors(folder: Path, peers: dict[str, str]) -> None:
    print("root-mean-square errors on held-out clusters")
    for name in SETS.keys() & available().keys():
        split, model = split_of(name, folder), magnetite.load(name, "cpu")
        parts = {name: split.test}
        usual = inside(split.test, model.ranges)
        if len(usual) < len(split.test):
            parts["|m| in the trained range"] = usual
        groups = groups_of(split.test)
        parts |= groups if len(groups) > 1 else {}
        answers = {PEERS[peer]: ask(peer, python, split.test) for peer, python in peers.items()}
        for part, frames in parts.items():
            line(part, measure(model.network, frames, model.device), len(frames))
            line("  labels' own size", sizes(frames), len(frames))
            for label, said in answers.items():
                line(f"  {label} zero-shot", other([said[f.source] for f in frames], frames), len(frames))
        each = np.array([measure(model.network, [f], model.device)["energy"] for f in split.test])
        if few := len(each) // 50:
            kept = [split.test[i] for i in np.argsort(each)[:-few]]
            line(f"without the {few} worst energies", measure(model.network, kept, model.device), len(kept))
        print(
            f"energy error of a frame of {name}, meV/atom: median {np.median(each):.2f}, 90 % below "
            f"{np.quantile(each, 0.9):.2f}, largest {each.max():.1f}"
        )
        if len(model.network.networks) > 1:
            doubt(model, split.test, each)
        print()


def doubt(model: PotentialModel, frames: list[Frame], each: np.ndarray) -> None:
    """Whether networks part where their mean errs."""
    apart, usual = spreads(model.network, frames, model.device)["energy"], model.card.settings["usual_spread"]["energy"]
    correlation = spearmanr(apart, each).statistic
    print(f"spread between {len(model.network.networks)} networks and error: rank correlation {correlation:.2f}")
    for label, chosen in ((f"spread up to {1e3 * usual:.1f} meV/atom", apart <= usual), ("beyond", apart > usual)):
        part = [frame for frame, there in zip(frames, chosen, strict=True) if there]
        line(f"  {label}", measure(model.network, part, model.device), len(part))
    for number, member in enumerate(model.network.networks, start=1):
        line(f"  network {number} alone", measure(member, frames, model.device), len(frames))


def sizes(frames: list[Frame]) -> dict[str, float]:
    """Root mean square of the labels; of energies, about their mean."""
    energies = np.array([f.energy_per_atom for f in frames])

    def size(name: str) -> float:
        return float(np.sqrt(np.mean(np.concatenate([np.square(np.ravel(getattr(f, name))) for f in frames]))))

    found = {"energy": 1e3 * float(energies.std()), "forces": 1e3 * size("forces")}
    if all(f.stress is not None for f in frames):
        found["stress"] = size("stress") / units.GPa
    return found


PEERS = {"chgnet": "CHGNet 0.4.2", "sevennet": "7net-0"}


def run_peer(peer: str, python: str, images: list[Atoms], *options: str) -> list[str]:
    """What peer_potential.py says of them in the peer's own environment, a line each."""
    text = "\n".join(
        json.dumps({"numbers": a.numbers.tolist(), "positions": a.positions.tolist(), "cell": a.cell.tolist()})
        for a in images
    )
    command = [python, str(Path(__file__).with_name("peer_potential.py")), peer, *options]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def ask(peer: str, python: str, frames: list[Frame]) -> dict[str, dict[str, Any]]:
    """A peer's answers by the frames' sources; energies are shifted to the frames' mean: references differ."""
    said = run_peer(peer, python, [atoms_of(f) for f in frames])[-len(frames) :]
    answers = [json.loads(text) for text in said]
    energies = np.array([a["energy"] / f.n_atoms for a, f in zip(answers, frames, strict=True)])
    shift = float(np.mean(energies - [f.energy_per_atom for f in frames]))
    return {f.source: a | {"energy": e - shift} for f, a, e in zip(frames, answers, energies, strict=True)}


def other(answers: list[dict[str, Any]], frames: list[Frame]) -> dict[str, float]:
    """Root-mean-square errors of a peer's answers."""

    def size(values: list[Any]) -> float:
        return float(np.sqrt(np.mean(np.square(np.concatenate([np.ravel(v) for v in values])))))

    pairs = list(zip(answers, frames, strict=True))
    found = {
        "energy": 1e3 * size([a["energy"] - f.energy_per_atom for a, f in pairs]),
        "forces": 1e3 * size([np.array(a["forces"]) - f.forces for a, f in pairs]),
    }
    if all(f.stress is not None for f in frames):
        found["stress"] = size([np.array(a["stress"]) - f.stress for a, f in pairs]) / units.GPa
    return found


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


def speed(folder: Path, peers: dict[str, str]) -> None:
    atoms = nickel_oxide(folder, (2, 2, 1))
    beside_peers(atoms, "potential-nio", peers, steps=3, words="NiO, energy + forces + stress")


def beside_peers(atoms: Atoms, model: str, peers: dict[str, str], *, steps: int, words: str) -> None:
    """Atoms times steps a second, neighbours found anew each time, in CPU time of one thread; the peers' likewise."""
    calculator = SpinPotential(model, device="cpu")
    calculator.calculate(atoms)
    started = time.process_time()
    for _ in range(steps):
        calculator.calculate(atoms)
    rate = steps * len(atoms) / (time.process_time() - started)
    print(f"\n{len(atoms)} atoms of {words}, one thread: {rate:,.0f} atoms·steps/s of CPU time")
    for peer, python in peers.items():
        other = float(run_peer(peer, python, [atoms], "--time")[-1])
        print(f"{PEERS[peer]} likewise: {other:,.0f}; ratio {rate / other:.1f}")


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
    parser.add_argument("--sevennet", help="Python of an environment with sevenn 0.13.0, which brings 7net-0")
    parser.add_argument("--parts", nargs="*", default=["errors", "exchange", "drift", "speed"])
    parser.add_argument("--picoseconds", type=float, default=10.0)
    parser.add_argument("--card", type=Path, help="only write the zoo's card of a run's result")
    args = parser.parse_args()
    torch.set_num_threads(1)
    peers = {peer: getattr(args, peer) for peer in PEERS if getattr(args, peer)}
    if args.card:
        card(args.card, args.folder)
        return
    if "errors" in args.parts:
        errors(args.folder, peers)
    if "exchange" in args.parts:
        exchange(args.folder)
    if "drift" in args.parts:
        drift(args.folder, args.picoseconds)
    if "speed" in args.parts:
        speed(args.folder, peers)


if __name__ == "__main__":
    main()
