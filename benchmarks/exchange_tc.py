"""Transition temperatures of measured exchange constants against stored Monte Carlo figures and experiment.

    python benchmarks/exchange_tc.py DATA --out RESULTS.jsonl [--full] [--only NAME …]

DATA is the ins_jij file (49 compounds, collected in arXiv 2504.15764). Each compound is kept in RESULTS as soon as it
is done; a second call goes on, and prints the table when all are there.

The file carries no single-ion terms. Those of four compounds, whose papers are at hand, are added in rows of their own
("+ A"), and the figures are printed both ways.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magnetite.exchange import ExchangeModel
from magnetite.exchange.temperature import QUICK, Effort, transition_temperature

SINGLE_ION: dict[str, tuple[tuple[str, tuple[int, int, int], float], ...]] = {
    "FePS3": (("reciprocal", (0, 0, 1), 2.66 * 2.0**2),),
    "CoPS3": (("direct", (1, 1, 0), 0.77 * 1.5**2), ("reciprocal", (0, 0, 1), -6.07 * 1.5**2)),
    "FeF2": (("direct", (0, 0, 1), 0.801 * 2.0**2),),
    "LaMnO3": (("direct", (0, 1, 0), 0.165 * 2.0**2),),
}
"""A (e·n)² in meV along directions of the crystal: Lançon et al., Phys. Rev. B 94, 214407 (2016); Wildes et al., Phys.
Rev. B 107, 054438 (2023); Hutchings et al., J. Phys. C 3, 307 (1970), 6.46 cm⁻¹; Moussa et al., Phys. Rev. B 54, 15149
(1996). Their exchange constants are those of the file."""
ADDED = " + A"


def with_single_ion(model: ExchangeModel) -> ExchangeModel:
    """The model with the single-ion terms of its paper."""
    total = np.zeros((3, 3))
    for kind, indices, strength in SINGLE_ION[model.name]:
        rows = model.lattice if kind == "direct" else np.linalg.inv(model.lattice).T
        axis = np.array(indices) @ rows
        total += strength * np.outer(axis, axis) / (axis @ axis)
    return replace(model, anisotropy=np.tile(total, (len(model), 1, 1)), name=model.name + ADDED)


def model_of(row: dict[str, Any]) -> ExchangeModel:
    bonds = np.array([bond[:5] for bond in row["bonds"]], dtype=int)
    return ExchangeModel.from_bonds(
        row["lattice"], row["frac_coords"], bonds, [bond[5] for bond in row["bonds"]], spins=row["S"],
        species=row["labels"], name=row["name"],
    )  # fmt: skip


def measure(row: dict[str, Any], model: ExchangeModel, effort: Effort) -> dict[str, Any]:
    start = time.perf_counter()
    report = transition_temperature(model, effort=effort)
    return {
        "name": model.name, "mean_field": report.mean_field, "rpa": report.rpa, "classical": report.monte_carlo,
        "error": report.error, "method": report.method, "corrected": report.corrected, "warnings": report.warnings,
        "stored": row["T_MC_classical_K"], "stored_corrected": row["T_MC_quantum_corrected_K"],
        "experiment": row["T_exp_K"], "extra_terms": row["extra_terms"], "seconds": time.perf_counter() - start,
    }  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    print("| compound | mean field | RPA | classical ± | stored | ×(S+1)/S | experiment | by |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    for r in rows:
        rpa = "–" if r["rpa"] is None else f"{r['rpa']:.1f}"
        by = ", ".join([r["method"].split()[0], *sorted({text.split(":")[0] for text in r["warnings"]})])
        print(
            f"| {r['name']}{'*' if r['extra_terms'] else ''} | {r['mean_field']:.1f} | {rpa} | "
            f"{r['classical']:.1f} ± {r['error']:.1f} | {r['stored']:g} | {r['corrected']:.1f} | {r['experiment']:g} | "
            f"{by} |"
        )
    print("\n* single-ion terms that the file does not carry; + A: with those of the paper")
    added = {r["name"].removesuffix(ADDED): r for r in rows if r["name"].endswith(ADDED)}
    plain = [r for r in rows if not r["name"].endswith(ADDED)]
    print(f"\n{len(plain)} compounds, {sum(r['seconds'] for r in rows) / 60:.1f} min")
    summary(plain)
    if added:
        print(f"\nwith single-ion terms of {', '.join(added)}")
        summary([added.get(r["name"], r) for r in plain])


def summary(rows: list[dict[str, Any]]) -> None:
    classical = np.array([r["classical"] / r["stored"] - 1 for r in rows])
    corrected = np.array([r["corrected"] / r["experiment"] - 1 for r in rows])
    stored = np.array([r["stored_corrected"] / r["experiment"] - 1 for r in rows])
    plain = np.array([r["classical"] / r["experiment"] - 1 for r in rows])
    print(f"classical against stored: median |deviation| {np.median(abs(classical)):.1%}, mean {_mean(classical)}")
    print(f"classical against experiment: mean |error| {_mean(plain)}")
    print(f"corrected against experiment: mean |error| {_mean(corrected)}, median {np.median(abs(corrected)):.1%}")
    print(f"stored corrected against experiment: mean |error| {_mean(stored)}")
    for name in ("mean_field", "rpa"):
        ratios = [r[name] / r["classical"] for r in rows if r[name]]
        print(f"{name}/Monte Carlo: median {np.median(ratios):.2f}")


def _mean(deviations: NDArray[np.float64]) -> str:
    return f"{abs(deviations).mean():.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--full", action="store_true", help="larger supercells, more steps")
    parser.add_argument("--only", nargs="*", metavar="NAME", default=[])
    args = parser.parse_args()
    with gzip.open(args.data, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    done: dict[str, dict[str, Any]] = {}
    if args.out.exists():
        done = {r["name"]: r for r in map(json.loads, args.out.read_text(encoding="utf-8").splitlines())}
    models = [(row, model_of(row)) for row in rows]
    models += [(row, with_single_ion(model)) for row, model in models if model.name in SINGLE_ION]
    for row, model in models:
        if model.name in done or (args.only and row["name"] not in args.only):
            continue
        done[model.name] = measure(row, model, Effort() if args.full else QUICK)
        with args.out.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(done[model.name]) + "\n")
    show([done[model.name] for _, model in models if model.name in done])


if __name__ == "__main__":
    main()
