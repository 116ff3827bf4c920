"""The classical Heisenberg model on the simple cubic lattice: k_B T_c/J against 1.4429.

    python benchmarks/exchange_cubic.py [--sizes 8 16] [--steps 12000]
    python benchmarks/exchange_cubic.py --easy 0.1 0.5 2   # with anisotropy D (e_z)², D in units of J: the three ways

Reference: Chen, Ferrenberg and Landau, Phys. Rev. B 48, 3249 (1993), 1.4429; also mean field (2) and the random phase
approximation (2/1.51639 = 1.3189, Watson's integral), which are known in closed form.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from magnetite.exchange import ExchangeModel
from magnetite.exchange.conventions import K_B
from magnetite.exchange.temperature import Effort, transition_temperature

REFERENCE, WATSON = 1.4429, 1.5163860592


def cubic(easy: float = 0.0) -> ExchangeModel:
    """Nearest neighbours with J = 1 meV and an easy axis."""
    bonds = np.hstack([np.zeros((3, 2), int), np.eye(3, dtype=int)])
    anisotropy = np.diag([0.0, 0.0, easy])[None] if easy else None
    return ExchangeModel.from_bonds(
        3 * np.eye(3), np.zeros((1, 3)), bonds, np.ones(3), anisotropy=anisotropy, name="simple cubic"
    )


def easy_axis(strengths: list[float]) -> None:
    """The three estimates for anisotropies from weak to strong."""
    print("| D/J | mean field | random phase | Monte Carlo |\n| ---: | ---: | ---: | ---: |")
    for easy in strengths:
        report = transition_temperature(cubic(easy), effort=Effort(spins=(216, 1000), temperatures=8, steps=3000))
        values = [v * K_B for v in (report.mean_field, report.rpa or 0, report.monte_carlo, report.error)]
        print(f"| {easy:g} | {values[0]:.3f} | {values[1]:.3f} | {values[2]:.3f} ± {values[3]:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=(8, 16))
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--easy", type=float, nargs="+", metavar="D")
    args = parser.parse_args()
    if args.easy:
        easy_axis(args.easy)
        return
    model = cubic()
    small, large = (n**3 for n in args.sizes)
    effort = Effort(spins=(small, large), temperatures=7, steps=args.steps, relaxations=3)
    start = time.perf_counter()
    report = transition_temperature(
        model, effort=effort, temperatures=np.linspace(1.425, 1.46, 7) / K_B
    )  # fmt: skip
    found, error = report.monte_carlo * K_B, report.error * K_B
    print("| k_B T_c/J | here | reference | deviation |\n| --- | ---: | ---: | ---: |")
    rows = (
        ("mean field", report.mean_field * K_B, 2.0),
        ("random phase", (report.rpa or 0) * K_B, 2 / WATSON),
        (f"Monte Carlo, {args.sizes[0]}³ and {args.sizes[1]}³, {report.method}", found, REFERENCE),
    )
    for name, value, reference in rows:
        print(f"| {name} | {value:.4f} | {reference:.4f} | {value / reference - 1:+.2%} |")
    print(f"\nstatistical error of the Monte Carlo value {error:.4f}; {(time.perf_counter() - start) / 60:.1f} min")


if __name__ == "__main__":
    main()
