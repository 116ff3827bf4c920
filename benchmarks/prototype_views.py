"""Under which cutoffs of the descriptor the classifier stands damage best.

python benchmarks/prototype_views.py --data DATA/arise/prototypes

Structures damaged with another seed than that of `prototype_robustness.py` (one copy of each of 588 supercells a
level, and ten more of the three classes that are most alike) are asked for under each cutoff that the networks learned
from. Printed are the mistakes of the cutoffs that predictions look under (`magnetite.prototypes.table.VIEWS`), of
the best sets of up to three, the probabilities under which are averaged, and of each alone. A quarter of an hour.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from magnetite.api import load_classifier
from magnetite.prototypes.defects import LEVELS, damaged
from magnetite.prototypes.descriptor import Soap, describe_many_settings
from magnetite.prototypes.supercells import Variant, hosts
from magnetite.prototypes.table import CUTOFFS
from magnetite.prototypes.train import read_classes

SEED = 11
ALIKE = ("MnPSe3", "ScPSe3", "VPSe3")
COPIES = 10
SLIGHT = ("25/0", "10/1", "15/2")
"""Levels where the three are confused though others are not."""
ASKED = ("0/10", "25/7", "30/0", "30/10")
MOST, SHOWN = 3, 12


def copies(all_hosts: list[Variant]) -> Iterator[tuple[str, Variant]]:
    """Name of the column and damaged structure."""
    levels = {level.code: level for level in LEVELS}
    for code in (*ASKED, *SLIGHT):
        for host in all_hosts:
            yield code, damaged(host, levels[code], 0, SEED)
    for code in SLIGHT:
        for host in all_hosts:
            if host.label in ALIKE:
                for repeat in range(1, COPIES + 1):
                    yield f"{code} alike", damaged(host, levels[code], repeat, SEED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the prototypes and manifest.csv")
    parser.add_argument("--model", default="prototypes", help="a model's name or card")
    parser.add_argument("--passes", type=int, default=400, help="with dropout (default: %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_classifier(args.model, "cpu")
    prototypes = read_classes(args.data)
    places = {prototype.label: place for place, prototype in enumerate(prototypes)}
    grid = [(Soap(cutoff=cutoff), 1.0) for cutoff in CUTOFFS]
    columns: dict[str, list[tuple[Tensor, int]]] = {}
    for code, variant in tqdm(list(copies(list(hosts(prototypes)))), desc="descriptors"):
        row = describe_many_settings(variant.sample, grid)
        columns.setdefault(code, []).append((row, places[variant.label]))
    answers = {}
    for code, rows in columns.items():
        x, labels = torch.stack([row for row, _ in rows]), torch.tensor([label for _, label in rows])
        each = [model.network.sample_probabilities(view, args.passes)[0] for view in x.unbind(1)]
        answers[code] = torch.stack(each), labels

    def mistakes(chosen: tuple[int, ...]) -> list[int]:
        return [int((p[list(chosen)].mean(0).argmax(-1) != labels).sum()) for p, labels in answers.values()]

    sets = [chosen for size in range(1, MOST + 1) for chosen in combinations(range(len(CUTOFFS)), size)]
    found = sorted((sum(wrong), chosen, wrong) for chosen in sets for wrong in [mistakes(chosen)])
    single = [entry for entry in found if len(entry[1]) == 1]
    sizes = " | ".join(f"{code} of {len(labels)}" for code, (_, labels) in answers.items())
    print(f"{model.card}, seed {SEED}\n\n| cutoffs | mistakes | {sizes} |\n| --- |" + " --: |" * (len(answers) + 1))
    used = tuple(CUTOFFS.index(view.cutoff) for view in model.views)
    rest = [entry for entry in single if entry not in found[:SHOWN]]
    for total, chosen, wrong in [(sum(mistakes(used)), used, mistakes(used)), *found[:SHOWN], *rest]:
        print(f"| {', '.join(str(CUTOFFS[i]) for i in chosen)} | {total} | {' | '.join(map(str, wrong))} |")


if __name__ == "__main__":
    main()
