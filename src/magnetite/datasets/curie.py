"""Compositions with a measured Curie temperature: ferro- and ferrimagnets by experiment."""

from __future__ import annotations

import csv
import re
from pathlib import Path

TEMPERATURE = re.compile(r"([\d.]+) K")


def curie_formulas(folder: Path) -> frozenset[str]:
    """Reduced formulas with at least one Curie temperature above 0 K; empty without the folder.

    Args:
        folder: with tables (``*.tsv``) that have the columns ``wChemicalFormula`` and ``wCurieTemperature``
            (temperatures in K, separated by semicolons).
    """
    from pymatgen.core.composition import Composition

    found = set()
    for path in sorted(folder.glob("*.tsv")):
        with path.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                temperatures = [float(t) for t in TEMPERATURE.findall(row["wCurieTemperature"] or "")]
                if not any(temperatures):
                    continue
                try:
                    found.add(str(Composition(row["wChemicalFormula"]).reduced_formula))
                except ValueError:  # alloys written with symbols for amounts
                    continue
    return frozenset(found)
