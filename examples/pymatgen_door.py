"""Magnetite inside pymatgen: a method on every structure, and a predictor that decorates one."""

from pathlib import Path

from pymatgen.core import Structure

import magnetite  # noqa: F401  (puts analyze_magnetism on pymatgen's structures)
from pymatgen.analysis.magnetic_order import MagneticOrderPredictor

structures = Path(__file__).parent / "structures"

print(Structure.from_file(structures / "NiO.cif").analyze_magnetism())

predictor = MagneticOrderPredictor(Structure.from_file(structures / "Fe3O4.cif"))
print("\nordering:", predictor.ordering, " magnetic:", predictor.is_magnetic)
print("magnetic species and |m| in μB:", predictor.magnetic_species_and_magmoms)

decorated = predictor.get_decorated_structure()
print("decorated:", ", ".join([*decorated.properties, *decorated.site_properties]))
