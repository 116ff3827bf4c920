"""Strided pattern matching: four grains, their distorted twin, and a nanoparticle of 23,196 atoms.

python benchmarks/prototype_matching.py --data DATA/arise [--model prototypes] [--passes 100] [--maps FOLDER]

The polycrystal and the particle of Figs. 2 and 4 of Leitherer 2021, with the paper's boxes and strides. What is
right comes from the geometry alone: grains are what atoms of one kind of surroundings (number and distance of the
nearest neighbours, inversion) fill; their convex hulls, which the Voronoi cells they were cut from are, say to
which grain a box belongs. The second part measures what fewer passes of the network change.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import torch
from ase import Atoms
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

import magnetite
from magnetite.prototypes.plots import plot_map

SLAB = {"box": 16.0, "stride": (1.0, 1.0, 16.0)}
PARTICLE = {"box": 12.0, "stride": 2.0}
GRAINS = {
    "fcc": "fcc_Cu_A_cF4_225_a",
    "bcc": "bcc_W_A_cI2_229_a",
    "hcp": "hcp_Mg_A_hP2_194_c",
    "diamond": "diam_C_A_cF8_227_a",
}
SHELL = 1.25
"""Neighbours up to this many times the distance of the nearest four count: 4 in diamond, 12 in fcc, 14 in bcc."""
BOND = 4.0
"""Å; atoms of one kind within it are of one grain."""
INVERSION = 0.2
"""Å; how well neighbours must stand opposite each other."""
SAMPLE_STRIDE = (2.5, 2.5, 16.0)
"""Å; of the boxes that the number of passes is tried on."""


def kinds(atoms: Atoms) -> np.ndarray:
    """Which of `GRAINS` the surroundings of each atom are, by place; -1 where none."""
    distances, neighbours = cKDTree(atoms.positions).query(atoms.positions, k=17)
    reach = SHELL * distances[:, 1:5].mean(axis=1)
    found = np.full(len(atoms), -1)
    for i in range(len(atoms)):
        near = neighbours[i, 1:][distances[i, 1:] < reach[i]]
        vectors = atoms.positions[near] - atoms.positions[i]
        opposite = cKDTree(vectors).query(-vectors)[0].max() < INVERSION if len(near) else False
        kind = {(4, False): "diamond", (12, True): "fcc", (12, False): "hcp", (14, True): "bcc"}
        found[i] = list(GRAINS).index(kind[len(near), opposite]) if (len(near), opposite) in kind else -1
    return found


def hulls(atoms: Atoms) -> dict[str, Delaunay]:
    """The area of each grain in the plane of the slab: the hull of its largest connected piece."""
    known, areas = kinds(atoms), {}
    for place, name in enumerate(GRAINS):
        points = atoms.positions[known == place]
        bonds = cKDTree(points).sparse_distance_matrix(cKDTree(points), BOND, output_type="coo_matrix")
        piece = connected_components(bonds)[1]
        areas[name] = Delaunay(points[piece == np.bincount(piece).argmax()][:, :2])
    return areas


def regions(found: magnetite.PatternMap, areas: dict[str, Delaunay]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Boxes that lie in one grain with all of their area, for each grain, and those that touch several."""
    half = np.array(found.metadata["box"][:2]) / 2
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 9)] * 2, indexing="ij"), axis=-1).reshape(-1, 2) * half
    points = found.centres[..., None, :2] + grid
    inside = {name: area.find_simplex(points) >= 0 for name, area in areas.items()}
    within = {name: values.all(axis=-1) & found.classified for name, values in inside.items()}
    touched = sum(values.any(axis=-1).astype(int) for values in inside.values())
    return within, (touched > 1) & found.classified


def slab(name: str, atoms: Atoms, areas: dict[str, Delaunay], options: dict[str, Any]) -> magnetite.PatternMap:
    started, cpu = time.perf_counter(), time.process_time()
    found = magnetite.match_patterns(atoms, **SLAB, **options)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    within, several = regions(found, areas)
    labels = [entry.label for entry in found.classes]
    bits = found.mutual_information
    boxes = int(found.classified.sum())
    print(f"\n{name}: {boxes:,} boxes, {seconds:.0f} s, CPU {cpu:.0f} s, {boxes / cpu:.0f} boxes/s of CPU time")
    print("\n| grain | boxes inside | in the right class / % | mean MI / bits |\n| --- | --: | --: | --: |")
    for grain, label in GRAINS.items():
        chosen = within[grain]
        right = (found.winners[chosen] == labels.index(label)).mean()
        print(f"| {grain} | {chosen.sum():,} | {100 * right:.2f} | {bits[chosen].mean():.3f} |")
    inner = np.any(list(within.values()), axis=0)
    outer = found.classified & ~inner & ~several
    for text, chosen in (("all grains", inner), ("two grains and more", several), ("one grain and vacuum", outer)):
        print(f"| {text} | {chosen.sum():,} | | {bits[chosen].mean():.3f} |")
    return found


def particle(path: Path, options: dict[str, Any]) -> magnetite.PatternMap:
    started, cpu = time.perf_counter(), time.process_time()
    found = magnetite.match_patterns(path, **PARTICLE, **options)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    boxes = int(found.classified.sum())
    print(
        f"\n{path.stem}: {boxes:,} boxes, {seconds:.0f} s on {torch.get_num_threads()} thread(s), CPU {cpu:.0f} s; "
        f"{boxes / seconds:.0f} boxes/s, {boxes / cpu:.0f} of CPU time\n"
    )
    atoms = found.specimen.positions
    hull = Delaunay(atoms)
    corners = np.array(np.meshgrid(*[(-1, 1)] * 3)).T.reshape(-1, 3) * np.array(found.metadata["box"]) / 2
    inside = (hull.find_simplex(found.centres[..., None, :] + corners) >= 0).all(axis=-1) & found.classified
    print("| class | all boxes / % | boxes inside / % | bits, all | bits, inside |\n| --- | --: | --: | --: | --: |")
    for entry, count in list(found.counts.items())[:10]:
        won = found.winners == found.classes.index(entry)
        print(
            f"| {entry} | {100 * count / boxes:.1f} | {100 * (won & inside).sum() / inside.sum():.1f} "
            f"| {found.mutual_information[won].mean():.3f} | {mean(found.mutual_information[won & inside])} |"
        )
    bits = found.mutual_information
    print(f"| all {len(found.counts)} classes | {boxes:,} boxes | {inside.sum():,} boxes "
          f"| {bits[found.classified].mean():.3f} | {bits[inside].mean():.3f} |")  # fmt: skip
    return found


def mean(values: np.ndarray) -> str:
    return f"{values.mean():.3f}" if len(values) else "–"


def fewer_passes(name: str, sample: Any, grid: dict[str, Any], options: dict[str, Any]) -> Iterator[str]:
    """What fewer passes change against the model's own number."""
    full = magnetite.match_patterns(sample, **grid, **options | {"passes": None})
    known = full.classified
    for passes in (30, 100, 300):
        found = magnetite.match_patterns(sample, **grid, **options | {"passes": passes})
        bits, best = found.mutual_information[known], full.mutual_information[known]
        same = (found.winners[known] == full.winners[known]).mean()
        yield (
            f"| {name} | {known.sum():,} | {passes} | {100 * same:.2f} | {best.mean():.4f} | {bits.mean():.4f} "
            f"| {abs(bits - best).mean():.4f} | {np.corrcoef(bits, best)[0, 1]:.4f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with polycrystal/ and nanoparticle/")
    parser.add_argument("--model", default="prototypes", help="a model's name or card")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--passes", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--parts", nargs="+", choices=("slab", "particle", "passes"), default=["slab", "particle", "passes"]
    )
    parser.add_argument("--maps", type=Path, help="write maps and pictures there")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    options = {"model": args.model, "device": args.device, "passes": args.passes}
    card = magnetite.load(args.model, args.device).card
    print(f"{card}, weights {card.content['sha256'][:12]}, {args.passes} passes", flush=True)
    folder = args.data / "polycrystal"
    # Plain xyz: the second file's header promises a column that is not there.
    slabs = {path.stem: ase.io.read(path, format="xyz") for path in sorted(folder.glob("Fig_2_four_grains*.xyz"))}
    (fept,) = (args.data / "nanoparticle").glob("FePt*2017.xyz")
    maps = {}
    if "slab" in args.parts:
        areas = hulls(next(iter(slabs.values())))
        maps |= {name: slab(name, atoms, areas, options) for name, atoms in slabs.items()}
    if "particle" in args.parts:
        maps[fept.stem] = particle(fept, options)
    if "passes" in args.parts:
        print(
            "\n| sample | boxes | passes | same class / % | bits, all passes | bits | mean difference | correlation |"
        )
        print("| --- | --: | --: | --: | --: | --: | --: | --: |")
        samples = [(name, atoms, SLAB | {"stride": SAMPLE_STRIDE}) for name, atoms in slabs.items()]
        for name, sample, grid in [*samples, (fept.stem, fept, PARTICLE | {"stride": 6.0})]:
            for line in fewer_passes(name, sample, grid, options):
                print(line, flush=True)
    if args.maps is not None:
        args.maps.mkdir(parents=True, exist_ok=True)
        for name, found in maps.items():
            found.save(args.maps / f"{name}.npz")
            plot_map(found).savefig(args.maps / f"{name}.png")


if __name__ == "__main__":
    main()
