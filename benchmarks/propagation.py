"""How well propagation vectors are ranked, out of fold, beside trivial rankings; with k = 0 and without.

python benchmarks/propagation.py --data DATA

Trees are grown anew in 5 folds by reduced formula. How probable k = 0 is comes from the shipped model of magnetism,
for each row from the readout that never saw its formula.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from magnetite.order.model import OrderModel
from magnetite.order.tasks import evaluate, out_of_fold
from magnetite.order.train import read_examples
from magnetite.propagation.examples import VectorExample, read_vectors
from magnetite.propagation.figures import TOPS, common_vectors, non_zero_tops, ranked, ranks, short_half_vectors
from magnetite.propagation.ranker import probabilities_of
from magnetite.propagation.train import fit_temperature
from magnetite.propagation.train import out_of_fold as scores_out_of_fold
from magnetite.zoo.loading import load_kind
from magnetite.zoo.registry import DEFAULT_MODEL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    args = parser.parse_args()
    torch.set_num_threads(1)
    examples = read_vectors(args.data)
    scores = scores_out_of_fold(examples)
    rankings = {
        "trees": scores,
        "most common vector": common_vectors(examples),
        "shortest half vector": short_half_vectors(examples),
    }
    compounds = {e.compound for e in examples}
    lost = sum(e.label is None for e in examples)
    print(f"{len(examples):,} rows, {len(compounds):,} compounds; {lost} with a vector that is no candidate")
    print(f"mean number of candidates {np.mean([len(e.candidates) for e in examples]):.0f}\n")
    print(f"{'k not zero':<24} {len(ranked(examples)):>6} rows   " + "".join(f"{f'top {t}':>8}" for t in TOPS))
    for name, of in rankings.items():
        print(f"{name:<38}" + "".join(f"{share:8.3f}" for share in non_zero_tops(examples, of).values()))
    zero = zero_shares(examples, args.data)
    temperature = fit_temperature(examples, scores)
    print(f"\n{'all':<24} {len(examples):>6} rows   " + "".join(f"{f'top {t}':>8}" for t in TOPS))
    whole = [
        probabilities_of(score, e.candidates, share, temperature)
        for score, e, share in zip(scores, examples, zero, strict=True)
    ]
    show("trees, and k = 0 by the model", ranks(examples, whole))
    for name in list(rankings)[1:]:
        first = [
            np.where([s.is_zero for s in e.candidates], np.inf, of)
            for e, of in zip(examples, rankings[name], strict=True)
        ]
        show(f"k = 0, then {name}", ranks(examples, first))
    print(f"\nshare of the probability on the measured vector: {right(examples, whole):.3f}")


def zero_shares(examples: list[VectorExample], data: Path) -> list[float]:
    """Probability of k = 0 of each example, by the readout of the shipped model that never saw its formula."""
    model = load_kind(OrderModel, "of magnetic order", DEFAULT_MODEL, "cpu")
    rows = read_examples(data, sets=("measured",))
    logits = evaluate(model.network, rows, torch.device("cpu"))["zero_k"]
    shares = model.calibration.zero_k_probability(out_of_fold(rows, logits)[:, None])
    found = {row.identity: float(share) for row, share in zip(rows, shares, strict=True)}
    return [found[example.identity] for example in examples]


def right(examples: list[VectorExample], probabilities: list[np.ndarray]) -> float:
    """Mean probability of the measured vector."""
    return float(np.mean([0 if e.label is None else p[e.label] for e, p in zip(examples, probabilities, strict=True)]))


def show(name: str, places: np.ndarray) -> None:
    print(f"{name:<38}" + "".join(f"{np.mean(places <= top):8.3f}" for top in TOPS))


if __name__ == "__main__":
    main()
