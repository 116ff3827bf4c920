"""How often a known magnetic order is among the first that `propose_orders` gives; also fits the couplings.

    python benchmarks/orderings.py DATA            the figures of the test fold
    python benchmarks/orderings.py DATA --split validation --limit 200
    python benchmarks/orderings.py DATA --fit      learn the couplings from all folds but the test fold

DATA is the data folder (docs/data.md). Formulas of the test fold are in no training of couplings and networks, and the
probability of k = 0 is that of the readout that never saw the formula. The ranker of other wave vectors learned from
all of MAGNDATA, so that of measured orders with k not 0 only the last three columns are unseen. A known order
counts as found if wave vector and signs on all its sites agree but for symmetry and for turning all moments round.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm.auto import tqdm

from magnetite.datasets.magnetic import TEST_FOLD, VALIDATION_FOLD, MagneticData
from magnetite.order.tasks import k_fold
from magnetite.orderings.bonds import BOND_NAMES
from magnetite.orderings.candidates import rank_candidates
from magnetite.orderings.couplings import FILE, PARALLEL
from magnetite.orderings.fitting import choices, cross_validated, fit_weights
from magnetite.orderings.moments import site_magnitudes
from magnetite.orderings.observed import KnownOrder, is_found, known_orders
from magnetite.orderings.proposing import wave_vectors
from magnetite.orderings.sublattice import MagneticSublattice
from magnetite.runtime import collate
from magnetite.zoo.loading import load

SPLITS = {"test": TEST_FOLD, "validation": VALIDATION_FOLD}
PENALTIES = (1e-3, 1e-2, 3e-2, 1e-1)
TOPS = (1, 3, 10)
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", choices=tuple(SPLITS), default="test")
    parser.add_argument("--fit", action="store_true", help="learn the couplings and write them into the package")
    parser.add_argument("--limit", type=int, help="so many computed orders, drawn by chance (default: all)")
    parser.add_argument("--model", default="magnetism")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = MagneticData(args.data)
    if args.fit:
        fit(data, args.limit)
    else:
        measure(data, SPLITS[args.split], args.limit, args.model)


def drawn(orders: list[KnownOrder], limit: int | None, source: str) -> list[KnownOrder]:
    """At most so many of a source by chance, the same every time, and all others."""
    own = [order for order in orders if order.source == source]
    chosen = np.random.default_rng(SEED).permutation(len(own))[: limit or len(own)]
    return [order for order in orders if order.source != source] + [own[i] for i in sorted(chosen)]


def fit(data: MagneticData, limit: int | None) -> None:
    """Learn from all folds but the test fold, choose the penalty by cross-validation there, write the weights."""
    kinds = frozenset({"AFM", "FM", "FiM"})
    known = [order for order in known_orders(data, kinds) if order.fold != TEST_FOLD]
    rows = choices(drawn(known, limit, "computed"), progress=True)
    groups = sorted({(row.kind, row.source) for row in rows})
    members = [np.array([(row.kind, row.source) == group for row in rows]) for group in groups]
    print(f"first of its alternatives, 5-fold by formula: {len(rows)} known orders of all folds but the test fold")
    print(f"{'':<18}" + "  ".join(f"{' '.join(group):<16}" for group in groups))
    print(f"{'rows':<18}" + "  ".join(f"{int(chosen.sum()):<16}" for chosen in members))
    chance = np.array([1 / len(row.features) for row in rows])
    print(f"{'by chance':<18}" + "  ".join(f"{chance[chosen].mean():<16.3f}" for chosen in members))
    scores = {}
    for penalty in PENALTIES:
        places = cross_validated(rows, penalty)
        print(
            f"{f'penalty {penalty:g}':<18}" + "  ".join(f"{(places[chosen] == 1).mean():<16.3f}" for chosen in members)
        )
        # The mean of the three kinds of antiferromagnets, so that the many computed ones do not decide alone.
        scores[penalty] = float(
            np.mean([(places[m] == 1).mean() for m, g in zip(members, groups, strict=True) if g[0] == "AFM"])
        )
    best = max(scores, key=lambda penalty: scores[penalty])
    coefficients = fit_weights(rows, best)
    content = {
        "about": "weights of kinds of pairs, see magnetite.orderings.couplings; positive is antiferromagnetic",
        "learned_from": f"{len(rows)} orders: Materials Project (Sanspeur & Kitchin 2024; the magnetic-ordering "
        "workflow of 2025 and Frey 2020, CC-BY 4.0) and MAGNDATA, formulas outside the test fold",
        "penalty": best,
        "weights": dict(zip([*BOND_NAMES, PARALLEL], coefficients.round(5).tolist(), strict=True)),
    }
    target = Path(str(files("magnetite.orderings"))) / FILE
    target.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {FILE}")


@torch.inference_mode()
def measure(data: MagneticData, fold: int, limit: int | None, name: str) -> None:
    """Propose orders for the primitive chemical cells of a fold, and print how often the known one is there."""
    model = load(name, "cpu")
    known = drawn([order for order in known_orders(data) if order.fold == fold], limit, "computed")
    places: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    for order in tqdm(known, unit=""):
        prepared = model.prepare(order.crystal)
        report = model.predict([prepared])[0]
        output = model.network(collate([prepared.graph], [prepared.volume_per_atom], [prepared.geometry]))
        logits = output["zero_k"].cpu().numpy()
        unseen = k_fold(order.formula, logits.shape[1])
        zero_k = float(model.calibration.zero_k_probability(logits[:, unseen : unseen + 1])[0])
        waves = wave_vectors(order.crystal, zero_k)
        sublattice = MagneticSublattice.of(order.crystal, site_magnitudes(order.crystal, report.site_moments))
        predicted = place(order, sublattice, report.probabilities, waves) if len(sublattice) else np.inf
        sites = place(order, order.sublattice, {"AFM": 1.0, "FM": 0.0}, waves)
        own = [] if order.k is None else [(fractions(order.k), 1.0)]
        given = place(order, order.sublattice, {"AFM": 1.0, "FM": 0.0}, own) if own else np.inf
        places[order.source].append((predicted, sites, given))
        if order.k is None or order.k.any():
            places[f"{order.source}, k not 0"].append((predicted, sites, given))
    titles = ("as proposed", "sites and AFM given", "sites, AFM and k given")
    print(f"{'antiferromagnets':<24}{'rows':>6}  " + "  ".join(f"{title:<24}" for title in titles))
    print(f"{'':<32}" + "  ".join(" ".join(f"first {top:<2}" for top in TOPS) for _ in titles))
    for source, rows in sorted(places.items()):
        cells = [
            " ".join(f"{np.mean(np.array(column) <= top):<8.3f}" for top in TOPS) for column in zip(*rows, strict=True)
        ]
        print(f"{source:<24}{len(rows):>6}  " + "  ".join(cells))


def place(
    order: KnownOrder,
    sublattice: MagneticSublattice,
    shares: Mapping[str, float],
    waves: Sequence[tuple[tuple[Fraction, Fraction, Fraction], float]],
) -> float:
    """Place of the known order among those proposed, from 1; inf if it is not there."""
    ranked = [c for c in rank_candidates(sublattice, shares, waves) if shares["FM"] > 0 or c.kind == "AFM"]
    return next((i for i, c in enumerate(ranked[: max(TOPS)], start=1) if is_found(order, c, sublattice)), np.inf)


def fractions(k: NDArray[np.float64]) -> tuple[Fraction, Fraction, Fraction]:
    """A zero or half vector as exact fractions."""
    first, second, third = (Fraction(round(2 * float(component)), 2) for component in k)
    return first, second, third


if __name__ == "__main__":
    main()
