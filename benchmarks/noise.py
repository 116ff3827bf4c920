"""How much the order of textbook crystals depends on noise in the positions, as relaxations leave it.

python benchmarks/noise.py [--model magnetism] [--noise 0.0003 0.003 0.01]
"""

from __future__ import annotations

import argparse

import numpy as np
from textbook import entries

import magnetite
from magnetite.structures import Crystal, as_crystal

CLEAR = 0.02
"""Change of a probability that counts."""


def shaken(crystal: Crystal, size: float, rng: np.random.Generator) -> Crystal:
    """The crystal with every atom moved at random, `size` Å in each direction (standard deviation)."""
    moves = rng.normal(0, size, (len(crystal), 3)) @ np.linalg.inv(crystal.lattice)
    return Crystal(crystal.lattice, crystal.frac_coords + moves, crystal.numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="magnetism", help="a model's name or card")
    parser.add_argument(
        "--noise", type=float, nargs="+", default=[3e-4, 3e-3, 1e-2], metavar="Å", help="of each coordinate"
    )
    args = parser.parse_args()
    crystals = [as_crystal(structure) for _, structure, *_ in entries()]
    ideal = list(magnetite.analyze_many(crystals, model=args.model))
    print(f"{ideal[0].model}, {len(crystals)} textbook crystals\n")
    print(f"| noise / Å | P(AFM) changes by more than {CLEAR} | most it falls | most it rises | other order |")
    print("| --- | --: | --: | --: | --: |")
    rng = np.random.default_rng(0)
    for size in args.noise:
        noisy = list(magnetite.analyze_many([shaken(c, size, rng) for c in crystals], model=args.model))
        change = np.array([b.probabilities["AFM"] - a.probabilities["AFM"] for a, b in zip(ideal, noisy, strict=True)])
        others = sum(a.label != b.label for a, b in zip(ideal, noisy, strict=True))
        print(
            f"| {size:g} | {(abs(change) > CLEAR).sum()} | {-change.min():.2f} | {change.max():.2f} | {others} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
