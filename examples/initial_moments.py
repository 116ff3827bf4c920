"""Initial moments for DFT: the most probable order in the smallest cell that repeats it, and the alternatives."""

from pathlib import Path

from ase.io import read

import magnetite
from magnetite_ase import set_initial_moments

structures = Path(__file__).parent / "structures"

report = magnetite.analyze_magnetism(structures / "NiO.cif")
order = report.initial_order()
print(f"NiO, predicted {report.label}: {order}\n  {order.vasp_magmom()}")

print("\nAll that is worth a calculation:")
for proposed in magnetite.propose_orders(structures / "MnF2.cif", limit=4):
    print(f"  {proposed}")

atoms = read(structures / "Fe.cif")
set_initial_moments(atoms)
print("\nbcc iron starts from", atoms.get_initial_magnetic_moments().round(1), "μB")

print("pymatgen's structure carries", order.to_structure().site_properties["magmom"])
