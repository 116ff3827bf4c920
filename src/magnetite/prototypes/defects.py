"""Damaged structures: atoms out of place, atoms missing, both; the same for the same seed.

Leitherer 2021, Table 2 and Supplementary Tables 2 and 3: displacements are uniform between ±δ·d_NN along each
axis, d_NN being the nearest-neighbour distance; of N atoms int(η·N) are taken away at random; ten repeats of
each of the 588 supercells (`supercells.hosts`) make 5,880 structures for each level.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from magnetite.clusters import Cluster, Sample
from magnetite.errors import StructureError
from magnetite.prototypes.supercells import Prototype, Variant, hosts

REPEATS = 10
"""Damaged copies of each supercell in the paper."""
BINS = 100
SAME = 1e-6
"""Å; distances that differ by less are equal."""
FIRST_RADIUS = 4.0
"""Å; where neighbours are looked for first."""


@dataclass(frozen=True)
class Level:
    """How much damage is done.

    Attributes:
        displacement: δ, largest displacement along each axis as a share of the nearest-neighbour distance.
        missing: η, share of the atoms that are taken away.
    """

    displacement: float = 0.0
    missing: float = 0.0

    def __str__(self) -> str:
        moved, missing = f"displaced {self.displacement:.1%}", f"missing {self.missing:.0%}"
        if not self.displacement:
            return missing if self.missing else "pristine"
        return f"{missing}, {moved}" if self.missing else moved


PRISTINE = Level()
DISPLACED = tuple(Level(displacement=share) for share in (0.001, 0.006, 0.01, 0.02, 0.04, 0.07, 0.10))
MISSING = tuple(Level(missing=share) for share in (0.01, 0.05, 0.10, 0.20, 0.25, 0.30))
BOTH = tuple(
    Level(displacement, missing)
    for missing, displacement in (
        (0.01, 0.001), (0.05, 0.006), (0.10, 0.01), (0.15, 0.02), (0.20, 0.04), (0.25, 0.07), (0.30, 0.10),
    )
)  # fmt: skip
LEVELS = (PRISTINE, *DISPLACED, *MISSING, *BOTH)
"""All levels of the paper's Table 2 and Supplementary Tables 2 and 3."""


def neighbour_distance(sample: Sample) -> float:
    """The typical distance of nearest neighbours of any species, d_NN, in Å.

    The most populated bin of a histogram of each atom's nearest distance, weighted by 1/r² (Leitherer 2021,
    Supplementary Methods, "Isotropic scaling").

    Raises:
        StructureError: the sample is a single atom.
    """
    nearest = _nearest(sample)
    if np.ptp(nearest) < SAME:
        return float(nearest.mean())
    counts, edges = np.histogram(nearest, bins=BINS)
    best = int((counts / edges[:-1] ** 2).argmax())
    return float(edges[best] + edges[best + 1]) / 2


def _nearest(sample: Sample) -> NDArray[np.float64]:
    """Distance of each atom to its nearest neighbour in Å, shape (n_atoms,)."""
    if isinstance(sample, Cluster):
        if len(sample) == 1:
            raise StructureError("is a single atom, which has no neighbours", sample.source)
        distances, _ = KDTree(sample.positions).query(sample.positions, k=2)
        return np.asarray(distances[:, 1])
    from pymatgen.optimization.neighbors import find_points_in_spheres

    coords = (sample.frac_coords - np.floor(sample.frac_coords)) @ sample.lattice
    nearest, radius = np.full(len(sample), np.inf), FIRST_RADIUS
    while np.isinf(nearest).any():
        seen, _, _, distances = find_points_in_spheres(
            coords, coords, r=radius, pbc=np.ones(3, dtype=np.int64), lattice=sample.lattice
        )
        others = distances > SAME  # every atom also finds itself
        np.minimum.at(nearest, seen[others], distances[others])
        radius *= 2
    return nearest


def displaced(sample: Sample, share: float, rng: np.random.Generator) -> Sample:
    """Move every atom by a random vector.

    Args:
        sample: at least two atoms, or a periodic one.
        share: δ; each Cartesian component is uniform between ±share · `neighbour_distance`.
        rng: random numbers.

    Raises:
        StructureError: the sample is a single atom.
    """
    reach = share * neighbour_distance(sample)
    shift = rng.uniform(-reach, reach, (len(sample), 3))
    if isinstance(sample, Cluster):
        return replace(sample, positions=sample.positions + shift)
    return replace(sample, frac_coords=sample.frac_coords + shift @ np.linalg.inv(sample.lattice))


def with_vacancies(sample: Sample, share: float, rng: np.random.Generator) -> Sample:
    """Take int(share · N) of N atoms away at random.

    Args:
        sample: what to take them from.
        share: η, at least 0 and less than 1.
        rng: random numbers.
    """
    kept = np.sort(rng.permutation(len(sample))[int(share * len(sample)) :])
    if isinstance(sample, Cluster):
        return replace(sample, positions=sample.positions[kept], numbers=sample.numbers[kept])
    return replace(sample, frac_coords=sample.frac_coords[kept], numbers=sample.numbers[kept])


def damaged(host: Variant, level: Level, repeat: int = 0, seed: int = 0) -> Variant:
    """A host with defects: atoms are displaced first, then taken away.

    The random numbers depend on the host, the level, the repeat and the seed alone, not on what else is
    damaged: part of a study gives the same structures as the whole.
    """
    what = f"{host.label} {host.periodic} {host.repeats} {level.displacement!r} {level.missing!r} {repeat}"
    rng = np.random.default_rng([seed, crc32(what.encode())])
    sample = host.sample
    if level.displacement:
        sample = displaced(sample, level.displacement, rng)
    if level.missing:
        sample = with_vacancies(sample, level.missing, rng)
    return replace(host, sample=sample)


def defective_samples(
    prototypes: Iterable[Prototype], level: Level, repeats: int = REPEATS, seed: int = 0
) -> Iterator[Variant]:
    """All damaged structures of a level, one by one: 588 × `repeats` for the paper's list."""
    for host in hosts(prototypes):
        for repeat in range(repeats):
            yield damaged(host, level, repeat, seed)
