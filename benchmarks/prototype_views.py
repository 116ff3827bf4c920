"""Under which cutoffs of the descriptor the classifier is surest of ideal structures.

python benchmarks/prototype_views.py --data DATA/arise/prototypes

All pristine samples at every cutoff that the networks learned from, at the paper's width and without scaling: the mean
logarithm of the right class's probability, and the least such probability; then with the paper's cutoff beside each.
Predictions take that with the largest least probability (`magnetite.prototypes.table.VIEWS`).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from magnetite.api import load_classifier
from magnetite.prototypes.descriptor import Soap
from magnetite.prototypes.table import CUTOFFS, build_table
from magnetite.prototypes.train import read_classes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the prototypes and manifest.csv")
    parser.add_argument("--model", default="prototypes", help="a model's name or card")
    parser.add_argument("--passes", type=int, default=200, help="with dropout (default: %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_classifier(args.model, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        grid = [(Soap(cutoff=cutoff), 1.0) for cutoff in CUTOFFS]
        table = build_table(read_classes(args.data), Path(folder), grid=grid)
    labels = table.labels[table.at(Soap(), 1.0)]
    asked = {c: model.network.sample_probabilities(table.views([Soap(cutoff=c)], 1.0), args.passes)[0] for c in CUTOFFS}

    def figures(p: Tensor) -> tuple[float, float]:
        right = p[torch.arange(len(p)), labels]
        return float(right.log().mean()), float(right.min())

    print(f"{model.card}, {len(labels)} ideal samples, {args.passes} passes\n")
    alone, own = "mean ln P | least P", asked[Soap().cutoff]
    print(f"| cutoff | {alone} | with {Soap().cutoff}: {alone} |\n| --- | --: | --: | --: | --: |")
    for cutoff in CUTOFFS:
        pairs = (figures(p) for p in (asked[cutoff], (asked[cutoff] + own) / 2))
        print(f"| {cutoff} | {' | '.join(f'{mean:.4f} | {least:.3f}' for mean, least in pairs)} |")


if __name__ == "__main__":
    main()
