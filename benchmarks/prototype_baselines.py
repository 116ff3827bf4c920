"""What other methods make of the very structures that the prototype model is measured on, in one run.

python benchmarks/prototype_baselines.py --data PROTOTYPES [--levels pristine 0/4 20/4] [--methods spglib ovito]

PTM, CNA, a-CNA and Ackland–Jones (bond-angle analysis) need OVITO: `pip install ovito` (3.17) into the environment
of Magnetite, or into one that sees its packages. Settings and scores are those of Leitherer 2021, Supplementary
Note 1, and of the authors' scripts:

- spglib: tolerances 0.1 Å and 5° (loose), 1e-4 Å and 1° (tight); periodic structures. Right is the space group of
  the prototype (the crystal system, where the paper names no group). Alone: the 38 elements and binaries.
- OVITO's methods: defaults; CNA cutoff 3.2 Å, PTM RMSD 0.1 with chemical ordering; periodic structures. The share of
  atoms whose label belongs to the space group of the prototype. Alone: the classes that they can name.
- *: over all 108 classes, where nanotubes, and whatever has no label, count as wrong.
- Gaussian and Bernoulli naive Bayes (scikit-learn's defaults): on the model's descriptor, all structures, periodic
  and finite. They learn from the rows that the network learns from, kept in --rows (the folder ``descriptors`` of
  a training run; computed if empty), or with --grid used from those at the cutoff and width of predictions alone.
- the model: the zoo's, on the structures that naive Bayes gets.
"""

from __future__ import annotations

import argparse
import re
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import spglib
import torch
from numpy.typing import NDArray
from prototype_robustness import chosen
from tqdm.auto import tqdm

import magnetite
from magnetite.evaluation.prototypes import descriptors, measure, samples
from magnetite.prototypes.defects import BOTH, DISPLACED, MISSING, PRISTINE, Level, damaged
from magnetite.prototypes.supercells import Prototype, Variant, hosts, read_prototypes
from magnetite.prototypes.table import FULL_GRID, USED_GRID, build_table
from magnetite.runtime import resolve_device
from magnetite.structures import Crystal

SPGLIB = {"spglib, loose": (0.1, 5.0), "spglib, tight": (1e-4, 1.0)}
"""Å and degrees."""
SYSTEMS = {
    "triclinic": (1, 2), "monoclinic": (3, 15), "orthorhombic": (16, 74), "tetragonal": (75, 142),
    "trigonal": (143, 167), "hexagonal": (168, 194), "cubic": (195, 230),
}  # fmt: skip
CLOSE_PACKED = {"fcc_Cu_A_cF4_225_a", "hcp_Mg_A_hP2_194_c", "bcc_W_A_cI2_229_a"}
PTM_CLASSES = CLOSE_PACKED | {
    "sc_alphaPo_A_cP1_221_a", "diam_C_A_cF8_227_a", "HexDiam_C_A_hP4_194_f", "C", "L10_CuAu", "L12_Cu3Au", "CsCl",
    "Zincblende_ZnS", "Wurtzite_ZnS", "BN",
}  # fmt: skip
"""The paper counts twelve: its script has CsCl, its text boron nitride."""
PLAIN_GROUPS = {"FCC": 225, "HCP": 194, "BCC": 229}
PTM_GROUPS = {
    ("FCC", "PURE"): 225, ("HCP", "PURE"): 194, ("BCC", "PURE"): 229, ("SC", "PURE"): 221,
    ("CUBIC_DIAMOND", "PURE"): 227, ("HEX_DIAMOND", "PURE"): 194, ("GRAPHENE", "PURE"): 191, ("FCC", "L10"): 123,
    ("FCC", "L12_A"): 221, ("FCC", "L12_B"): 221, ("BCC", "B2"): 221, ("CUBIC_DIAMOND", "ZINCBLENDE_WURTZITE"): 216,
    ("HEX_DIAMOND", "ZINCBLENDE_WURTZITE"): 186, ("GRAPHENE", "BORON_NITRIDE"): 187,
}  # fmt: skip
METHODS = ("spglib", "ovito", "bayes", "model")
GRIDS = {"full": FULL_GRID, "used": USED_GRID}


@dataclass
class Count:
    """Right answers among all."""

    right: int = 0
    total: int = 0

    def add(self, right: int, total: int) -> None:
        """Count some more."""
        self.right += right
        self.total += total

    def __str__(self) -> str:
        return f"{100 * self.right / self.total:.2f}" if self.total else ""


@dataclass
class Results:
    """Counts of each row of the table at each level."""

    counts: dict[str, dict[Level, Count]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Count)))

    def add(self, row: str, level: Level, can: bool, right: int, total: int) -> None:
        """Count an answer alone, if the method can treat the class, and over all classes."""
        if can:
            self.counts[row][level].add(right, total)
        self.counts[f"{row} *"][level].add(right, total)

    def table(self, levels: Sequence[Level]) -> str:
        """Markdown; accuracies in %."""
        lines = [f"| % | {' | '.join(map(str, levels))} |", f"| --- |{' --: |' * len(levels)}"]
        lines += [
            f"| {row} | {' | '.join(str(counts[level]) for level in levels)} |" for row, counts in self.counts.items()
        ]
        return "\n".join(lines)


def symmetry_is_right(group: int, prototype: Prototype) -> bool:
    """Whether a space group is that of the prototype, or at least of the crystal system that the paper names.

    P1, which any heap of atoms has, recognizes nothing: the authors leave it out, too.
    """
    if group == 1:
        return False
    if prototype.spacegroup is not None:
        return group == prototype.spacegroup
    first, last = SYSTEMS[prototype.symmetry]
    return first <= group <= last


def run_spglib(variant: Variant, level: Level, results: Results) -> None:
    for row, (symprec, angle) in SPGLIB.items():
        right = False
        if isinstance(sample := variant.sample, Crystal):
            cell = (sample.lattice, sample.frac_coords, sample.numbers)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = spglib.get_spacegroup(cell, symprec=symprec, angle_tolerance=angle)
            number = re.search(r"\((\d+)\)", found or "")
            right = number is not None and symmetry_is_right(int(number[1]), variant.prototype)
        can = variant.prototype.kind in {"Elemental_solids", "Binaries"}
        results.add(row, level, can, int(right), 1)


Labels = Callable[[Any], NDArray[np.int64]]


def ovito_methods() -> dict[str, tuple[set[str], Labels]]:
    """The classes that each of OVITO's methods can name, and what gives the space group of each atom (0: none)."""
    try:
        from ovito import modifiers as m
    except ImportError as error:
        raise SystemExit(f"OVITO cannot be imported ({error}): pip install ovito, or leave --methods ovito") from error
    ptm = m.PolyhedralTemplateMatchingModifier
    matching = ptm(output_ordering=True)
    for kind in ("SC", "CUBIC_DIAMOND", "HEX_DIAMOND", "GRAPHENE"):
        matching.structures[int(getattr(ptm.Type, kind))].enabled = True
    codes = {
        (int(getattr(ptm.Type, kind)), int(getattr(ptm.OrderingType, order))): group
        for (kind, order), group in PTM_GROUPS.items()
    }

    def by_template(data: Any) -> NDArray[np.int64]:
        data.apply(matching)
        kinds, orders = data.particles["Structure Type"][...], data.particles["Ordering Type"][...]
        return np.array([codes.get(pair, 0) for pair in zip(kinds.tolist(), orders.tolist(), strict=True)])

    def plain(modifier: Any, types: Any) -> Labels:
        groups = np.zeros(64, np.int64)
        for kind, group in PLAIN_GROUPS.items():
            groups[int(getattr(types, kind))] = group

        def label(data: Any) -> NDArray[np.int64]:
            data.apply(modifier)
            found: NDArray[np.int64] = groups[data.particles["Structure Type"][...]]
            return found

        return label

    cna, angles = m.CommonNeighborAnalysisModifier, m.AcklandJonesModifier
    return {
        "PTM": (PTM_CLASSES, by_template),
        "CNA": (CLOSE_PACKED, plain(cna(mode=cna.Mode.FixedCutoff), cna.Type)),
        "a-CNA": (CLOSE_PACKED, plain(cna(mode=cna.Mode.AdaptiveCutoff), cna.Type)),
        "Ackland–Jones": (CLOSE_PACKED, plain(angles(), angles.Type)),
    }


def run_ovito(variant: Variant, level: Level, results: Results, methods: dict[str, tuple[set[str], Labels]]) -> None:
    sample = variant.sample
    atoms = len(sample)
    data = _collection(sample) if isinstance(sample, Crystal) else None
    for row, (classes, label) in methods.items():
        right = int((label(data.clone()) == (variant.prototype.spacegroup or -1)).sum()) if data else 0
        results.add(row, level, variant.label in classes, right, atoms)


def _collection(crystal: Crystal) -> Any:
    from ovito.data import DataCollection

    data = DataCollection()
    cell = np.zeros((3, 4))
    cell[:, :3] = crystal.lattice.T
    data.create_cell(cell, pbc=(True, True, True))
    particles = data.create_particles(count=len(crystal))
    particles.create_property("Position", data=crystal.frac_coords @ crystal.lattice)
    particles.create_property("Particle Type", data=crystal.numbers.astype(np.int32))
    return data


class Bayes:
    """Naive Bayes on the descriptor.

    Args:
        prototypes: the classes.
        rows: folder of descriptors.
        grid: settings of the rows to learn from.
    """

    def __init__(self, prototypes: Sequence[Prototype], rows: Path, grid: str) -> None:
        from sklearn.naive_bayes import BernoulliNB, GaussianNB

        table = build_table(prototypes, rows, grid=GRIDS[grid])
        x, y = table.x.numpy(), table.labels.numpy()
        self.labels = [prototype.label for prototype in prototypes]
        self.methods = {
            "Gaussian naive Bayes": GaussianNB().fit(x, y), "Bernoulli naive Bayes": BernoulliNB().fit(x, y),
        }  # fmt: skip
        print(f"naive Bayes learned from {len(y):,} rows", flush=True)

    def run(self, variants: Iterable[Variant], level: Level, results: Results, device: str) -> None:
        """Count the right answers of a level."""
        kept = list(variants)
        x = descriptors(tqdm(kept, desc=f"{level.code:>7} bayes"), device=device).numpy()
        truth = np.array([self.labels.index(variant.label) for variant in kept])
        for row, method in self.methods.items():
            results.counts[f"{row} *"][level].add(int((method.predict(x) == truth).sum()), len(kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the prototypes and manifest.csv")
    parser.add_argument("--repeats", type=int, default=1, help="damaged copies of each supercell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--levels", nargs="+", default=["all"], help="groups, or %% missing/%% displaced")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--rows", type=Path, default=Path("descriptors"), help="descriptors that naive Bayes learns")
    parser.add_argument("--grid", choices=list(GRIDS), default="full", help="settings of those descriptors")
    parser.add_argument("--model", default="prototypes", help="a model's name or card")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    torch.set_num_threads(1)
    prototypes, levels, results = read_prototypes(args.data), chosen(args.levels), Results()
    started = time.perf_counter()
    labels = ovito_methods() if "ovito" in args.methods else {}
    classic = {"spglib", "ovito"} & set(args.methods)
    device = resolve_device(args.device).type
    bayes = Bayes(prototypes, args.rows, args.grid) if "bayes" in args.methods else None
    model = magnetite.load(args.model, device) if "model" in args.methods else None
    for level in levels:
        asked = list(periodic(prototypes, level, args.repeats, args.seed)) if classic else []
        for variant in tqdm(asked, desc=f"{level.code:>7}", disable=not classic):
            if "spglib" in args.methods:
                run_spglib(variant, level, results)
            run_ovito(variant, level, results, labels)
        if bayes:
            bayes.run(samples(prototypes, level, args.repeats, args.seed), level, results, device)
        if model:
            text = f"{level.code:>7} model"
            score = measure(model, prototypes, level, repeats=args.repeats, seed=args.seed, progress=text)
            results.counts[f"{model.card} *"][level].add(score.right, score.rows)
    print(f"\n{args.repeats} repeats, seed {args.seed}; {time.perf_counter() - started:.0f} s")
    for group in (DISPLACED, MISSING, BOTH):
        shown = [level for level in (PRISTINE, *group) if level in levels]
        if set(shown) & set(group) or group is DISPLACED:
            print(f"\n{results.table(shown)}")


def periodic(prototypes: Sequence[Prototype], level: Level, repeats: int, seed: int) -> Iterator[Variant]:
    """What the methods without a descriptor get: periodic supercells, and nanotubes to fail at."""
    for host in hosts(prototypes):
        if host.periodic or not isinstance(host.prototype.sample, Crystal):
            for repeat in range(1 if level == PRISTINE else repeats):
                yield damaged(host, level, repeat, seed)


if __name__ == "__main__":
    main()
