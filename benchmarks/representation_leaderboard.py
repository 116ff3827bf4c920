"""Each representation with the same simple heads, on order and on zero or non-zero k, beside the shipped model.

python benchmarks/representation_leaderboard.py --data DATA --work docs/work/representations --plot PICTURE

Features and answers are kept under --work: an interrupted run goes on where it was, a finished one prints at once.
Cells are the primitive chemical ones. One standard error each, by bootstrap over formulas (order) or compounds (k).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from magnetite.evaluation.representations import HEADS, Store, Task, k_task, order_task, parts, spread
from magnetite.representations import find
from magnetite.zoo.registry import find_card

NAMES = (
    "one-hot", "multi-hot", "property-one-hot", "magpie", "mat2vec", "skipatom", "megnet16", "graph-statistics",
    "soap", "order-body", "coulomb-matrix", "voxels", "acsf", "sine-matrix", "ace", "arise", "order-readout",
    "arise-hidden", "order-embedding", "order-elements", "random", "magpie-elements", "moment-elements",
    "ewald-matrix", "mbtr", "prdf",
)  # fmt: skip
"""In the order in which they are worked out."""
VALIDATION = 400
"""Rows by which the best head is chosen."""
LEAKED = {"order-body", "order-readout", "order-embedding", "order-elements", "moment-elements"}
"""Learned from the training rows of the order (never from validation or test rows)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled data")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps features and answers")
    parser.add_argument("--names", nargs="+", default=NAMES, help="only these representations")
    parser.add_argument("--plot", type=Path, help="draw the leaderboard")
    parser.add_argument("--train", type=int, default=2000, help="rows to learn the order from, 0 for all")
    parser.add_argument("--finished", action="store_true", help="print what there is, work nothing out")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    args = parser.parse_args()
    store = Store(args.work, progress=not args.quiet)
    tasks = [k_task(args.data), order_task(args.data, args.train, VALIDATION)]
    names = [n for n in args.names if not args.finished or all(store.has(t, n, options_of(n)) for t in tasks)]
    table = {name: row(store, tasks, name) for name in names}
    show(table, tasks)
    if args.plot:
        draw(table, args.plot)


def options_of(name: str) -> dict[str, Any]:
    """Missing elements get the mean, so that all representations answer the same rows; the slowest sees less far."""
    if name == "prdf":
        return {"cutoff": 5.0}
    return {"missing": "mean"} if "missing" in find(name).options else {}


def row(store: Store, tasks: list[Task], name: str) -> dict[str, tuple[float, float, int, int]]:
    """Share of right answers, its error, training rows and refused rows, by task, part and head."""
    found = {}
    options = options_of(name)
    for task in tasks:
        refused = store.features(task, name, options)[1]
        for head in HEADS:
            right = store.answers(task, name, options, head) == task.labels
            for part, rows in parts(task):
                error = spread(right[rows], task.groups[rows])
                found[f"{task.name} {part} {head}"] = (right[rows].mean(), error, len(task.splits[0][0]), refused)
    return found


def best_head(found: dict[str, tuple[float, float, int, int]], task: str) -> str:
    """By validation where there is one, else by the figure itself."""
    part = "validation" if f"{task} validation logistic" in found else "test"
    return max(HEADS, key=lambda head: found[f"{task} {part} {head}"][0])


def show(table: dict[str, dict[str, tuple[float, float, int, int]]], tasks: list[Task]) -> None:
    print(
        "| representation | length | order: "
        + " | ".join(HEADS)
        + " | trained on | k: "
        + " | ".join(HEADS)
        + " | refused |"
    )
    print("| --- |" + " ---: |" * 9)
    ranked = sorted(table, key=lambda name: -table[name][f"order test {best_head(table[name], 'order')}"][0])
    for name in ranked:
        found, cells = table[name], []
        for task in ("order", "zero k"):
            best = best_head(found, task)
            for head in HEADS:
                value, error, trained, _ = found[f"{task} test {head}"]
                text = f"{value:.3f} ± {error:.3f}"
                cells.append(f"**{text}**" if head == best else text)
            if task == "order":
                cells.append(f"{trained:,}")
        refused = sum(found[f"{task} test logistic"][3] for task in ("order", "zero k"))
        mark = " †" if name in LEAKED else ""
        print(f"| `{name}`{mark} | {find(name).length:,} | {' | '.join(cells)} | {refused:,} |")
    figures = {metric["name"]: metric for metric in find_card("magnetism").content["metrics"]}
    for name, key in (("order", "order accuracy"), ("zero k", "zero k accuracy")):
        metric, task = figures[key], next(t for t in tasks if t.name == name)
        test = dict(parts(task))["test"]
        always = np.bincount(task.labels[test]).max() / len(test)
        print(f"\n{name}: {len(test):,} test rows; always the commonest answer {always:.3f}; shipped model "
              f"{metric['value']:.3f} ({metric['rows']:,} rows, {metric['protocol']})")  # fmt: skip


def draw(table: dict[str, dict[str, tuple[float, float, int, int]]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figures = {metric["name"]: metric["value"] for metric in find_card("magnetism").content["metrics"]}
    picture, axes = plt.subplots(1, 2, figsize=(10, 0.27 * len(table) + 1.2), sharey=True, layout="constrained")
    ranked = sorted(table, key=lambda name: table[name][f"order test {best_head(table[name], 'order')}"][0])
    colours = {"composition": "tab:blue", "structure": "tab:orange", "graph": "tab:green"}
    for axis, task, key in zip(axes, ("order", "zero k"), ("order accuracy", "zero k accuracy"), strict=True):
        for place, name in enumerate(ranked):
            colour, best = colours[find(name).kind], best_head(table[name], task)
            for head, marker in zip(HEADS, "o^s", strict=True):
                value, error, *_ = table[name][f"{task} test {head}"]
                axis.errorbar(
                    value, place, xerr=error, fmt=marker, color=colour, ms=5, alpha=1 if head == best else 0.3
                )
        axis.axvline(figures[key], color="black", ls="--", lw=1, label="shipped model")
        axis.set_xlabel(f"accuracy, {task}")
    axes[0].set_yticks(range(len(ranked)), ranked)
    for head, marker in zip(HEADS, "o^s", strict=True):
        axes[1].plot([], [], marker, color="grey", label=head)
    for kind, colour in colours.items():
        axes[1].plot([], [], "o", color=colour, label=kind)
    picture.legend(*axes[1].get_legend_handles_labels(), fontsize=8, loc="outside lower center", ncols=7)
    picture.savefig(path)


if __name__ == "__main__":
    main()
