"""Thermal curves of UppASD's three cases against those stored with them.

    python benchmarks/exchange_uppasd.py FOLDER --out CURVES.jsonl [--only NAME …] [--spins 1000] [--steps 300]

FOLDER holds Fe3Y, Co2Fe2H4 and CrNiP (MaMMoS, CC-BY 4.0): jfile, momfile, posfile and the curves of UppASD's Monte
Carlo on 24³ to 32³ cells. Here supercells are small, since a jfile couples each spin to up to 1,700 others; the
figures of merit are the mean differences of M(T)/M(0) and of the specific heat up to 0.9 of the temperature at which
the latter peaks (nearer to it and above, M is that of the size), and that temperature. The stored magnetisation of
CrNiP, an antiferromagnet, is noise of 1 kA/m that grows with temperature: only its specific heat is compared.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from magnetite.exchange.conventions import JOULE, K_B
from magnetite.exchange.formats import read
from magnetite.exchange.fourier import maximum
from magnetite.exchange.montecarlo.engine import Plan, simulate
from magnetite.exchange.montecarlo.order_parameter import order_parameter
from magnetite.exchange.montecarlo.statistics import curves
from magnetite.exchange.supercell import even_sizes, spin_lattice

MOST = 14
COLD = 20.0
"""K; below, weakly coupled sites have a specific heat of their own."""


def stored(folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Temperatures in K, magnetisation (any unit), specific heat in k_B a cell."""
    file = next(iter([*folder.glob("*thermal.csv"), *folder.glob("*output.csv")]))
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    start = next(n for n, line in enumerate(lines) if line.startswith("T,"))
    rows = list(csv.DictReader(lines[start:]))
    unit = K_B / 1000 if float(rows[0]["Cv"]) > 1e-10 else K_B / JOULE  # eV/K or J/K; the files name it in words
    grid, magnet, heat = ([float(row[key]) for row in rows] for key in ("T", "Ms", "Cv"))
    return grid, magnet, [value / unit for value in heat]


def measure(folder: Path, spins: int, steps: int) -> dict[str, Any]:
    begin = time.perf_counter()
    grid, magnet, heat = (np.array(column) for column in stored(folder))
    kept = np.unique(np.linspace(0, len(grid) - 1, MOST).round().astype(int))
    peak = int(np.where(grid > COLD, heat, 0).argmax())
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
        "stored_heat": (heat[kept] / len(model)).tolist(), "net": bool(magnet[0] > magnet[-1]),
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
        print("| T / K | M/M(0) here | stored | order parameter | C / k_B here | stored |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: |")
        columns = ("temperatures", "magnetisation", "stored_magnetisation", "order", "heat", "stored_heat")
        for t, m, kept, o, c, d in zip(*(r[key] for key in columns), strict=True):
            print(f"| {t:g} | {m:.3f} | {f'{kept:.3f}' if r['net'] else '–'} | {o:.3f} | {c:.2f} | {d:.2f} |")
        cold = np.array(r["temperatures"]) < 0.9 * r["stored_peak"]
        magnet, heat = (
            np.abs(np.subtract(r[key], r[f"stored_{key}"]))[cold].mean() for key in ("magnetisation", "heat")
        )
        peak = r["temperatures"][int(np.argmax(np.where(np.array(r["temperatures"]) > COLD, r["heat"], 0)))]
        if r["net"]:
            print(f"mean |difference| of M/M(0) {magnet:.3f};", end=" ")
        print(
            f"mean |difference| of C {heat:.2f} k_B; specific heat peaks at {peak:g} K, stored {r['stored_peak']:g} K"
        )


if __name__ == "__main__":
    main()
