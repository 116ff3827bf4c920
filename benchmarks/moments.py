"""|m| of each site against DFT, beside CHGNet's on the same structures of a split.

python benchmarks/moments.py --data DATA --chgnet-python /path/of/chgnet-env/bin/python

CHGNet was trained on relaxations of many of these very structures; the split is unseen by our model only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pymatgen.core import Structure

import magnetite
from magnetite.datasets.magnetic import MagneticData, reduced_formula
from magnetite.datasets.records import Record, read_records
from magnetite.elements import FROZEN_4F
from magnetite.errors import StructureError
from magnetite.evaluation.figures import CARRIES
from magnetite.evaluation.order import SPLITS
from magnetite.structures import as_crystal
from magnetite.zoo import DEFAULT_MODEL

Moments = NDArray[np.float64]
STRATA = ("GGA+U, FM or FiM", "GGA+U, AFM", "outside GGA+U, FM or FiM", "outside GGA+U, AFM", "non-magnetic")
LARGEST = 100
"""Sites; larger primitive cells are left out, where CHGNet would take most of the time."""


@dataclass(frozen=True)
class Case:
    """A primitive chemical cell and its |m| by DFT in μB."""

    stratum: str
    structure: Structure
    moments: Moments


def rows(data: MagneticData, fold: int) -> Iterator[tuple[str, Record]]:
    """The rows of a fold that have moments, each with its stratum."""
    folder = data.folder / "dft_magnetic"
    train = {row["id"]: row for row in read_records(folder / "TRAIN_merker_like_ggau.jsonl.gz")}
    for row in read_records(folder / "mp_magmoms_kitchin.jsonl.gz"):
        known = train.get(row["id"])
        order = known["label"] if known else row["ordering_mp"]
        if order != "NM" and in_fold(data, row, fold):
            kind = "AFM" if order == "AFM" else "FM or FiM"
            yield f"{'GGA+U' if known else 'outside GGA+U'}, {kind}", row
    for row in train.values():
        if row["label"] == "NM" and in_fold(data, row, fold):
            yield "non-magnetic", row | {"magmoms": [0.0] * len(row["species"])}
    for row in read_records(folder / "mp_nonmagnetic_inferred.jsonl.gz"):
        doubtful = row["id"] in train or row["nm_tier"] != "A" or FROZEN_4F & set(row["species"])
        if not doubtful and in_fold(data, row, fold):
            yield "non-magnetic", row | {"magmoms": [0.0] * len(row["species"])}


def in_fold(data: MagneticData, row: Record, fold: int) -> bool:
    """Whether the formula of a row's cell belongs to the fold."""
    counts = Counter(row["species"])
    return data.fold(reduced_formula("".join(f"{element}{n}" for element, n in counts.items()))) == fold


def draw(folder: Path, fold: int, count: int, seed: int) -> list[Case]:
    """So many random structures of each stratum, or all there are."""
    pools: dict[str, list[Record]] = {stratum: [] for stratum in STRATA}
    for stratum, row in rows(MagneticData(folder, [fold]), fold):
        pools[stratum].append(row)
    rng = np.random.default_rng(seed)
    found = []
    for stratum, pool in pools.items():
        cases = (case(stratum, pool[i]) for i in rng.permutation(len(pool)))
        usable = (c for c in cases if c is not None)
        found += [c for c, _ in zip(usable, range(count), strict=False)]
    return found


def case(stratum: str, row: Record) -> Case | None:
    """A row as its primitive cell, |m| averaged over the copies of a site; None if that cannot be used."""
    try:
        primitive, places = as_crystal(row).primitive
    except StructureError:
        return None
    if len(primitive) > LARGEST:
        return None
    total = np.bincount(places, np.abs(np.asarray(row["magmoms"], float)))
    structure = Structure(primitive.lattice, primitive.numbers, primitive.frac_coords)
    return Case(stratum, structure, total / np.bincount(places))


def ours(cases: list[Case], model: str) -> list[Moments]:
    """|m| by a model of the zoo."""
    reports = magnetite.analyze_many([c.structure for c in cases], model=model, device="cpu")
    return [np.array(report.site_moments) for report in reports]


def chgnet(cases: list[Case], python: str) -> list[Moments]:
    """|m| by CHGNet."""
    text = "\n".join(json.dumps(c.structure.as_dict(), default=float) for c in cases)
    script = Path(__file__).with_name("chgnet_moments.py")
    out = subprocess.run([python, script], input=text, capture_output=True, text=True, check=True)
    return [np.array(m) for m in json.loads(out.stdout.splitlines()[-1])]


def figures(true: Moments, found: Moments) -> str:
    """One row's columns: errors in μB, and how well magnetic sites are told from others."""
    error, magnetic, called = np.abs(found - true), true > CARRIES, found > CARRIES
    on_magnetic = error[magnetic]
    accuracy = (called == magnetic).mean()
    if not magnetic.any():
        return f"{error.mean():.3f} | - | - | {accuracy:.3f} | -"
    f1 = 2 * (called & magnetic).sum() / (called.sum() + magnetic.sum())
    return f"{error.mean():.3f} | {on_magnetic.mean():.3f} | {np.median(on_magnetic):.3f} | {accuracy:.3f} | {f1:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name or card (default: the default model)")
    parser.add_argument("--chgnet-python", help="Python of an environment with chgnet 0.4.2")
    parser.add_argument("--split", choices=tuple(SPLITS), default="test")
    parser.add_argument("--count", type=int, default=100, help="structures of each stratum (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    cases = draw(args.data, SPLITS[args.split], args.count, args.seed)
    answers = {"magnetite": ours(cases, args.model)}
    if args.chgnet_python:
        answers["CHGNet 0.4.2"] = chgnet(cases, args.chgnet_python)
    print(
        f"{args.split} fold, seed {args.seed}, primitive cells of at most {LARGEST} sites; magnetic: > {CARRIES} μB\n"
    )
    print("| stratum | structures | sites | magnetic | model | MAE | MAE magnetic | median | accuracy | F1 |")
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for stratum in (*STRATA, "all"):
        chosen = [i for i, c in enumerate(cases) if stratum in {c.stratum, "all"}]
        if not chosen:
            continue
        true = np.concatenate([cases[i].moments for i in chosen])
        for name, answer in answers.items():
            row = figures(true, np.concatenate([answer[i] for i in chosen]))
            print(f"| {stratum} | {len(chosen)} | {len(true):,} | {(true > CARRIES).sum():,} | {name} | {row} |")


if __name__ == "__main__":
    main()
