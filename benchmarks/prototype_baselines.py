"""What other methods make of the very structures that the prototype model is measured on, in one run.

python benchmarks/prototype_baselines.py --data PROTOTYPES [--repeats 2] [--levels pristine 0/4 20/4] [--out FILE]

Prints the tables of docs/structure-types.md. Finished levels are kept in --out, which may be the file of
prototype_robustness.py, and are not measured again. PTM, CNA, a-CNA and Ackland–Jones (bond-angle analysis) need
OVITO: `pip install ovito` (3.17) into the environment of Magnetite, or into one that sees its packages. Settings
and scores are those of Leitherer 2021, Supplementary Note 1, and of the authors' scripts:

- spglib: tolerances 0.1 Å and 5° (loose), 1e-4 Å and 1° (tight); periodic structures. Right is the space group of
  the prototype (the crystal system, where the paper names no group). It is made for the 38 elements and binaries.
- OVITO's methods: defaults; CNA cutoff 3.2 Å, PTM RMSD 0.1 with chemical ordering; periodic structures. The share of
  atoms whose label belongs to the space group of the prototype. PTM knows 13 of the classes, the others 3.
- Gaussian and Bernoulli naive Bayes (scikit-learn's defaults): on the model's descriptor, all structures, periodic
  and finite. They learn from the rows that the network learns from, kept in --rows (the folder ``descriptors`` of
  a training run; computed if empty), or with --grid used from those at the cutoff and width of predictions alone.
- the models: the zoo's, on the structures that naive Bayes gets.

The first table scores each method on the classes it can name, the second on all 108, where nanotubes, and whatever
a method has no label for, count as wrong; the third the models on the classes of the others.
"""

from __future__ import annotations

import argparse
import re
import warnings
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import spglib
import torch
from prototype_dscribe import smallest
from prototype_ovito import CLOSE_PACKED, OVITO, PTM_CLASSES, Scores, by_ovito, ovito_methods
from prototype_robustness import chosen
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from tqdm.auto import tqdm

import magnetite
from magnetite.evaluation.prototypes import (
    PAPER,
    Answer,
    Score,
    descriptors,
    finished,
    keep,
    measure,
    tally,
)
from magnetite.prototypes.defects import PRISTINE, Level, damaged
from magnetite.prototypes.supercells import Prototype, Variant, hosts, pristine_samples, read_prototypes
from magnetite.prototypes.table import FULL_GRID, USED_GRID, build_table
from magnetite.structures import Crystal

SPGLIB = {"spglib, loose": (0.1, 5.0), "spglib, tight": (1e-4, 1.0)}
"""Å and degrees."""
SYSTEMS = {
    "triclinic": (1, 2), "monoclinic": (3, 15), "orthorhombic": (16, 74), "tetragonal": (75, 142),
    "trigonal": (143, 167), "hexagonal": (168, 194), "cubic": (195, 230),
}  # fmt: skip
METHODS = ("spglib", "ovito", "bayes", "models")
BAYES = {"Gaussian naive Bayes": GaussianNB, "Bernoulli naive Bayes": BernoulliNB}
GRIDS = {"full": FULL_GRID, "used": USED_GRID}


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


def by_spglib(variants: Sequence[Variant], level: Level) -> Scores:
    """Whether spglib finds the right symmetry of each structure."""
    answers: dict[str, list[Answer]] = {row: [] for row in SPGLIB}
    for variant in tqdm(variants, desc=f"{level.code:>7} spglib"):
        for row, (symprec, angle) in SPGLIB.items():
            right = False
            if isinstance(sample := variant.sample, Crystal):
                cell = (sample.lattice, sample.frac_coords, sample.numbers)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = spglib.get_spacegroup(cell, symprec=symprec, angle_tolerance=angle)
                number = re.search(r"\((\d+)\)", found or "")
                right = number is not None and symmetry_is_right(int(number[1]), variant.prototype)
            answers[row].append(Answer(variant.label, variant.periodic, variant.label if right else None))
    return {row: tally(level, found) for row, found in answers.items()}


class Bayes:
    """Naive Bayes on the descriptor.

    Args:
        prototypes: the classes.
        rows: folder of descriptors.
        grid: settings of the rows to learn from.
    """

    def __init__(self, prototypes: Sequence[Prototype], rows: Path, grid: str) -> None:
        table = build_table(prototypes, rows, grid=GRIDS[grid])
        x, y = table.x.numpy(), table.labels.numpy()
        self.labels = [prototype.label for prototype in prototypes]
        self.methods = {row: method().fit(x, y) for row, method in BAYES.items()}
        print(f"naive Bayes learned from {len(y):,} rows", flush=True)

    def __call__(self, variants: Sequence[Variant], level: Level) -> Scores:
        """What it makes of structures."""
        x = descriptors(tqdm(variants, desc=f"{level.code:>7} bayes")).numpy()
        return {
            row: tally(
                level,
                [
                    Answer(variant.label, variant.periodic, self.labels[place])
                    for variant, place in zip(variants, method.predict(x).tolist(), strict=True)
                ],
            )
            for row, method in self.methods.items()
        }


def drawn(prototypes: Sequence[Prototype], level: Level, args: argparse.Namespace, *, classic: bool) -> list[Variant]:
    """Structures of a level, as prototype_robustness.py draws them; the smallest supercells alone if asked for.

    Methods without a descriptor get periodic supercells, and nanotubes to fail at.
    """
    ideal = level == PRISTINE
    every = pristine_samples(prototypes) if ideal and not classic else hosts(prototypes)
    if classic:
        every = [host for host in every if host.periodic or not isinstance(host.prototype.sample, Crystal)]
    repeats = 1 if ideal else args.repeats
    sizes = smallest(every) if args.smallest else every
    return [damaged(host, level, repeat, args.seed) for host in sizes for repeat in range(repeats)]


class Study:
    """Scores of every method at every level: those in a file, and those that are measured now.

    Args:
        args: of the command line.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.prototypes, self.levels = args, read_prototypes(args.data), chosen(args.levels)
        self.draw = {"repeats": args.repeats, "seed": args.seed}
        self.own = self.draw | ({"supercells": "smallest"} if args.smallest else {})
        self.found: dict[str, dict[Level, Score]] = {}

    def run(self) -> None:
        """Measure what is missing, method by method."""
        wanted = self.args.methods
        if "models" in wanted:
            for name in self.args.models:
                self._model(name)
        if "spglib" in wanted:
            self._group(tuple(SPGLIB), {"version": spglib.__version__}, lambda: by_spglib)
        if "ovito" in wanted:
            self._group(OVITO, {}, lambda: partial(by_ovito, ovito_methods()))
        if "bayes" in wanted:
            self._group(
                tuple(BAYES), {"grid": self.args.grid},
                lambda: Bayes(self.prototypes, self.args.rows, self.args.grid), classic=False,
            )  # fmt: skip

    def _group(
        self,
        rows: Sequence[str],
        settings: dict[str, Any],
        prepare: Callable[[], Callable[[Sequence[Variant], Level], Scores]],
        *,
        classic: bool = True,
    ) -> None:
        """Methods that are asked together."""
        studies = {row: {"method": row, **settings, **self.own} for row in rows}
        self.found |= {row: finished(self.args.out, study) for row, study in studies.items()}
        waiting = [level for level in self.levels if any(level not in self.found[row] for row in rows)]
        method = prepare() if waiting else None
        for level in waiting:
            assert method is not None
            asked = drawn(self.prototypes, level, self.args, classic=classic)
            for row, score in method(asked, level).items():
                keep(self.args.out, studies[row], score)
                self.found[row][level] = score

    def _model(self, name: str) -> None:
        """A classifier of the zoo; known to the file as prototype_robustness.py knows it."""
        model = magnetite.load(name)
        card = model.card
        draw = self.draw | {"repeats": self.args.model_repeats}
        study = {"model": str(card), "weights": card.content["sha256"], **draw}
        found = self.found[name] = finished(self.args.out, study)
        for level in self.levels:
            if level not in found:
                found[level] = measure(model, self.prototypes, level, **draw, progress=f"{level.code:>7} {name}")
                keep(self.args.out, study, found[level])

    def table(self, columns: dict[str, tuple[str, Collection[str] | None]]) -> str:
        """Markdown: a row each level, and what each column's row of scores is on some classes, or all, in %."""
        shown = {title: column for title, column in columns.items() if column[0] in self.found}
        lines = [f"| damage | {' | '.join(shown)} | paper (108) |", f"| --- |{' --: |' * (len(shown) + 1)}"]
        for level in self.levels:
            cells = [f"{100 * share(self.found[row][level], classes):.2f}" for row, classes in shown.values()]
            lines.append(f"| {level} | {' | '.join(cells)} | {PAPER[level]:.2f} |")
        return "\n".join(lines)

    def report(self) -> None:
        """Print the tables."""
        simple = {p.label for p in self.prototypes if p.kind in {"Elemental_solids", "Binaries"}}
        close, models = CLOSE_PACKED, self.args.models
        able = dict.fromkeys(SPGLIB, simple) | {"PTM": PTM_CLASSES} | dict.fromkeys(OVITO[1:], close)
        every = dict.fromkeys([*BAYES, *models])
        size = "the smallest supercells alone" if self.args.smallest else "all supercells"
        print(f"\nRepeats: {self.args.repeats} of {size}, for models {self.args.model_repeats} of all supercells")
        print("\nOn the classes that each can name:\n")
        print(self.table({f"{row} ({len(known)})": (row, known) for row, known in able.items()}
                         | {f"{row} (108)": (row, None) for row in every}))  # fmt: skip
        print("\nOn all 108 classes:\n")
        print(self.table({row: (row, None) for row in [*able, *every]}))
        if "models" in self.args.methods:
            print("\nThe models on the classes of the others:\n")
            subsets = {"elements, binaries": simple, "PTM's": PTM_CLASSES, "fcc, bcc, hcp": close}
            print(self.table({f"{name}, {text}": (name, known) for name in models for text, known in subsets.items()}))


def share(score: Score, classes: Collection[str] | None) -> float:
    """The part that is right of all, or of some classes."""
    if classes is None:
        return score.accuracy
    rows = sum(number for label, number in score.class_rows.items() if label in classes)
    return 1 - sum(number for label, _, number in score.mistakes if label in classes) / rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the prototypes and manifest.csv")
    parser.add_argument("--repeats", type=int, default=1, help="damaged copies of each supercell")
    parser.add_argument("--model-repeats", type=int, default=2, help="the same for the models")
    parser.add_argument("--smallest", action="store_true", help="other methods than models: smallest supercells alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--levels", nargs="+", default=["all"], help="groups, or %% missing/%% displaced")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--models", nargs="+", default=["prototypes", "prototypes-damaged"], help="names or cards")
    parser.add_argument("--rows", type=Path, default=Path("descriptors"), help="descriptors that naive Bayes learns")
    parser.add_argument("--grid", choices=list(GRIDS), default="full", help="settings of those descriptors")
    parser.add_argument("--out", type=Path, default=Path("prototype_robustness.jsonl"), help="finished levels")
    args = parser.parse_args()
    torch.set_num_threads(1)
    study = Study(args)
    study.run()
    study.report()


if __name__ == "__main__":
    main()
