"""Write the example structures from lattice constants of the textbooks: chemical cells, no moments.

Run ``python make_structures.py [folder]``. Lengths in Å, at room temperature unless said otherwise.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ase.io import write
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

CUBIC, HEXAGONAL, TETRAGONAL = Lattice.cubic, Lattice.hexagonal, Lattice.tetragonal
ORIGIN, BODY = (0, 0, 0), (0.5, 0.5, 0.5)
CLOSE_PACKED = (1 / 3, 2 / 3, 1 / 4)

# file: space group, lattice, {element: coordinates}, magnetic order found by experiment;
# a cif where its eight decimals suffice, which they do not for thirds
STRUCTURES = {
    "Fe.cif": ("Im-3m", CUBIC(2.866), {"Fe": ORIGIN}, "FM"),
    "Co.vasp": ("P6_3/mmc", HEXAGONAL(2.507, 4.069), {"Co": CLOSE_PACKED}, "FM"),
    "Ni.cif": ("Fm-3m", CUBIC(3.524), {"Ni": ORIGIN}, "FM"),
    "Cu.cif": ("Fm-3m", CUBIC(3.615), {"Cu": ORIGIN}, "NM"),
    "Si.cif": ("Fd-3m", CUBIC(5.431), {"Si": ORIGIN}, "NM"),
    "NaCl.extxyz": ("Fm-3m", CUBIC(5.640), {"Na": ORIGIN, "Cl": BODY}, "NM"),
    "NiO.cif": ("Fm-3m", CUBIC(4.177), {"Ni": ORIGIN, "O": BODY}, "AFM, k = (½ ½ ½)"),
    "EuO.vasp": ("Fm-3m", CUBIC(5.144), {"Eu": ORIGIN, "O": BODY}, "FM"),
    "GdN.extxyz": ("Fm-3m", CUBIC(4.98), {"Gd": ORIGIN, "N": BODY}, "FM"),
    "MnF2.cif": ("P4_2/mnm", TETRAGONAL(4.874, 3.310), {"Mn": ORIGIN, "F": (0.305, 0.305, 0)}, "AFM, k = 0"),
    "MnTe.vasp": ("P6_3/mmc", HEXAGONAL(4.148, 6.711), {"Mn": ORIGIN, "Te": CLOSE_PACKED}, "AFM, k = 0"),
    "Cr2O3.cif": ("R-3c", HEXAGONAL(4.959, 13.594), {"Cr": (0, 0, 0.3475), "O": (0.3058, 0, 0.25)}, "AFM, k = 0"),
    "Fe2O3.cif": ("R-3c", HEXAGONAL(5.038, 13.772), {"Fe": (0, 0, 0.3553), "O": (0.3059, 0, 0.25)}, "AFM, k = 0"),
    # The second origin, at the inversion centre; Fe on tetrahedral and octahedral sites.
    "Fe3O4.cif": (
        "Fd-3m:2",
        CUBIC(8.396),
        {"Fe A": (1 / 8, 1 / 8, 1 / 8), "Fe B": BODY, "O": (0.2549, 0.2549, 0.2549)},
        "FiM",
    ),
    # The phase below 210 K, iodine on ideal close packing.
    "CrI3.vasp": ("R-3", HEXAGONAL(6.867, 19.807), {"Cr": (0, 0, 1 / 3), "I": (1 / 3, 0, 0.0789)}, "FM"),
}


def build(name: str) -> Structure:
    """The primitive chemical cell of one of `STRUCTURES`."""
    group, lattice, sites, _ = STRUCTURES[name]
    elements = [element.split()[0] for element in sites]
    return Structure.from_spacegroup(group, lattice, elements, list(sites.values())).get_primitive_structure()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in STRUCTURES:
        structure = build(name)
        if name.endswith(".extxyz"):
            write(folder / name, AseAtomsAdaptor.get_atoms(structure, msonable=False))
        else:
            structure.to(folder / name, fmt="poscar" if name.endswith(".vasp") else "cif")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "structures")
