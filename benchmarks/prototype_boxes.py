"""Clusters and maps of the boxes of a polycrystal and of a nanoparticle; for prototype_exploration.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from prototype_speed import units

from magnetite.clusters import Cluster
from magnetite.prototypes.boxes import Boxes, as_specimen
from magnetite.prototypes.classes import distinct_names
from magnetite.prototypes.embedding_plots import plot_embedding
from magnetite.prototypes.explore import OUTLIER, cluster, embed, explore
from magnetite.prototypes.model import PrototypeModel
from magnetite.prototypes.settings import MIN_ATOMS

PASSES = 100
SLAB_BOX, SLAB_STRIDE = 16.0, 1.0
SLAB_SMALLEST, SLAB_NEIGHBOURS, SLAB_DISTANCE = 500, 500, 0.9
"""Å, Å; boxes, boxes, share of the largest distance: the paper's, but for its 1,000 passes."""
PARTICLE_BOX, PARTICLE_STRIDE = 12.0, 3.0
PARTICLE_SMALLEST, PARTICLE_NEIGHBOURS, PARTICLE_DISTANCE = 10, 50, 0.1
"""The same for the particle; its stride is longer here than for its maps, as in the paper."""
TETRAGONAL = "L10_CuAu"
IRON, PLATINUM = 26, 78
DRAWN = "hidden 1"
"""The layer whose clusters of the slab are drawn; those of all layers are printed."""
NAMED = 0.01
"""Answers to fewer boxes are pooled in pictures."""


def show_polycrystal(model: PrototypeModel, file: Path, pictures: Path) -> None:
    """Fig. 2 d–g: clusters of the boxes of a slab, which nobody told what the grains are."""
    size = np.full(3, SLAB_BOX)
    boxes = Boxes.over(as_specimen(file).without_doubles(), size, np.array([SLAB_STRIDE, SLAB_STRIDE, SLAB_BOX]))
    chosen = np.flatnonzero(boxes.count().ravel() >= MIN_ATOMS)
    found = explore(boxes.cut(chosen), model, passes=PASSES, progress="boxes")
    places = boxes.centres.reshape(-1, 3)[chosen, :2]
    print(f"\n## Boxes of {file.name}\n")
    print(
        f"{len(chosen):,} boxes of {SLAB_BOX:.0f} Å with {MIN_ATOMS} atoms or more, stride {SLAB_STRIDE:.0f} Å, ",
        end="",
    )
    print(f"clusters of {SLAB_SMALLEST} or more.\n")
    print("| layer | cluster | boxes | mean MI / bit | answers in it |\n| --- | --: | --: | --: | --- |")
    labels = np.array(distinct_names(found.classes))[found.winners]
    clusters_of = {name: cluster(layer, SLAB_SMALLEST) for name, layer in list(found.layers.items())[1:]}
    for name, clusters in clusters_of.items():
        for number in np.unique(clusters).tolist():
            inside = clusters == number
            names, counts = np.unique(labels[inside], return_counts=True)
            best = np.argsort(-counts, kind="stable")[:3]
            told = ", ".join(f"{names[i]} {counts[i] / inside.sum():.1%}" for i in best)
            kind = "outliers" if number == OUTLIER else str(number)
            bits = found.mutual_information[inside].mean()
            print(f"| {name} | {kind} | {inside.sum():,} | {bits:.3f} | {told} |")
    names, counts = np.unique(labels, return_counts=True)
    frequent = names[counts >= NAMED * len(labels)]
    panels = {
        f"HDBSCAN cluster, {DRAWN}": clusters_of[DRAWN],
        "answer": np.where(np.isin(labels, frequent), labels, "other"),
        "mutual information / bit": found.mutual_information,
    }
    plot_embedding(places, panels, pictures / "grains-in-space.png", in_space=True)
    points = embed(found.layers[DRAWN], SLAB_NEIGHBOURS, SLAB_DISTANCE)
    plot_embedding(points, panels, pictures / "grains-on-map.png")


def show_particle(model: PrototypeModel, file: Path, pictures: Path) -> None:
    """Fig. 4b: clusters of the boxes that are taken for L1_0, and how the lattice is distorted in each.

    The measure is the paper's: the typical nearest distance of Fe to Fe less that of Pt to Pt, zero in ideal L1_0.
    """
    boxes = Boxes.over(as_specimen(file).without_doubles(), np.full(3, PARTICLE_BOX), np.full(3, PARTICLE_STRIDE))
    chosen = np.flatnonzero(boxes.count().ravel() >= MIN_ATOMS)
    found = explore(boxes.cut(chosen), model, passes=PASSES, progress="boxes")
    kept = np.flatnonzero(np.array(found.labels) == TETRAGONAL)
    layer = found.layers["hidden 1"][kept]
    difference = np.array([distortion(sample) for sample in boxes.cut(chosen[kept])])
    bits = found.mutual_information[kept]
    clusters = cluster(layer, PARTICLE_SMALLEST)
    print(f"\n## {TETRAGONAL} in {file.name}\n")
    print(
        f"{len(kept):,} of {len(chosen):,} boxes of {PARTICLE_BOX:.0f} Å, stride {PARTICLE_STRIDE:.0f} Å, are taken "
        f"for {TETRAGONAL}; first hidden layer, clusters of {PARTICLE_SMALLEST} or more.\n"
    )
    print("| cluster | boxes | d(FeFe) − d(PtPt) / Å | spread / Å | mean MI / bit |\n| --- | --: | --: | --: | --: |")
    for number in np.unique(clusters).tolist():
        inside = clusters == number
        kind = "outliers" if number == OUTLIER else str(number)
        print(
            f"| {kind} | {inside.sum():,} | {difference[inside].mean():.3f} | {difference[inside].std():.3f} "
            f"| {bits[inside].mean():.3f} |"
        )
    print(f"| all | {len(kept):,} | {difference.mean():.3f} | {difference.std():.3f} | {bits.mean():.3f} |")
    panels = {
        "HDBSCAN cluster, hidden 1": clusters,
        "d(FeFe) − d(PtPt) / Å": difference,
        "mutual information / bit": bits,
    }
    plot_embedding(embed(layer, PARTICLE_NEIGHBOURS, PARTICLE_DISTANCE), panels, pictures / "particle-on-map.png")


def distortion(sample: Cluster) -> float:
    """Typical nearest distance of Fe to Fe less that of Pt to Pt, in Å."""
    found = {(int(a), int(b)): unit for a, b, unit in units(sample)}
    return found[IRON, IRON] - found[PLATINUM, PLATINUM]
