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

from magnetite.clusters import Cluster, Sample
from magnetite.errors import StructureError
from magnetite.prototypes.neighbours import Surroundings
from magnetite.prototypes.scale import typical_distance
from magnetite.prototypes.supercells import Prototype, Variant, hosts

REPEATS = 10
"""Damaged copies of each supercell in the paper."""
FIRST_REACH = 4.0
"""Å; how far neighbours are looked for first."""


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

    @property
    def code(self) -> str:
        """Short name: % missing / % displaced, e.g. ``20/4``."""
        return f"{100 * self.missing:g}/{100 * self.displacement:g}"


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

    Raises:
        StructureError: the sample is a finite one of a single atom.
    """
    if isinstance(sample, Cluster) and len(sample) == 1:
        raise StructureError("is a single atom, which has no neighbours", sample.source)
    around = Surroundings.of(sample)
    alike = replace(around, numbers=np.ones_like(around.numbers))
    reach = FIRST_REACH
    while not np.isfinite(nearest := alike.nearest(1, 1, reach)).all():
        reach *= 2
    return typical_distance(nearest)


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
