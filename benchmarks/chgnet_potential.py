"""CHGNet's energies and forces, or its speed; run by potential.py in CHGNet's own environment."""

import json
import sys
import time
import warnings

import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)

from ase import Atoms  # noqa: E402
from chgnet.model import CHGNet  # noqa: E402
from pymatgen.io.ase import AseAtomsAdaptor  # noqa: E402

rows = [json.loads(text) for text in sys.stdin]
structures = [
    AseAtomsAdaptor.get_structure(Atoms(r["numbers"], positions=r["positions"], cell=r["cell"], pbc=True)) for r in rows
]
model = CHGNet.load(use_device="cpu", verbose=False)
model.graph_converter.on_isolated_atoms = "ignore"
if "--time" in sys.argv:
    model.predict_structure(structures[0], task="efs")
    start = time.process_time()
    for _ in range(3):
        model.predict_structure(structures[0], task="efs")
    print(3 * len(structures[0]) / (time.process_time() - start))
else:
    for structure in structures:
        answer = model.predict_structure(structure, task="ef")
        print(json.dumps({"energy": float(answer["e"]), "forces": answer["f"].tolist()}))
