"""The descriptor against the vectors that the authors of ARISE stored, for all classes and boundary conditions.

python benchmarks/prototype_reference.py --arise /path/of/arise

Where all nearest distances of a pair of species are equal to the last bit, numpy's histogram, which the authors
used, makes bins of 0.01 Å, so that their unit of length is half a bin larger or smaller; whether numbers are
equal to the last bit is a matter of rounding. The comparison allows each such pair either unit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from magnetite.clusters import Cluster
from magnetite.prototypes.descriptor import SIZE, Soap, describe, find_pairs
from magnetite.prototypes.neighbours import Surroundings
from magnetite.prototypes.pairs import SAME_SCALE, Pairs, find_units
from magnetite.prototypes.supercells import pristine_samples, read_prototypes
from magnetite.structures import Crystal

HALF_BIN = 0.005
EQUAL = 1e-6
"""Å."""
REACH = Soap(cutoff=4.1)
SHIFTS = (0, HALF_BIN, -HALF_BIN)


def choices(sample: Crystal | Cluster) -> tuple[np.ndarray, list[tuple[np.ndarray, int]]]:
    """The descriptor, and what each other unit would add to it, with how many pairs of species it may do so."""
    around = Surroundings.of(sample)
    species = np.unique(sample.numbers).tolist()
    units = find_units(around, species, None)
    found = find_pairs(sample, soap=REACH)
    ways = [(a, b) for i, a in enumerate(species) for b in species[i:]]
    both = [w for a, b in ways for w in dict.fromkeys([(a, b), (b, a)])]
    keys = [w for w in both if w[0] <= w[1] or abs(units[w] - units[w[::-1]]) > SAME_SCALE * units[w]]
    total = np.zeros(SIZE)
    changes: list[tuple[np.ndarray, int]] = []
    for key, (vectors, _), same, share in zip(keys, found.parts, found.same, found.shares, strict=True):
        part = Pairs(vectors, np.array([len(vectors)]), np.array([same]), np.array([share]))
        base, *others = (
            describe([part], scale=1 + shift / units[key], dtype=torch.float64)[0].numpy() for shift in SHIFTS
        )
        total += base
        nearest = around.nearest(*key, 50.0)
        if np.ptp(nearest) < EQUAL:
            times = round(share * len(species) ** 2)
            changes += [((other - base) / times, times) for other in others]
    return total, merged(changes)


def merged(changes: list[tuple[np.ndarray, int]]) -> list[tuple[np.ndarray, int]]:
    """Equal changes once, with the number of times they may occur; no change is none."""
    out: list[tuple[np.ndarray, int]] = []
    for change, times in changes:
        if np.linalg.norm(change) < 1e-9:
            continue
        place = next((i for i, (known, _) in enumerate(out) if abs(known - change).max() < 1e-7), None)
        if place is None:
            out.append((change, times))
        else:
            out[place] = (change, out[place][1] + times)
    return out


def apart(vector: np.ndarray, total: np.ndarray, changes: list[tuple[np.ndarray, int]]) -> float:
    """Largest difference of a stored vector to ours, with the units it was made with."""
    if not changes:
        return float(abs(vector - total).max())
    matrix = np.array([change for change, _ in changes]).T
    often = np.linalg.lstsq(matrix, vector - total, rcond=1e-9)[0]
    often = np.clip(np.round(often), 0, [times for _, times in changes])
    return float(abs(vector - total - matrix @ often).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arise", type=Path, required=True, help="folder with prototypes/ and reference_soap/")
    args = parser.parse_args()
    torch.set_num_threads(1)
    stored = np.load(args.arise / "reference_soap" / "soap_pristine.npz")
    prototypes = read_prototypes(args.arise / "prototypes")
    plain, allowed = {}, {}
    for prototype in prototypes:
        vectors = stored["x"][stored["y"] == prototype.index].astype(float)
        made = [choices(variant.sample) for variant in pristine_samples([prototype])]
        for table, with_units in ((plain, False), (allowed, True)):
            matrix = np.array([[apart(v, total, c if with_units else []) for total, c in made] for v in vectors])
            table[prototype.label] = max(matrix.min(axis=0).max(), matrix.min(axis=1).max())
    print("| largest difference to the stored vectors | below 1e-5 | below 1e-4 | of |\n| --- | ---: | ---: | ---: |")
    for name, table in (("with the same units of length", allowed), ("with units free of rounding", plain)):
        values = np.array(list(table.values()))
        print(f"| classes, {name} | {(values < 1e-5).sum()} | {(values < 1e-4).sum()} | {len(values)} |")
    print(f"\nworst with the same units: {max(allowed, key=lambda k: allowed[k])} {max(allowed.values()):.2g}")
    print(f"worst without: {max(plain, key=lambda k: plain[k])} {max(plain.values()):.2g}")


if __name__ == "__main__":
    main()
