"""What the classifier makes of structures it never learned, of the Bain path, and which structures it finds alike.

python benchmarks/prototype_exploration.py --data PROTOTYPES [--polycrystal FILE] [--particle FILE] [--only unseen …]

Prints the tables of docs/structure-exploration.md and writes its pictures: the out-of-sample list and the Bain path
of Leitherer 2021 (Supplementary Notes 2 and 3), similarity of all classes in each layer, clusters (HDBSCAN) and maps
(UMAP, `pip install 'magnetite[explore]'`) of pristine and damaged structures, and of boxes cut from a polycrystal
(the four-grain slab of Fig. 2) and from a nanoparticle (the FePt particle of Fig. 4).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from prototype_boxes import show_particle, show_polycrystal
from sklearn.metrics import adjusted_rand_score, completeness_score, homogeneity_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from magnetite.api import load_classifier
from magnetite.evaluation.prototypes import samples
from magnetite.prototypes.bain import LENGTHS, BainPath, bain_path, ratios_of
from magnetite.prototypes.defects import PRISTINE, Level
from magnetite.prototypes.embedding_plots import plot_bain, plot_embedding, plot_similarity
from magnetite.prototypes.explore import DESCRIPTOR, OUTLIER, Exploration, cluster, embed, explore, similarity
from magnetite.prototypes.model import PrototypeModel
from magnetite.prototypes.supercells import Prototype, pristine_samples, read_prototypes
from magnetite.prototypes.unseen import UNSEEN

TRAINED = {"α-Pa": 0.8235, "bcc": 1.0, "fcc": 2**0.5, "In": 1.5206}
"""c/a of the cells of this family that are learned from."""
TETRAGONAL = ("bctIn_In_A_tI2_139_a", "bctAlphaPa_Pa_A_tI2_139_a")
KINDS = {
    "Elemental_solids": "elements", "Binaries": "binaries", "Ternaries": "ternaries", "Quaternaries": "quaternaries",
    "2D_materials": "2D materials", "Nanotubes": "nanotubes",
}  # fmt: skip
SMALLEST = 5
NEIGHBOURS = 15
MIN_DISTANCE = 0.3
CLOSEST = 8
"""Pairs of classes that are printed."""


def show_unseen(model: PrototypeModel, _: Sequence[Prototype], __: Path) -> None:
    found = explore([entry.build() for entry in UNSEEN], model)
    print("\n## Structures of types it never learned\n")
    print("| structure | answer | p | MI / bit | then | paper | p | MI / bit | same first |")
    print("| --- | --- | --: | --: | --- | --- | --: | --: | --- |")
    same = 0
    for entry, row, bits in zip(UNSEEN, found.probabilities, found.mutual_information, strict=True):
        best = np.argsort(-row, kind="stable")[:3]
        labels = [model.classes[place].label for place in best]
        then = ", ".join(f"{label} {row[place]:.2f}" for label, place in zip(labels[1:], best[1:], strict=True))
        agrees = labels[0] == entry.answers[0]
        same += agrees
        print(
            f"| {entry.name} | {labels[0]} | {row[best[0]]:.2f} | {bits:.2f} | {then} | {', '.join(entry.answers)} | "
            f"{_told(entry.probability)} | {_told(entry.mutual_information)} | {'yes' if agrees else 'no'} |"
        )
    limit = float(model.card.settings["domain"]["information_limit"])
    warned = int((found.mutual_information > limit).sum())
    print(f"\nThe same first answer as the paper: {same} of {len(UNSEEN)}. ", end="")
    print(f"{warned} of {len(UNSEEN)} lie above the limit of {limit:.2f} bits at which reports warn.")


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def show_bain(model: PrototypeModel, _: Sequence[Prototype], pictures: Path) -> None:
    path = bain_path(ratios_of(), model, progress="Bain path")
    print("\n## Bain path\n")
    print("| c/a from | to | answer | mean p | mean MI / bit |\n| --: | --: | --- | --: | --: |")
    for part in path.stretches():
        print(
            f"| {part.start:.3f} | {part.end:.3f} | {part.label} | {part.probability:.2f} | "
            f"{part.mutual_information:.2f} |"
        )
    grid = path.places(LENGTHS)
    labels = np.array([entry.label for entry in path.classes])[path.winners[grid]]
    shares = {
        "fcc": (labels == "fcc_Cu_A_cF4_225_a").mean(), "bcc": (labels == "bcc_W_A_cI2_229_a").mean(),
        "tetragonal (In, α-Pa)": np.isin(labels, TETRAGONAL).mean(),
    }  # fmt: skip
    print(f"\nOf {grid.size:,} cells: ", end="")
    print(", ".join(f"{name} {share:.1%}" for name, share in shares.items()), end="")
    print(f", other {1 - sum(shares.values()):.1%}.")
    at_change, between = path.mutual_information[path.changes].mean(), path.mutual_information[~path.changes].mean()
    print(f"Mean mutual information where the answer changes {at_change:.2f} bits, elsewhere {between:.2f} bits.")
    for name, ratio in TRAINED.items():
        print(f"Closest to c/a of {name} ({ratio:.4f}): {_nearest(path, ratio)}")
    plot_bain(path, TRAINED, pictures / "bain-path.png")


def _nearest(path: BainPath, ratio: float) -> str:
    place = int(abs(path.ratios - ratio).argmin())
    winner = path.winners[place]
    bits = path.mutual_information[place]
    return f"{path.classes[winner].label}, p {path.probabilities[place, winner]:.3f}, {bits:.3f} bits"


def show_classes(model: PrototypeModel, prototypes: Sequence[Prototype], pictures: Path) -> None:
    ordered = [p for kind in KINDS for p in sorted(prototypes, key=lambda p: p.number) if p.kind == kind]
    groups = [KINDS[p.kind] for p in ordered]
    firsts = [next(iter(pristine_samples([p]))).sample for p in ordered]
    found = explore(firsts, model)
    print("\n## Similarity of the classes\n")
    print(f"Cosine similarity of {len(ordered)} ideal structures (periodic; nanotubes finite).\n")
    print("| layer | mean within a group | between groups | most alike | above 0.9 |\n| --- | --: | --: | --- | --: |")
    member = np.array(groups)
    within = (member[:, None] == member[None, :]) & ~np.eye(len(member), dtype=bool)
    between = member[:, None] != member[None, :]
    above = np.triu(np.ones_like(within), 1)
    for name, layer in found.layers.items():
        alike = similarity(layer)
        a, b = _pairs(alike)[0]
        print(
            f"| {name} | {alike[within].mean():.3f} | {alike[between].mean():.3f} | "
            f"{ordered[a].label} – {ordered[b].label} {alike[a, b]:.4f} | {int((alike[above] > 0.9).sum())} |"
        )
    last = list(found.layers)[-1]
    alike = similarity(found.layers[last])
    print(f"\nMost alike in {last}:\n\n| class | class | cosine |\n| --- | --- | --: |")
    for a, b in _pairs(alike)[:CLOSEST]:
        print(f"| {ordered[a].label} | {ordered[b].label} | {alike[a, b]:.3f} |")
    shown = {name: similarity(found.layers[name]) for name in (DESCRIPTOR, "hidden 1", last)}
    plot_similarity(shown, groups, pictures / "class-similarity.png")


def _pairs(alike: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of rows, the most alike first."""
    a, b = np.triu_indices(len(alike), 1)
    order = np.argsort(-alike[a, b], kind="stable")
    return list(zip(a[order].tolist(), b[order].tolist(), strict=True))


def show_alike(model: PrototypeModel, prototypes: Sequence[Prototype], pictures: Path) -> None:
    level = Level(displacement=0.04, missing=0.10)
    asked = [*samples(prototypes, PRISTINE), *samples(prototypes, level, repeats=1)]
    started = time.perf_counter()
    found = explore((variant.sample for variant in asked), model, passes=200, progress="samples")
    truth = np.array([variant.label for variant in asked])
    kinds = [KINDS[variant.prototype.kind] for variant in asked]
    print(f"\n## Clusters and maps of {len(asked)} structures: pristine, and {level}\n")
    right = (np.array(found.labels) == truth).mean()
    print(f"Answers right: {right:.1%} (200 passes; {time.perf_counter() - started:.0f} s).\n")
    print(
        "| layer | clusters | outliers | homogeneity* | completeness* | adjusted Rand* | nearest on map of its class |"
    )
    print("| --- | --: | --: | --: | --: | --: | --: |")
    maps, clusters_of = {}, {}
    for name, layer in found.layers.items():
        clusters = clusters_of[name] = cluster(layer, SMALLEST)
        kept = clusters != OUTLIER
        maps[name] = embed(layer, NEIGHBOURS, MIN_DISTANCE)
        scores = [score(truth[kept], clusters[kept]) for score in (homogeneity_score, completeness_score)]
        print(
            f"| {name} | {clusters.max() + 1} | {(~kept).mean():.1%} | {scores[0]:.3f} | {scores[1]:.3f} | "
            f"{adjusted_rand_score(truth[kept], clusters[kept]):.3f} | {_neighbour_is_right(maps[name], truth):.1%} |"
        )
    print("\n* of clusters against classes, outliers left out.")
    print(f"Mutual information: {_by_cluster(found, cluster(found.layers['hidden 1'], SMALLEST))}")
    for name, file in (("hidden 1", "embedding-first-layer.png"), (list(maps)[-1], "embedding-last-layer.png")):
        panels = {
            f"{name}: group": kinds,
            "HDBSCAN cluster": clusters_of[name],
            "mutual information / bit": found.mutual_information,
        }
        order = np.argsort([list(KINDS.values()).index(kind) for kind in kinds], kind="stable")
        plot_embedding(maps[name][order], {t: np.asarray(v)[order] for t, v in panels.items()}, pictures / file)


def _neighbour_is_right(points: NDArray[np.float64], truth: NDArray[np.str_]) -> float:
    """Share of points whose nearest neighbour on the map is of their class."""
    found = cross_val_predict(KNeighborsClassifier(1), points, truth, cv=LeaveOneOut())
    return float((found == truth).mean())


def _by_cluster(found: Exploration, clusters: NDArray[np.int64]) -> str:
    bits, outside = found.mutual_information, clusters == OUTLIER
    parts = [f"{bits[~outside].mean():.3f} bits in clusters"]
    if outside.any():
        parts.append(f"{bits[outside].mean():.3f} bits for outliers")
    return ", ".join(parts) + " (first hidden layer)."


SHOWS: dict[str, Callable[[PrototypeModel, Sequence[Prototype], Path], None]] = {
    "unseen": show_unseen, "bain": show_bain, "classes": show_classes, "alike": show_alike,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the prototypes and manifest.csv")
    parser.add_argument("--model", default="prototypes", help="a model's name or card")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pictures", type=Path, default=Path("docs/images"), help="folder for the pictures")
    parser.add_argument("--polycrystal", type=Path, help="the four-grain slab")
    parser.add_argument("--particle", type=Path, help="the FePt particle of 2017")
    every = [*SHOWS, "polycrystal", "particle"]
    parser.add_argument("--only", nargs="+", choices=every, default=every)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.pictures.mkdir(parents=True, exist_ok=True)
    model, prototypes = load_classifier(args.model, args.device), read_prototypes(args.data)
    print(f"Model {model.card}, {model.passes} passes")
    for name, show in SHOWS.items():
        if name in args.only:
            show(model, prototypes, args.pictures)
    if args.polycrystal and "polycrystal" in args.only:
        show_polycrystal(model, args.polycrystal, args.pictures)
    if args.particle and "particle" in args.only:
        show_particle(model, args.particle, args.pictures)


if __name__ == "__main__":
    main()
