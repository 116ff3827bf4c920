"""How often the order model says that it is outside its training domain: rightly, and for nothing.

python benchmarks/domain.py --data DATA [--model magnetism]

For each element or chemistry the region is laid anew around training crystals without it; how many unseen crystals
(test fold) that have it fall outside? Beside it the share of all others that do. The network itself has seen all
elements: what is tested is the region in its features. Elements that no training row has are always named, and
need no region. Last, the textbook crystals (benchmarks/textbook.py), which should all be inside.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import textbook
from ase.data import atomic_numbers

import magnetite
from magnetite.datasets.magnetic import TEST_FOLD, Example, trainable
from magnetite.order.domain import Domain
from magnetite.order.export import fit_domain
from magnetite.order.finish import DOMAIN_SAMPLE
from magnetite.order.model import OrderModel
from magnetite.order.tasks import evaluate
from magnetite.order.train import read_examples
from magnetite.zoo.loading import load_kind

REFERENCE_FOLDS = (2, 3, 9)
"""Enough for the reference; the elements themselves are in the last one."""
ELEMENTS = "H Li N F S Cl Mn Fe Co Cu Br Gd U".split()
ANIONS = "H B C N O F P S Cl As Se Br Te I".split()

Kind = Callable[[Example], bool]


def has(*symbols: str) -> Kind:
    numbers = [atomic_numbers[symbol] for symbol in symbols]
    return lambda example: bool(np.isin(example.graph.numbers, numbers).any())


def kinds() -> dict[str, Kind]:
    """What is held out in turn."""
    halides = has("F", "Cl", "Br", "I")
    found: dict[str, Kind] = {symbol: has(symbol) for symbol in ELEMENTS}
    return found | {
        "halides": halides,
        "chalcogenides": has("S", "Se", "Te"),
        "intermetallics": lambda example: not has(*ANIONS)(example),
        "4f metals": has("Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    parser.add_argument("--model", default=magnetite.zoo.DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    model = load_kind(OrderModel, "of magnetic order", args.model, args.device)
    examples = read_examples(args.data, folds=[TEST_FOLD, *REFERENCE_FOLDS])
    train = [e for e in examples if e.fold in REFERENCE_FOLDS and trainable(e)]
    picked = np.random.default_rng(0).permutation(len(train))[:DOMAIN_SAMPLE]
    train = [train[i] for i in picked]
    unseen = [e for e in examples if e.fold == TEST_FOLD and e.order >= 0]
    near = evaluate(model.network, train, model.device)["features"]
    far = evaluate(model.network, unseen, model.device)["features"]

    print(f"{model.card}: {len(train):,} reference crystals, {len(unseen):,} unseen ones of the test fold\n")
    print(
        "| held out | unseen crystals with it | said to be outside / % | of all others / % |\n| --- | --: | --: | --: |"
    )
    for name, kind in kinds().items():
        known, asked = ~np.array([kind(e) for e in train]), np.array([kind(e) for e in unseen])
        region: Domain = fit_domain([e for e, k in zip(train, known, strict=True) if k], near[known], far[~asked])
        outside = region.distance(far) > region.distance_limit
        print(f"| {name} | {asked.sum():,} | {100 * outside[asked].mean():.1f} | {100 * outside[~asked].mean():.1f} |")
    entries = list(textbook.entries())
    reports = magnetite.analyze_many([entry[1] for entry in entries], model=args.model, device=args.device)
    flagged = [entry[0] for entry, report in zip(entries, reports, strict=True) if not report.in_domain]
    print(f"\ntextbook crystals outside: {len(flagged)} of {len(entries)} {' '.join(flagged)}")


if __name__ == "__main__":
    main()
