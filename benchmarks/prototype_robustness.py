"""How often the structure type of damaged prototypes is recognized, beside the paper's figures.

python benchmarks/prototype_robustness.py --data PROTOTYPES [--repeats 1] [--levels pristine 0/4 20/4] [--workers 4]

Table 2 and Supplementary Tables 2 and 3 of Leitherer 2021, on all 108 classes: 396 pristine structures and
588 supercells × repeats (10: the paper's 5,880) for each level of damage. Finished levels are kept in a file and
not measured again. A GPU is used if there is one; workers share it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

import magnetite
from magnetite.evaluation.prototypes import PAPER, Score, finished, keep, measure, size
from magnetite.pipeline import run
from magnetite.prototypes.defects import BOTH, DISPLACED, LEVELS, MISSING, PRISTINE, REPEATS, Level, damaged
from magnetite.prototypes.supercells import Prototype, hosts, read_prototypes

GROUPS = {"all": LEVELS, "pristine": (PRISTINE,), "displaced": DISPLACED, "missing": MISSING, "both": BOTH}
PROBES = 30
"""Supercells that the time is estimated on."""
WORST = 3
"""Classes that the table names."""


def chosen(names: Sequence[str]) -> list[Level]:
    """Levels by the name of their group or their code."""
    codes = {level.code: (level,) for level in LEVELS} | GROUPS
    if unknown := [name for name in names if name not in codes]:
        raise SystemExit(f"unknown level {unknown[0]!r}; known are {', '.join([*GROUPS, *(x.code for x in LEVELS)])}")
    wanted = {level for name in names for level in codes[name]}
    return [level for level in LEVELS if level in wanted]


def estimate(model: Any, prototypes: Sequence[Prototype], levels: Sequence[Level], repeats: int) -> tuple[int, float]:
    """Structures to ask for and the minutes that takes, from a few of them."""
    every = hosts(prototypes)
    probes = [damaged(host, DISPLACED[-1]).sample for host in every[:: max(1, len(every) // PROBES)]]
    list(run(model, probes[:2]))  # tables and kernels
    started = time.perf_counter()
    list(run(model, probes))
    total = sum(size(prototypes, level, repeats) for level in levels)
    return total, (time.perf_counter() - started) / len(probes) * total / 60


def work(data: Path, name: str, device: str, level: Level, repeats: int, seed: int) -> Score:
    """One level, in a process of its own."""
    torch.set_num_threads(1)
    return measure(magnetite.load(name, device), read_prototypes(data), level, repeats=repeats, seed=seed)


def scores(args: argparse.Namespace, prototypes: Sequence[Prototype], levels: Sequence[Level]) -> Iterator[Score]:
    """Scores of the levels as they come."""
    if args.workers == 1:
        model = magnetite.load(args.model, args.device)
        for level in levels:
            yield measure(model, prototypes, level, repeats=args.repeats, seed=args.seed, progress=f"{level.code:>7}")
        return
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        slowest_first = sorted(levels, key=lambda level: (level.missing, -level.displacement))
        jobs = [
            pool.submit(work, args.data, args.model, args.device, level, args.repeats, args.seed)
            for level in slowest_first
        ]
        for number, job in enumerate(as_completed(jobs), start=1):
            score = job.result()
            print(f"{number} of {len(jobs)}: {score.level}, {score.accuracy:.2%}, {score.seconds:.0f} s", flush=True)
            yield score


def table(results: dict[Level, Score]) -> str:
    """A markdown table, one row a level."""
    lines = [
        "| damage | structures | accuracy / % | paper / % | periodic / % | finite / % | MI right | MI wrong | worst |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --- |",
    ]
    for level in LEVELS:
        if level not in results:
            continue
        s = results[level]
        finite = s.rows - s.periodic_rows
        behind = "" if round(100 * s.accuracy, 2) >= PAPER[level] else " **<**"
        lines.append(
            f"| {level} | {s.rows:,} | {100 * s.accuracy:.2f}{behind} | {PAPER[level]:.2f} "
            f"| {100 * s.periodic_right / s.periodic_rows:.2f} "
            f"| {100 * (s.right - s.periodic_right) / finite:.2f} "
            f"| {bits(s.information_right)} | {bits(s.information_wrong)} "
            f"| {', '.join(f'{label} {share:.0%}' for label, share in s.worst[:WORST])} |"
        )
    return "\n".join(lines)


def bits(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def confusions(results: dict[Level, Score], most: int = 10) -> str:
    """What is taken for what most often, over all levels."""
    counts: dict[tuple[str, str], int] = {}
    for score in results.values():
        for label, answer, number in score.mistakes:
            counts[label, answer or "refused"] = counts.get((label, answer or "refused"), 0) + number
    first = sorted(counts.items(), key=lambda item: -item[1])[:most]
    return "\n".join(f"- {label} taken for {answer}: {number:,}" for (label, answer), number in first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the prototypes and manifest.csv")
    parser.add_argument("--model", default="prototypes", help="a model's name or card")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="damaged copies of each supercell")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--levels", nargs="+", default=["all"], help="groups, or %% missing/%% displaced")
    parser.add_argument("--workers", type=int, default=1, help="processes, a level each")
    parser.add_argument("--out", type=Path, default=Path("prototype_robustness.jsonl"), help="finished levels")
    args = parser.parse_args()
    torch.set_num_threads(1)
    prototypes, levels = read_prototypes(args.data), chosen(args.levels)
    model = magnetite.load(args.model, args.device)
    study = {
        "model": str(model.card), "weights": model.card.content["sha256"], "repeats": args.repeats, "seed": args.seed,
    }  # fmt: skip
    results = finished(args.out, study)
    missing = [level for level in levels if level not in results]
    if missing:
        total, minutes = estimate(model, prototypes, missing, args.repeats)
        print(f"{total:,} structures on {model.device}: about {minutes:.0f} min of one process", flush=True)
    started = time.perf_counter()
    for score in scores(args, prototypes, missing) if missing else ():
        keep(args.out, study, score)
        results[score.level] = score
    print(f"\n{study['model']}, {args.repeats} repeats, seed {args.seed}; {time.perf_counter() - started:.0f} s\n")
    print(table({level: results[level] for level in levels}))
    print(f"\n{confusions({level: results[level] for level in levels})}")


if __name__ == "__main__":
    main()
