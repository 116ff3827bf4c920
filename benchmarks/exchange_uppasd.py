"""Thermal curves of UppASD's three cases against those stored with them.

    python benchmarks/exchange_uppasd.py FOLDER --out CURVES.jsonl [--only NAME …] [--spins 1000] [--steps 300]

FOLDER holds Fe3Y, Co2Fe2H4 and CrNiP (MaMMoS, CC-BY 4.0): jfile, momfile, posfile and the curves of UppASD's Monte
Carlo on 24³ to 32³ cells. Here supercells are small, since a jfile couples each spin to up to 1,700 others; the
figure of merit is the mean difference of M(T)/M(0) over the stored temperatures and the peak of the specific heat.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from magnetite.exchange.formats import read
from magnetite.exchange.fourier import maximum
from magnetite.exchange.montecarlo.engine import Plan, simulate
from magnetite.exchange.montecarlo.order_parameter import order_parameter
from magnetite.exchange.montecarlo.statistics import curves
from magnetite.exchange.supercell import even_sizes, spin_lattice

MOST = 14


def stored(folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Temperatures in K, magnetisation (any unit), specific heat (any unit)."""
    file = next(iter([*folder.glob("*thermal.csv"), *folder.glob("*output.csv")]))
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    start = next(n for n, line in enumerate(lines) if line.startswith("T,"))
    rows = list(csv.DictReader(lines[start:]))
    return tuple([float(row[key]) for row in rows] for key in ("T", "Ms", "Cv"))  # type: ignore[return-value]


def measure(folder: Path, spins: int, steps: int) -> dict[str, Any]:
    begin = time.perf_counter()
    grid, magnet, heat = (np.array(column) for column in stored(folder))
    kept = np.unique(np.linspace(0, len(grid) - 1, MOST).round().astype(int))
    peak = int(heat[2:].argmax()) + 2
    kept = np.unique(np.concatenate([kept, [peak - 1, peak, min(peak + 1, len(grid) - 1)]]))
    kept = kept[grid[kept] > 0]
    model = read(folder)
    lattice = spin_lattice(model, even_sizes(model, spins, maximum(model).period))
    order = order_parameter(model, lattice)
    moments = np.tile(model.moments, len(lattice) // len(model))
    plan = Plan(tuple(grid[kept]), steps, steps // 2, relaxations=1)
    found = curves(simulate(lattice, plan, order.waves, moments / moments.sum(), progress=folder.name))
    return {
        "name": folder.name, "n_spins": len(lattice), "temperatures": found.temperatures, "order": found.order,
        "magnetisation": found.magnetisation, "heat": found.heat, "binder": found.binder,
        "stored_magnetisation": (magnet[kept] / magnet.max()).tolist(), "stored_peak": float(grid[peak]),
        "seconds": time.perf_counter() - begin,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--spins", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    done: dict[str, dict[str, Any]] = {}
    if args.out.exists():
        done = {r["name"]: r for r in map(json.loads, args.out.read_text(encoding="utf-8").splitlines())}
    names = args.only or sorted(f.name for f in args.folder.iterdir() if f.is_dir())
    for name in names:
        if name not in done:
            done[name] = measure(args.folder / name, args.spins, args.steps)
            with args.out.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(done[name]) + "\n")
    for name in names:
        r = done[name]
        print(f"\n{name}, {r['n_spins']} spins, {r['seconds']:.0f} s")
        print("| T / K | M/M(0) here | stored | order parameter | C / k_B |\n| ---: | ---: | ---: | ---: | ---: |")
        columns = ("temperatures", "magnetisation", "stored_magnetisation", "order", "heat")
        for t, m, s, o, c in zip(*(r[key] for key in columns), strict=True):
            print(f"| {t:g} | {m:.3f} | {s:.3f} | {o:.3f} | {c:.2f} |")
        difference = abs(np.array(r["magnetisation"]) - r["stored_magnetisation"])
        peak = r["temperatures"][int(np.argmax(r["heat"]))]
        print(f"mean |difference| of M/M(0) {difference.mean():.3f}; specific heat peaks at {peak:g} K, "
              f"stored {r['stored_peak']:g} K")  # fmt: skip


if __name__ == "__main__":
    main()
