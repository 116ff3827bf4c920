"""Structure labels of OVITO's methods on prototypes, as Leitherer 2021 counts them; for prototype_baselines.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from magnetite.evaluation.prototypes import Score
from magnetite.prototypes.defects import Level
from magnetite.prototypes.supercells import Variant
from magnetite.structures import Crystal

OVITO = ("PTM", "CNA", "a-CNA", "Ackland–Jones")
CLOSE_PACKED = {"fcc_Cu_A_cF4_225_a", "hcp_Mg_A_hP2_194_c", "bcc_W_A_cI2_229_a"}
PTM_CLASSES = CLOSE_PACKED | {
    "sc_alphaPo_A_cP1_221_a", "diam_C_A_cF8_227_a", "HexDiam_C_A_hP4_194_f", "C", "L10_CuAu", "L12_Cu3Au", "CsCl",
    "Zincblende_ZnS", "Wurtzite_ZnS", "BN",
}  # fmt: skip
"""The paper counts twelve: its script has CsCl, its text boron nitride."""
PLAIN_GROUPS = {"FCC": 225, "HCP": 194, "BCC": 229}
PTM_GROUPS = {
    ("FCC", "PURE"): 225, ("HCP", "PURE"): 194, ("BCC", "PURE"): 229, ("SC", "PURE"): 221,
    ("CUBIC_DIAMOND", "PURE"): 227, ("HEX_DIAMOND", "PURE"): 194, ("GRAPHENE", "PURE"): 191, ("FCC", "L10"): 123,
    ("FCC", "L12_A"): 221, ("FCC", "L12_B"): 221, ("BCC", "B2"): 221, ("CUBIC_DIAMOND", "ZINCBLENDE_WURTZITE"): 216,
    ("HEX_DIAMOND", "ZINCBLENDE_WURTZITE"): 186, ("GRAPHENE", "BORON_NITRIDE"): 187,
}  # fmt: skip
Scores = dict[str, Score]
"""Of each method."""
Labels = Callable[[Any], NDArray[np.int64]]


def ovito_methods() -> dict[str, Labels]:
    """What gives the space group of each atom (0: none) by each of OVITO's methods."""
    try:
        from ovito import modifiers as m
    except ImportError as error:
        raise SystemExit(f"OVITO cannot be imported ({error}): pip install ovito, or leave --methods ovito") from error
    ptm = m.PolyhedralTemplateMatchingModifier
    matching = ptm(output_ordering=True)
    for kind in ("SC", "CUBIC_DIAMOND", "HEX_DIAMOND", "GRAPHENE"):
        matching.structures[int(getattr(ptm.Type, kind))].enabled = True
    codes = {
        (int(getattr(ptm.Type, kind)), int(getattr(ptm.OrderingType, order))): group
        for (kind, order), group in PTM_GROUPS.items()
    }

    def by_template(data: Any) -> NDArray[np.int64]:
        data.apply(matching)
        kinds, orders = data.particles["Structure Type"][...], data.particles["Ordering Type"][...]
        return np.array([codes.get(pair, 0) for pair in zip(kinds.tolist(), orders.tolist(), strict=True)])

    def plain(modifier: Any, types: Any) -> Labels:
        groups = np.zeros(64, np.int64)
        for kind, group in PLAIN_GROUPS.items():
            groups[int(getattr(types, kind))] = group

        def label(data: Any) -> NDArray[np.int64]:
            data.apply(modifier)
            found: NDArray[np.int64] = groups[data.particles["Structure Type"][...]]
            return found

        return label

    cna, angles = m.CommonNeighborAnalysisModifier, m.AcklandJonesModifier
    found = (
        by_template,
        plain(cna(mode=cna.Mode.FixedCutoff), cna.Type),
        plain(cna(mode=cna.Mode.AdaptiveCutoff), cna.Type),
        plain(angles(), angles.Type),
    )
    return dict(zip(OVITO, found, strict=True))


def by_ovito(methods: dict[str, Labels], variants: Sequence[Variant], level: Level) -> Scores:
    """What share of the atoms each method labels right."""
    right: dict[str, Counter[str]] = {row: Counter() for row in methods}
    atoms: Counter[str] = Counter()
    for variant in tqdm(variants, desc=f"{level.code:>7} ovito"):
        atoms[variant.label] += len(variant.sample)
        if isinstance(variant.sample, Crystal):
            data = _collection(variant.sample)
            for row, label in methods.items():
                labelled = (label(data.clone()) == (variant.prototype.spacegroup or -1)).sum()
                right[row][variant.label] += int(labelled)
    return {
        row: Score(
            level, rows=atoms.total(), right=counts.total(), periodic_rows=atoms.total(), periodic_right=counts.total(),
            information_right=None, information_wrong=None, class_rows=dict(atoms),
            mistakes=[(name, "", atoms[name] - counts[name]) for name in atoms if counts[name] < atoms[name]],
        )
        for row, counts in right.items()
    }  # fmt: skip


def _collection(crystal: Crystal) -> Any:
    from ovito.data import DataCollection

    data = DataCollection()
    cell = np.zeros((3, 4))
    cell[:, :3] = crystal.lattice.T
    data.create_cell(cell, pbc=(True, True, True))
    particles = data.create_particles(count=len(crystal))
    particles.create_property("Position", data=crystal.frac_coords @ crystal.lattice)
    particles.create_property("Particle Type", data=crystal.numbers.astype(np.int32))
    return data
