"""Speed of the default model, side by side with its peers, on one thread.

python benchmarks/speed.py --data structures.jsonl.gz --chgnet-python /path/of/chgnet-env/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import spglib
import torch
from pymatgen.core import Structure

import magnetite
from magnetite.cells import SYMPREC, compact
from magnetite.datasets.records import read_records
from magnetite.graphs import MAX_REACH, build_graph
from magnetite.pipeline import run
from magnetite.runtime import EDGES_PER_BATCH, collate
from magnetite.structures import Crystal, as_crystal
from magnetite.zoo import DEFAULT_MODEL

Row = tuple[str, float, str]


def rate(work: Callable[[], Any], count: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """Items per second of one run."""
    start = clock()
    work()
    return count / (clock() - start)


def best(work: Callable[[], Any], count: int) -> float:
    """Items per second of the better of two runs."""
    return max(rate(work, count) for _ in range(2))


def draw(path: Path, count: int, seed: int) -> list[dict[str, Any]]:
    """Random rows of a JSON-lines file."""
    total = sum(1 for _ in read_records(path))
    chosen = set(np.random.default_rng(seed).choice(total, count, replace=False).tolist())
    return [row for index, row in enumerate(read_records(path)) if index in chosen]


def chgnet(rows: list[dict[str, Any]], python: str) -> float:
    """CHGNet's best rate over its batch sizes."""
    keys = ("lattice", "species", "frac_coords")
    text = "\n".join(json.dumps({key: row[key] for key in keys}) for row in rows)
    script = Path(__file__).with_name("chgnet_rates.py")
    out = subprocess.run([python, script], input=text, capture_output=True, text=True, check=True)
    return max(json.loads(out.stdout.splitlines()[-1]).values())


def import_seconds() -> tuple[float, float]:
    """Median seconds of `import pymatgen.core`, and of `import magnetite` after it."""
    code = (
        "import time; a=time.perf_counter(); import pymatgen.core; b=time.perf_counter(); import magnetite; "
        "c=time.perf_counter(); print(b-a, c-b)"
    )
    runs = [
        [
            float(x)
            for x in subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout.split()
        ]
        for _ in range(5)
    ]
    return float(np.median([r[0] for r in runs])), float(np.median([r[1] for r in runs]))


MOST_ACCURATE = "magnetism-best"
ROUNDS = 3
"""Of each model, ours and CHGNet; the best counts."""


def on_cpu(structures: list[Structure], rows: list[dict[str, Any]], python: str | None) -> list[Row]:
    """The table of one thread."""
    model, accurate = (magnetite.load(name, "cpu") for name in (DEFAULT_MODEL, MOST_ACCURATE))
    works = [lambda one=one: list(run(one, structures)) for one in (model, accurate)]
    in_turn = [[rate(work, len(structures)) for work in works] for _ in range(ROUNDS)]
    ours, theirs = np.max(in_turn, axis=0)  # the first round pays for fresh memory
    table: list[Row] = [("magnetite, Structure to report, batched", ours, "structures/s")]
    if python:
        peer = chgnet(rows, python)
        table += [("CHGNet 0.4.2 moments, its best batch size", peer, "structures/s"), ("  ratio", ours / peer, "×")]
    table.append((f"{MOST_ACCURATE}, batched", theirs, "structures/s"))
    if python:
        table.append(("  ratio to CHGNet", theirs / peer, "×"))
    one = best(lambda: [next(run(model, [s])) for s in structures], len(structures))
    prepared = [model.prepare(as_crystal(s)) for s in structures]
    batched = rate(
        lambda: [model.predict(b) for b in batches(model, prepared, EDGES_PER_BATCH["cpu"])], len(structures)
    )
    single = rate(lambda: [model.predict([p]) for p in prepared], len(structures))
    table += [
        ("magnetite, one by one", one, "structures/s"),
        ("  batched over one by one, whole path", ours / one, "×"),
        ("  batched over one by one, network alone", batched / single, "×"),
    ]
    small = [p for p in prepared if p.graph.n_atoms <= 4]
    few = rate(lambda: [model.predict(b) for b in batches(model, small, EDGES_PER_BATCH["cpu"])], len(small))
    each = rate(lambda: [model.predict([p]) for p in small], len(small))
    table.append((f"  the same, {len(small)} cells of at most 4 atoms", few / each, "×"))
    crystals = [as_crystal(s) for s in structures]
    table += [*neighbour_graphs(crystals, structures), *primitive_cells(crystals)]
    base, extra = import_seconds()
    return [*table, ("import pymatgen.core", base, "s"), ("import magnetite, beyond that", extra, "s")]


def neighbour_graphs(crystals: list[Crystal], structures: list[Structure]) -> list[Row]:
    """Graphs of the cells as given against pymatgen's neighbour lists: the best of several runs in turn, CPU time."""
    works: tuple[Callable[[], Any], ...] = (
        lambda: [build_graph(*compact(c.lattice, c.frac_coords), c.numbers) for c in crystals],
        lambda: [s.get_neighbor_list(MAX_REACH) for s in structures],
    )
    graphs, lists = np.max([[rate(w, len(crystals), time.process_time) for w in works] for _ in range(7)], axis=0)
    return [
        ("magnetite graphs", graphs, "structures/s"),
        (f"pymatgen get_neighbor_list, {MAX_REACH:g} Å", lists, "structures/s"),
        ("  ratio", graphs / lists, "×"),
    ]


def primitive_cells(crystals: list[Crystal]) -> list[Row]:
    """The search for the primitive cell against spglib's."""
    os.environ.setdefault("SPGLIB_WARNING", "OFF")
    cells: list[Any] = [(c.lattice, c.frac_coords, c.numbers) for c in crystals]
    sizes: list[int] = []
    ours = rate(lambda: sizes.extend(len(c.primitive[0]) for c in crystals), len(crystals))
    datasets: list[Any] = []
    theirs = rate(lambda: datasets.extend(spglib.get_symmetry_dataset(c, symprec=SYMPREC) for c in cells), len(cells))
    same = sum(len(set(d.mapping_to_primitive)) == n for d, n in zip(datasets, sizes, strict=True))
    return [
        ("magnetite primitive cells", ours, "structures/s"),
        (f"spglib get_symmetry_dataset, {SYMPREC} Å", theirs, "structures/s"),
        ("  ratio", ours / theirs, "×"),
        ("  same number of atoms as spglib's", same / len(cells), "of 1"),
    ]


def batches(model: Any, prepared: list[Any], edges: int) -> list[list[Any]]:
    """Consecutive batches of at most so many edges."""
    from magnetite.runtime import by_edges

    return list(by_edges(prepared, model.cost, edges))


def on_gpu(structures: list[Structure]) -> list[Row]:
    """Best batch size on the GPU, and where the time of the whole path goes."""
    model = magnetite.load(device="cuda")
    start = time.perf_counter()
    prepared = [model.prepare(as_crystal(s)) for s in structures]
    graph_time = time.perf_counter() - start
    table: list[Row] = []
    best = (0.0, 0)
    for edges in (25_000, 100_000, 400_000, 1_600_000):
        parts = batches(model, prepared, edges)
        model.predict(parts[0])
        speed = rate(lambda parts=parts: [model.predict(b) for b in parts], len(structures))
        table.append((f"cuda, {edges:,} edges a batch, network", speed, "structures/s"))
        best = max(best, (speed, edges))
    parts = batches(model, prepared, best[1])
    joined = [collate([p.graph for p in b], [p.volume_per_atom for p in b], [p.geometry for p in b]) for b in parts]
    torch.cuda.synchronize()
    start = time.perf_counter()
    moved = [j.to(model.device) for j in joined]
    torch.cuda.synchronize()
    transfer = time.perf_counter() - start
    start = time.perf_counter()
    with torch.inference_mode():
        for batch in moved:
            model.network(batch)
    torch.cuda.synchronize()
    kernels = time.perf_counter() - start
    atoms = sum(p.graph.n_atoms for p in prepared)
    total = graph_time + transfer + kernels
    return [
        *table,
        ("  atoms at the best", best[0] * atoms / len(structures), "atoms/s"),
        ("  share of graph building", graph_time / total, ""),
        ("  share of transfer", transfer / total, ""),
        ("  share of kernels", kernels / total, ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="JSON-lines file of structures")
    parser.add_argument("--chgnet-python", help="Python of an environment with chgnet 0.4.2")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rows = draw(args.data, args.rows, args.seed)
    structures = [Structure(row["lattice"], row["species"], row["frac_coords"]) for row in rows]
    table = on_cpu(structures, rows, args.chgnet_python)
    if torch.cuda.is_available():
        table += on_gpu(structures)
    print(f"| {args.rows:,} rows, seed {args.seed} | | |\n| --- | ---: | --- |")
    for name, value, unit in table:
        print(f"| {name} | {value:.3g} | {unit} |")


if __name__ == "__main__":
    main()
