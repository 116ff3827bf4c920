"""Magnetite inside ASE: a calculator with standard moments, and annotations that files keep."""

import tempfile
from pathlib import Path

from ase.calculators.calculator import PropertyNotImplementedError
from ase.io import read, write

from magnetite_ase import MagnetismCalculator, stored_report

structures = Path(__file__).parent / "structures"
calculator = MagnetismCalculator()

for name in ("Fe.cif", "MnF2.cif", "NaCl.extxyz"):
    atoms = read(structures / name)
    atoms.calc = calculator
    print(calculator.get_report(atoms))
    try:
        moments = atoms.get_magnetic_moments().round(2)
        print(f"  moments        {moments} μB, {atoms.get_magnetic_moment():.2f} μB in all\n")
    except PropertyNotImplementedError as error:  # antiferromagnets: magnitudes only
        print(f"  moments        {error}\n")

calculator.annotate(atoms)
with tempfile.TemporaryDirectory() as folder:
    write(f"{folder}/annotated.extxyz", atoms)
    again = read(f"{folder}/annotated.extxyz")
print("read back:", again.info["magnetite_ordering"], "by", stored_report(again).model)
