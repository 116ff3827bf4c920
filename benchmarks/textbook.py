"""What a newcomer tries first: textbook magnets and non-magnets, built from lattice constants.

    python benchmarks/textbook.py [--model NAME]

Prints one line for each crystal: expected and predicted order, the probabilities, and whether a
wrong answer came with a warning. Orders are those of experiment at low temperature; FM stands for
FM or FiM; k is zero (0), non-zero (q) or not asked (-).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pymatgen.core import Lattice, Structure

import magnetite

Entry = tuple[str, Structure, str, str]

ROCKSALTS = """NaCl 5.640 NM - MgO 4.212 NM - LiF 4.026 NM - TiN 4.240 NM - VN 4.139 NM - PbTe 6.462 NM -
MnO 4.445 AFM q FeO 4.332 AFM q CoO 4.261 AFM q NiO 4.177 AFM q MnS 5.224 AFM q CrN 4.148 AFM q
EuO 5.141 FM 0 EuS 5.968 FM 0 EuTe 6.598 AFM q GdN 4.999 FM 0 UN 4.889 AFM q"""
BCC = "Fe 2.866 FM 0 Cr 2.885 AFM q W 3.165 NM - Na 4.291 NM - V 3.030 NM - Nb 3.300 NM - Mo 3.147 NM - Eu 4.581 AFM q"
FCC = "Ni 3.524 FM 0 Cu 3.615 NM - Al 4.050 NM - Ag 4.086 NM - Au 4.078 NM - Pt 3.924 NM - Pd 3.890 NM -"
HCP = """Co 2.507 4.069 FM 0 Gd 3.636 5.783 FM 0 Ti 2.951 4.684 NM - Zn 2.665 4.947 NM - Mg 3.209 5.211 NM -
Tb 3.605 5.697 FM 0"""
DIAMONDS = "C 3.567 NM - Si 5.431 NM - Ge 5.658 NM -"
ZINCBLENDES = "GaAs 5.653 NM - ZnS 5.409 NM - CuCl 5.416 NM -"
CSCL = "CsCl 4.123 NM - NiAl 2.887 NM - FeCo 2.857 FM 0 FeRh 2.987 AFM q"
L10 = "FePt 2.724 3.712 FM 0 MnPt 2.830 3.670 AFM 0 CoPt 2.692 3.701 FM 0 MnAl 2.770 3.570 FM 0"
L12 = "MnIr3 3.780 AFM - FePt3 3.864 AFM - FeNi3 3.545 FM 0 AlNi3 3.572 FM -"
HEUSLERS = "MnCo2Si 5.654 FM 0 MnCu2Al 5.949 FM 0 MnNi2Ga 5.825 FM 0 VFe2Al 5.761 NM - MnRh2Sn 6.239 FM 0"
RUTILES = """MnF2 4.873 3.310 AFM 0 FeF2 4.697 3.309 AFM 0 CoF2 4.695 3.179 AFM 0 NiF2 4.651 3.084 AFM 0
CrO2 4.421 2.917 FM 0 TiO2 4.594 2.959 NM - SnO2 4.737 3.186 NM - MgF2 4.621 3.052 NM -"""
CORUNDA = "Cr2O3 4.961 13.599 AFM 0 Fe2O3 5.036 13.749 AFM 0 Al2O3 4.759 12.991 NM - Ti2O3 5.149 13.642 NM -"
PEROVSKITES = """SrTiO3 3.905 NM - BaTiO3 4.000 NM - LaAlO3 3.790 NM - KMnF3 4.190 AFM q KFeF3 4.122 AFM q
KCoF3 4.071 AFM q KNiF3 4.013 AFM q SrRuO3 3.930 FM 0 SrFeO3 3.850 AFM q"""
SPINELS = "MgAl2O4 8.083 NM - ZnCr2O4 8.327 AFM q MnFe2O4 8.511 FM 0 FeFe2O4 8.396 FM 0 CdCr2S4 10.24 FM 0"
FLUORITES = "CaF2 5.463 NM - CeO2 5.411 NM - UO2 5.471 AFM q"
PYRITES = "FeS2 5.418 0.385 NM - CoS2 5.538 0.390 FM 0 MnS2 6.104 0.401 AFM q NiS2 5.687 0.394 AFM -"
NIAS = "MnTe 4.148 6.711 AFM 0 MnAs 3.720 5.702 FM 0 MnSb 4.140 5.790 FM 0 CoS 3.370 5.160 NM - CrSb 4.127 5.451 AFM 0"
CDCL2 = "MnCl2 3.711 17.590 AFM q FeCl2 3.598 17.536 AFM q NiCl2 3.483 17.400 AFM q MgCl2 3.641 17.673 NM -"
CACU5 = "SmCo5 4.989 3.981 FM 0 YCo5 4.928 3.992 FM 0 GdCo5 4.960 3.970 FM 0 LaNi5 5.017 3.986 NM -"
LAVES = "YFe2 7.363 FM 0 GdAl2 7.900 FM 0 GdFe2 7.396 FM 0 LaAl2 8.148 NM - TbAl2 7.864 FM 0 YCo2 7.215 NM -"


def _cubic(group: str, a: float, species: list[str], coords: list[list[float]]) -> Structure:
    return Structure.from_spacegroup(group, Lattice.cubic(a), species, coords)


def _split(formula: str) -> list[str]:
    """Element symbols of a formula in the order in which they are written."""
    import re

    return re.findall(r"[A-Z][a-z]?", formula)


def _rows(table: str, numbers: int) -> Iterator[tuple[str, list[str], list[float], str, str]]:
    words = table.split()
    step = numbers + 3
    for start in range(0, len(words), step):
        formula, *values, order, k = words[start : start + step]
        yield formula, _split(formula), [float(v) for v in values], order, k


def one_constant() -> Iterator[Entry]:
    """Prototypes with a single lattice constant."""
    h, q, e = 0.5, 0.25, 0.625
    prototypes = [
        (ROCKSALTS, "Fm-3m", [[0, 0, 0], [h, h, h]]),
        (BCC, "Im-3m", [[0, 0, 0]]),
        (FCC, "Fm-3m", [[0, 0, 0]]),
        (DIAMONDS, "Fd-3m", [[0, 0, 0]]),
        (ZINCBLENDES, "F-43m", [[0, 0, 0], [q, q, q]]),
        (CSCL, "Pm-3m", [[0, 0, 0], [h, h, h]]),
        (L12, "Pm-3m", [[0, 0, 0], [h, h, 0]]),
        (HEUSLERS, "Fm-3m", [[0, 0, 0], [q, q, q], [h, h, h]]),
        (PEROVSKITES, "Pm-3m", [[h, h, h], [0, 0, 0], [h, 0, 0]]),
        (SPINELS, "Fd-3m", [[0, 0, 0], [e, e, e], [0.3872, 0.3872, 0.3872]]),
        (FLUORITES, "Fm-3m", [[0, 0, 0], [q, q, q]]),
        (LAVES, "Fd-3m", [[0, 0, 0], [e, e, e]]),
    ]
    for table, group, coords in prototypes:
        for formula, species, (a,), order, k in _rows(table, 1):
            yield formula, _cubic(group, a, species, coords), order, k


def two_constants() -> Iterator[Entry]:
    """Prototypes with two constants: a and c, or a and a position."""
    third = [1 / 3, 2 / 3]
    for formula, species, (a, c), order, k in _rows(HCP, 2):
        lattice = Lattice.hexagonal(a, c)
        yield formula, Structure.from_spacegroup("P6_3/mmc", lattice, species, [[*third, 0.25]]), order, k
    for formula, species, (a, c), order, k in _rows(L10, 2):
        lattice = Lattice.tetragonal(a, c)
        yield formula, Structure.from_spacegroup("P4/mmm", lattice, species, [[0, 0, 0], [0.5] * 3]), order, k
    for formula, species, (a, c), order, k in _rows(RUTILES, 2):
        lattice, coords = Lattice.tetragonal(a, c), [[0, 0, 0], [0.305, 0.305, 0]]
        yield formula, Structure.from_spacegroup("P4_2/mnm", lattice, species, coords), order, k
    for formula, species, (a, c), order, k in _rows(CORUNDA, 2):
        lattice, coords = Lattice.hexagonal(a, c), [[0, 0, 0.35], [0.306, 0, 0.25]]
        yield formula, Structure.from_spacegroup("R-3c", lattice, species, coords), order, k
    for formula, species, (a, u), order, k in _rows(PYRITES, 2):
        yield formula, _cubic("Pa-3", a, species, [[0, 0, 0], [u, u, u]]), order, k
    for formula, species, (a, c), order, k in _rows(NIAS, 2):
        lattice, coords = Lattice.hexagonal(a, c), [[0, 0, 0], [*third, 0.25]]
        yield formula, Structure.from_spacegroup("P6_3/mmc", lattice, species, coords), order, k
    for formula, species, (a, c), order, k in _rows(CDCL2, 2):
        lattice, coords = Lattice.hexagonal(a, c), [[0, 0, 0], [0, 0, 0.2543]]
        yield formula, Structure.from_spacegroup("R-3m", lattice, species, coords), order, k
    for formula, (first, second), (a, c), order, k in _rows(CACU5, 2):
        lattice, species = Lattice.hexagonal(a, c), [first, second, second]
        coords = [[0, 0, 0], [*third, 0], [0.5, 0, 0.5]]
        yield formula, Structure.from_spacegroup("P6/mmm", lattice, species, coords), order, k


def special() -> Iterator[Entry]:
    """Single crystals with more to say."""
    make = Structure.from_spacegroup
    yield "Cu2O", _cubic("Pn-3m", 4.270, ["Cu", "O"], [[0.25] * 3, [0, 0, 0]]), "NM", "-"
    yield "CuO", make(
        "C2/c", Lattice.monoclinic(4.684, 3.423, 5.129, 99.54), ["Cu", "O"], [[0.25, 0.25, 0], [0, 0.4184, 0.25]]
    ), "AFM", "q"  # fmt: skip
    yield "MoS2", make(
        "P6_3/mmc", Lattice.hexagonal(3.160, 12.294), ["Mo", "S"], [[1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, 0.621]]
    ), "NM", "-"  # fmt: skip
    yield "CrI3", make(
        "R-3", Lattice.hexagonal(6.867, 19.807), ["Cr", "I"], [[0, 0, 0.3333], [0.6507, 0.0, 0.0790]]
    ), "FM", "0"  # fmt: skip
    yield "Mn3Sn", make(
        "P6_3/mmc", Lattice.hexagonal(5.665, 4.531), ["Mn", "Sn"], [[0.8388, 0.6776, 0.25], [1 / 3, 2 / 3, 0.25]]
    ), "AFM", "0"  # fmt: skip
    yield "BaFe2As2", make(
        "I4/mmm", Lattice.tetragonal(3.963, 13.017), ["Ba", "Fe", "As"], [[0, 0, 0], [0, 0.5, 0.25], [0, 0, 0.3545]]
    ), "AFM", "q"  # fmt: skip
    yield "LaFeAsO", make(
        "P4/nmm", Lattice.tetragonal(4.035, 8.741), ["La", "Fe", "As", "O"],
        [[0, 0.5, 0.1415], [0, 0, 0.5], [0, 0.5, 0.6512], [0, 0, 0]],
    ), "AFM", "q"  # fmt: skip
    yield "LiFePO4", make(
        "Pnma", Lattice.orthorhombic(10.33, 6.01, 4.69), ["Li", "Fe", "P", "O", "O", "O"],
        [[0, 0, 0], [0.282, 0.25, 0.975], [0.095, 0.25, 0.418], [0.097, 0.25, 0.743], [0.457, 0.25, 0.206],
         [0.166, 0.046, 0.285]],
    ), "AFM", "0"  # fmt: skip
    yield "Y3Fe5O12", _cubic(
        "Ia-3d", 12.376, ["Y", "Fe", "Fe", "O"],
        [[0.125, 0, 0.25], [0, 0, 0], [0.375, 0, 0.25], [-0.0274, 0.0572, 0.1495]],
    ), "FM", "0"  # fmt: skip
    yield "Nd2Fe14B", make(
        "P4_2/mnm", Lattice.tetragonal(8.80, 12.20), ["Nd", "Nd", *["Fe"] * 6, "B"],
        [[0.268, 0.268, 0], [0.140, -0.140, 0], [0.223, 0.567, 0.127], [0.037, 0.360, 0.176], [0.098, 0.098, 0.204],
         [0.317, 0.317, 0.246], [0.5, 0.5, 0.114], [0, 0.5, 0], [0.371, -0.371, 0]],
    ), "FM", "0"  # fmt: skip
    yield "MnSi", _cubic("P2_13", 4.560, ["Mn", "Si"], [[0.137] * 3, [0.845] * 3]), "FM", "-"
    yield "FeSi", _cubic("P2_13", 4.488, ["Fe", "Si"], [[0.137] * 3, [0.842] * 3]), "NM", "-"


def entries() -> Iterator[Entry]:
    """All textbook crystals."""
    yield from one_constant()
    yield from two_constants()
    yield from special()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="magnetism", help="name or card (default: magnetism)")
    args = parser.parse_args()
    crystals = list(entries())
    reports = list(magnetite.analyze_many([entry[1] for entry in crystals], model=args.model, device="cpu"))
    right = silent = asked = k_right = 0
    print("| crystal | expected | predicted | NM | AFM | FM | k = 0 | expected k | |\n" + "| --- " * 9 + "|")
    for (name, _, order, k), report in zip(crystals, reports, strict=True):
        hit = report.label == order
        right += hit
        silent += not hit and not report.warnings
        p = report.probabilities
        if k != "-":
            asked += 1
            k_right += (report.zero_k_probability >= 0.5) == (k == "0")
        remark = "" if hit else ("wrong, warned" if report.warnings else "wrong, no warning")
        shares = " | ".join(f"{p[c]:.2f}" for c in ("NM", "AFM", "FM"))
        print(f"| {name} | {order} | {report.label} | {shares} | {report.zero_k_probability:.2f} | {k} | {remark} |")
    print(f"\nright: {right} of {len(crystals)}; wrong without a warning: {silent}; k right: {k_right} of {asked}")


if __name__ == "__main__":
    main()
