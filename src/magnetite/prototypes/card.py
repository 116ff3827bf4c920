"""The words of a classifier's card; the figures are measured when it is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ase.data import chemical_symbols

from magnetite.elements import MAX_ATOMIC_NUMBER
from magnetite.prototypes.classes import StructureClass

PAPER = "Leitherer, Ziletti & Ghiringhelli, Nat. Commun. 12, 6234 (2021), doi 10.1038/s41467-021-26511-5"


def describe_model(name: str, classes: Sequence[StructureClass], rows: int) -> dict[str, Any]:
    """The card's content but for weights, figures and settings.

    Args:
        name: of the model.
        classes: all classes.
        rows: of the training table.
    """
    return {
        "name": name,
        "version": "0.4.1",
        "family": "prototypes",
        "description": (
            f"Structure type, one of {len(classes)}, with uncertainty, of a crystal, layer, tube or finite piece: a "
            "Bayesian network (Monte Carlo dropout) on an averaged SOAP descriptor, trained on ideal structures alone."
        ),
        "licence": "MIT (weights and code); prototypes CC-BY 4.0",
        "elements": chemical_symbols[1 : MAX_ATOMIC_NUMBER + 1],
        "labels": (
            "Prototypes of bulk crystals, 2D materials and carbon nanotubes, as in Supplementary Tables 4-8 of the "
            f"paper ({PAPER}). The label says which ideal arrangement a sample resembles most; elements play no role "
            "but for which atoms are of the same one."
        ),
        "training_data": [
            {
                "name": f"prototypes of {PAPER}; AFLOW, Computational Materials Repository, ASE",
                "rows": rows,
                "licence": "CC-BY 4.0",
            }
        ],
        "split": (
            "Rows (ideal samples at several cutoffs, widths and scalings) are split 80/20, stratified by class, "
            "seed 42; the best epoch on the 20 % is kept, then refitted to all rows. Four networks from four seeds "
            "answer together. No damaged structure is trained on. Figures for damaged structures are no blind test: "
            "all 21 levels of damage were looked at while settings were tried. Settings, seeds and the number of "
            "networks were chosen by validation on ideal rows, the refit with seven of those levels in view; the "
            "cutoffs that predictions look under, and how the scale of a sample is found, with damaged copies "
            "from other seeds in view; that the paper's cutoff counts twice with the level of 10 %/1 % in view as well."
        ),
        "limits": [
            (
                "It answers with the most similar of its classes, also for structures that are none of them: "
                "heed the mutual information and the warnings."
            ),
            (
                "Closely related classes (hexagonal and rhombohedral graphite, dhcp and α-Sm, several layers) are "
                "the first to be confused in defective samples."
            ),
            (
                "Elements only say which atoms are alike: a solid solution must be given one element a sublattice, "
                "or it is taken for an ordered compound."
            ),
            "Finite samples of fewer than about 100 atoms are mostly surface, which it never learned.",
            "Space group and Strukturbericht are those of the ideal prototype, not measured on the sample.",
        ],
    }
