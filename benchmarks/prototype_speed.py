"""Speed of the descriptor of structure types on one thread, beside quippy-ase 0.10.3 and dscribe 2.1.2.

python benchmarks/prototype_speed.py --arise /path/of/arise --peers-python /path/of/peers-env/bin/python

The peers share an environment of their own: pip install quippy-ase==0.10.3 dscribe==2.1.2
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import torch
from ase import Atoms
from ase.io import read

from magnetite.clusters import Cluster
from magnetite.prototypes.descriptor import Soap, describe, describe_many_settings, find_pairs
from magnetite.prototypes.supercells import Variant, hosts, pristine_samples, read_prototypes
from magnetite.structures import Crystal

BATCH = 16
CUTOFFS = tuple(np.linspace(3.0, 5.0, 11).round(6).tolist())
SIGMAS = (0.08, 0.1, 0.12)
SCALES = (0.95, 1.0, 1.05)
LARGEST = 200
"""Atoms; larger samples take quippy minutes."""
BOX, STRIDE = 12.0, 2.0
"""Å; of the strided pattern matching of the particle."""


def seconds(work: Callable[[], Any]) -> float:
    """CPU time of one run, which other programs on the machine do not change much."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_batches(samples: list[Crystal | Cluster]) -> torch.Tensor:
    """The whole way: neighbours and descriptors."""
    starts = range(0, len(samples), BATCH)
    return torch.cat([describe([find_pairs(s) for s in samples[i : i + BATCH]]) for i in starts])


def peers(
    samples: Sequence[Crystal | Cluster], python: str, names: Sequence[str] = ("quippy", "dscribe"), scale: float = 1.0
) -> dict[str, tuple[float, np.ndarray]]:
    """Descriptors per second of each peer, and its vectors. They get every pair of species ready scaled."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.npz"
        arrays: dict[str, Any] = {}
        for place, sample in enumerate(samples):
            atoms = as_atoms(sample)
            arrays |= {f"positions{place}": atoms.positions, f"numbers{place}": atoms.numbers}
            arrays |= {f"cell{place}": atoms.cell.array, f"pbc{place}": atoms.pbc}
            arrays[f"units{place}"] = units(sample) * (1, 1, scale)
        np.savez(path, **arrays)
        script = Path(__file__).with_name("prototype_peers.py")
        subprocess.run([python, script, str(path), *names], check=True)
        with np.load(path) as answers:
            return {name: (float(answers[name]), np.array(answers[f"{name} vectors"])) for name in names}


def units(sample: Crystal | Cluster) -> np.ndarray:
    """Ordered pairs of species and their units of length: rows of (Z, Z', Å)."""
    from magnetite.prototypes.neighbours import Surroundings
    from magnetite.prototypes.pairs import find_units

    found = find_units(Surroundings.of(sample), np.unique(sample.numbers).tolist(), None)
    return np.array([(a, b, unit) for (a, b), unit in found.items()])


def as_atoms(sample: Crystal | Cluster) -> Atoms:
    if isinstance(sample, Cluster):
        return Atoms(sample.numbers, sample.positions)
    return Atoms(sample.numbers, cell=sample.lattice, scaled_positions=sample.frac_coords, pbc=True)


def boxes(path: Path, count: int, seed: int) -> list[Crystal | Cluster]:
    """Random boxes of the pattern matching of a particle: those whose grid point lies among its atoms."""
    atoms = read(path)
    assert isinstance(atoms, Atoms)
    low, high = atoms.positions.min(axis=0), atoms.positions.max(axis=0)
    rng = np.random.default_rng(seed)
    found: list[Crystal | Cluster] = []
    while len(found) < count:
        corner = low + rng.integers(0, np.ceil((high - low) / STRIDE)) * STRIDE
        inside = ((atoms.positions >= corner) & (atoms.positions < corner + BOX)).all(axis=1)
        if inside.sum() >= 20:
            found.append(Cluster(atoms.positions[inside], atoms.numbers[inside]))
    return found


def large(count: int) -> tuple[int, float]:
    """Atoms of, and seconds for, an fcc particle with a twentieth of its atoms of another kind."""
    side = round((count / 4) ** (1 / 3))
    cells = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    basis = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    rng = np.random.default_rng(0)
    positions = (cells + basis).reshape(-1, 3) * 3.6 + rng.normal(scale=0.05, size=(4 * side**3, 3))
    sample = Cluster(positions, np.where(rng.random(len(positions)) < 0.05, 13, 28))
    return len(sample), seconds(lambda: describe([find_pairs(sample)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arise", type=Path, required=True, help="folder with prototypes/ and nanoparticle/")
    parser.add_argument("--peers-python", help="Python of an environment with quippy-ase and dscribe")
    parser.add_argument("--samples", type=int, default=24, help="of the supercells of prototypes")
    parser.add_argument("--boxes", type=int, default=400)
    parser.add_argument("--table", action="store_true", help="time the whole training table")
    parser.add_argument("--atoms", type=int, help="time one particle of so many atoms")
    args = parser.parse_args()
    torch.set_num_threads(1)
    prototypes = read_prototypes(args.arise / "prototypes")
    suited: list[Variant] = [variant for variant in hosts(prototypes) if len(variant.sample) <= LARGEST]
    rng = np.random.default_rng(0)
    samples = [suited[i].sample for i in rng.choice(len(suited), args.samples, replace=False)]
    in_batches(samples[:2])
    ours = len(samples) / seconds(lambda: in_batches(samples))
    print(
        f"| CPU time of one thread | | |\n| --- | ---: | --- |\n| {len(samples)} supercells, 100–{LARGEST} atoms | | |"
    )
    print(f"| magnetite, neighbours and descriptors | {ours:.3g} | descriptors/s |", flush=True)
    if args.peers_python:
        found = peers(samples, args.peers_python)
        apart = float(abs(in_batches(samples).numpy() - found["quippy"][1]).max())
        for name, (rate, _) in found.items():
            print(f"| {name}, scaled beforehand | {rate:.3g} | descriptors/s |\n|   ratio | {ours / rate:.3g} | × |")
        print(f"|   largest difference to quippy | {apart:.2g} | |", flush=True)
    cut = boxes(next((args.arise / "nanoparticle").glob("*.xyz")), args.boxes, 0)
    rate = len(cut) / seconds(lambda: in_batches(cut))
    mean = np.mean([len(box) for box in cut])
    print(f"| boxes of the FePt particle, {mean:.0f} atoms on average | {rate:.3g} | boxes/s |", flush=True)
    if args.table:
        settings = [(Soap(cutoff, sigma), scale) for cutoff in CUTOFFS for sigma in SIGMAS for scale in SCALES]
        variants = pristine_samples(prototypes)
        taken = seconds(lambda: [describe_many_settings(variant.sample, settings) for variant in variants])
        print(f"| training table, {len(variants) * len(settings):,} descriptors | {taken:.3g} | s |", flush=True)
    if args.atoms:
        count, taken = large(args.atoms)
        print(f"| one particle of {count:,} atoms | {taken:.3g} | s |")


if __name__ == "__main__":
    main()
