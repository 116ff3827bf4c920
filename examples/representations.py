"""The same crystals in several representations: what a vector holds, what it costs to ask for, what it cannot see."""

from pathlib import Path

import numpy as np

import magnetite
from magnetite.representations import crystal_graph
from magnetite.representations.similarity import most_alike

structures = Path(__file__).parent / "structures"

# Any representation of the catalogue by its name, from anything that the package reads.
for name in ("one-hot", "mat2vec", "soap", "order-body"):
    rutile, rocksalt = (magnetite.represent(structures / f"{f}.cif", name) for f in ("MnF2", "NiO"))
    cosine = rutile @ rocksalt / np.linalg.norm(rutile) / np.linalg.norm(rocksalt)
    print(f"{name:<12} {len(rutile):>5} numbers, MnF2 and NiO alike to {cosine:.2f}")

# Options are those of the library behind it.
pooled = magnetite.represent(structures / "Fe2O3.cif", "megnet16", pooling=("mean", "max"))
print(f"\nFe2O3, mean and maximum of MEGNet's element vectors: {len(pooled)} numbers")

# The crystal graph for other libraries; to_pyg() gives a torch_geometric.data.Data.
graph = crystal_graph(structures / "NiO.cif").to_networkx()
print(f"NiO as a graph: {graph.number_of_nodes()} atoms, {graph.number_of_edges()} edges")

alike = ", ".join(f"{symbol} {value:.2f}" for symbol, value in most_alike("Fe", "skipatom", count=3))
print(f"most like iron to SkipAtom: {alike}")
