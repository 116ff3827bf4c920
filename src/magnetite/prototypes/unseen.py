"""Structures of types that the classifier of the paper never learned, and what it answered.

Leitherer 2021, Supplementary Note 3: forced to choose among classes of which none is right, a network shows what
it finds alike. The paper takes them from the AFLOW library; they are built here from the literature it cites.
The compound mp-684691 of the note is left out: its coordinates are printed nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

Site = tuple[str, float, float, float]


@dataclass(frozen=True)
class Unseen:
    """One crystal.

    Attributes:
        name: what it is called.
        aflow: label in the AFLOW library.
        spacegroup: symbol.
        lengths: a, b, c in Å.
        sites: element and fractional coordinates of each distinct atom.
        reference: where the geometry was measured.
        answers: labels that the paper reports, most similar first, as far as it names them.
        probability: of the first, where the paper prints it.
        mutual_information: in bits, where the paper prints it.
        hexagonal: whether γ is 120° rather than 90°.
    """

    name: str
    aflow: str
    spacegroup: str
    lengths: tuple[float, float, float]
    sites: Sequence[Site]
    reference: str
    answers: tuple[str, ...]
    probability: float | None = None
    mutual_information: float | None = None
    hexagonal: bool = False

    def build(self) -> Structure:
        """The conventional cell."""
        from pymatgen.core.lattice import Lattice
        from pymatgen.core.structure import Structure

        lattice = Lattice.from_parameters(*self.lengths, 90, 90, 120 if self.hexagonal else 90)
        species, coords = [site[0] for site in self.sites], [site[1:] for site in self.sites]
        return Structure.from_spacegroup(self.spacegroup, lattice, species, coords)


UNSEEN = (
    Unseen(
        "fluorite CaF2", "AB2_cF12_225_a_c", "Fm-3m", (5.4631, 5.4631, 5.4631),
        [("Ca", 0, 0, 0), ("F", 0.25, 0.25, 0.25)],
        "Speziale & Duffy, Phys. Chem. Miner. 29, 465 (2002)",
        ("CsCl", "RockSalt_NaCl", "3_halides_tetragonal"),
    ),
    Unseen(
        "tungsten carbide WC", "AB_hP2_187_d_a", "P-6m2", (2.9065, 2.9065, 2.8366),
        [("W", 0, 0, 0), ("C", 1 / 3, 2 / 3, 0.5)],
        "Leciejewicz, Acta Cryst. 14, 200 (1961)",
        ("FeSi",), hexagonal=True,
    ),
    Unseen(
        "hexagonal BN", "AB_hP4_194_c_d", "P6_3/mmc", (2.50399, 2.50399, 6.6612),
        [("B", 1 / 3, 2 / 3, 0.25), ("N", 1 / 3, 2 / 3, 0.75)],
        "Pease, Acta Cryst. 5, 356 (1952)",
        ("HexGraph_C_A_hP4_194_bc",), 0.6332, 0.7278, hexagonal=True,
    ),
    Unseen(
        "cementite Fe3C", "AB3_oP16_62_c_cd", "Pnma", (5.09, 6.748, 4.523),
        [("Fe", 0.036, 0.25, 0.852), ("Fe", 0.186, 0.063, 0.328), ("C", 0.89, 0.25, 0.45)],
        "Herbstein & Smuts, Acta Cryst. 17, 1331 (1964)",
        ("MnP",), 0.4914, 0.7176,
    ),
    Unseen(
        "CuTi3 (L6_0)", "AB3_tP4_123_a_ce", "P4/mmm", (4.158, 4.158, 3.594),
        [("Cu", 0, 0, 0), ("Ti", 0.5, 0.5, 0), ("Ti", 0, 0.5, 0.5)],
        "Karlsson, J. Inst. Met. 79, 391 (1951)",
        ("bctAlphaPa_Pa_A_tI2_139_a",), 0.7841, 0.8539,
    ),
    Unseen(
        "benzene C6H6", "AB_oP48_61_3c_3c", "Pbca", (7.44, 9.55, 6.92),
        [
            ("C", -0.0569, 0.1387, -0.0054), ("C", -0.1335, 0.0460, 0.1264), ("C", -0.0774, -0.0925, 0.1295),
            ("H", -0.0976, 0.2447, -0.0177), ("H", -0.2409, 0.0794, 0.2218), ("H", -0.1371, -0.1631, 0.2312),
        ],
        "Bacon, Curry & Wilson, Proc. R. Soc. A 279, 98 (1964), at 218 K",
        ("chiral_cnt_nm_5_2_16.1_4.89",), 0.6848, 0.6249,
    ),
    Unseen(
        "rutile TiO2", "A2B_tP6_136_f_a", "P4_2/mnm", (4.5922, 4.5922, 2.9574),
        [("Ti", 0, 0, 0), ("O", 0.30496, 0.30496, 0)],
        "Swope, Smyth & Larson, Am. Mineral. 80, 448 (1995)",
        ("3_halides_orthorhombic",), 0.4462, 0.8733,
    ),
    Unseen(
        "NbO", "AB_cP6_221_c_d", "Pm-3m", (4.2101, 4.2101, 4.2101),
        [("Nb", 0, 0.5, 0.5), ("O", 0.5, 0, 0)],
        "Bowman, Wallace, Yarnell & Wenzel, Acta Cryst. 21, 843 (1966)",
        ("RockSalt_NaCl",), 0.9996, 0.0027,
    ),
    Unseen(
        "moissanite 4H-SiC", "AB_hP8_186_ab_ab", "P6_3mc", (3.08051, 3.08051, 10.0848),
        [("Si", 0, 0, 0), ("Si", 1 / 3, 2 / 3, 0.25018), ("C", 0, 0, 0.31216), ("C", 1 / 3, 2 / 3, 0.06329)],
        "Bauer et al., Phys. Rev. B 57, 2647 (1998)",
        ("Wurtzite_ZnS",), 0.9974, 0.0166, hexagonal=True,
    ),
    Unseen(
        "K2PtCl6", "A6B2C_cF36_225_e_c_a", "Fm-3m", (9.73, 9.73, 9.73),
        [("Pt", 0, 0, 0), ("K", 0.25, 0.25, 0.25), ("Cl", 0.24, 0, 0)],
        "Ewing & Pauling, Z. Kristallogr. 68, 223 (1928)",
        ("RockSalt_NaCl",), 0.614, 0.5402,
    ),
)  # fmt: skip
"""The list of Supplementary Note 3; of the first two the paper prints no numbers."""
