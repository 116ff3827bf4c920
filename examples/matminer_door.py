"""Magnetite inside matminer: a column of structures becomes columns of features."""

from pathlib import Path

import pandas as pd
from matminer.featurizers.base import MultipleFeaturizer
from matminer.featurizers.structure import DensityFeatures
from pymatgen.core import Structure

from magnetite_matminer import MagneticOrderFeaturizer

paths = sorted((Path(__file__).parent / "structures").glob("*.cif"))
table = pd.DataFrame({"structure": [Structure.from_file(path) for path in paths]}, index=[p.stem for p in paths])

magnetism = MagneticOrderFeaturizer.from_preset("all")
density = DensityFeatures(desired_features=["density"])
density.set_n_jobs(1)
# Featurizer by featurizer, so that Magnetite sees the whole column at once.
features = MultipleFeaturizer([magnetism, density], iterate_over_entries=False)

table = features.featurize_dataframe(table, "structure", ignore_errors=True, pbar=False)
print(table.drop(columns="structure").round(2).to_string())
