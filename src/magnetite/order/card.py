"""The words of the order model's card; the figures are measured when it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from magnetite.datasets.magnetic import Example
from magnetite.evaluation.order import measure
from magnetite.order.calibration import Calibration
from magnetite.order.network import MagnetismNetwork
from magnetite.order.tasks import CONFIRMED

FAST = "magnetism"
VERSION = "0.9.0"
BODIES = ("one equivariant network (e3nn)", "several equivariant networks (e3nn) that answer together")
PRETRAINED = " A body first learned to name elements hidden in structures without labels, of folds 2 to 9 alone."
SOURCES = {
    "ggau": (
        "Materials Project, GGA+U chemistry with DFT moments (Sanspeur & Kitchin 2024; MP workflow 2025)",
        "CC-BY 4.0",
    ),
    "other": (
        "Materials Project outside GGA+U: computed magnets, and non-magnets by inference (CHGNet max |m| < 0.1)",
        "CC-BY 4.0",
    ),
    "quiet": (
        "Materials Project structures of elements without reason for magnetism, taken as non-magnetic",
        "CC-BY 4.0",
    ),
    "confirmed": (
        "Of those outside GGA+U: computed ferromagnets whose formula has a measured Curie temperature",
        "MIT",
    ),
    "measured": (
        "MAGNDATA (Bilbao Crystallographic Server): refined magnetic structures, chemical cells only",
        "none stated",
    ),
}  # fmt: skip


def describe(
    network: MagnetismNetwork,
    examples: Sequence[Example],
    calibration: Calibration,
    device: torch.device,
    *,
    pretrained: bool = False,
) -> dict[str, Any]:
    """The card's content but for weights, elements and settings, with figures on the test split."""
    counts = Counter(e.stratum for e in examples)
    counts[CONFIRMED[0]] = sum(e.has_curie and (e.stratum, e.order) == ("other", CONFIRMED[1]) for e in examples)
    return {
        "name": FAST,
        "version": VERSION,
        "family": "order",
        "description": (
            "Magnetic order (NM, AFM, FM/FiM), zero or non-zero propagation vector and |m| of each site from the "
            f"primitive chemical cell: {BODIES[network.config.companions > 0]} on an adaptive neighbour graph, and "
            "trees that know the magnetic sublattice and how compounds of the same structure type were computed."
        ),
        "licence": "MIT (weights and code)",
        "labels": (
            "NM: non-magnetic; AFM: moments cancel; FM: ferro- or ferrimagnetic. From DFT moments of the Materials "
            "Project, NM by inference; orders of MAGNDATA from neutron refinement. Zero k: every propagation vector of "
            "the refined magnetic structure is zero. |m|: DFT site moment in μB."
        ),
        "training_data": [
            {"name": name, "rows": counts[stratum], "licence": licence}
            for stratum, (name, licence) in SOURCES.items()
            if counts[stratum]
        ],
        "split": (
            "By reduced formula, one split for all sets: fold 0 of 10 is the test, fold 1 the validation split, "
            "elements always train. The body never saw a formula of MAGNDATA; members for k are measured out of fold."
            f"{PRETRAINED * pretrained}"
        ),
        "metrics": [m.as_dict() for m in measure(network, examples, calibration, device)],
        "limits": [
            "NM labels are inferred, and the inference removed hard cases: NM scores look better than they should.",
            "Most FM labels are calculations that tried no other order; 94 % agree with a later search over orders.",
            "One in twelve computed magnets outside GGA+U flew apart, to over 100 Å³ per atom: networks learned none.",
            "Cells of more than 30 sites were rarely searched for AFM orders: as the labels do, the model leans to FM.",
            "Outside oxides and fluorides AFM examples are few (about 400 computed): FM may be over-called.",
            "4f electrons of Pr, Nd, Sm, Tb, Dy, Ho, Er, Tm were frozen in the calculations: |m| lacks the 4f part.",
            "FM and FiM are one class; signs are not the network's answer: propose_orders ranks patterns.",
            "Computed moments of some iron-rich metals have collapsed to nearly zero: |m| is uncertain there.",
            "Incommensurate structures are not in the training data.",
            "DFT ground states (GGA, GGA+U at 0 K) are not experiments; see the accuracy against experiment.",
        ],
    }
