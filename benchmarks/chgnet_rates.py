"""CHGNet's structures per second for magnetic moments; run by speed.py in CHGNet's own environment."""

import json
import sys
import time
import warnings

import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)

from chgnet.model import CHGNet  # noqa: E402
from pymatgen.core import Structure  # noqa: E402

rows = [json.loads(line) for line in sys.stdin]
structures = [Structure(row["lattice"], row["species"], row["frac_coords"]) for row in rows]
model = CHGNet.load(use_device="cpu", verbose=False)
model.graph_converter.on_isolated_atoms = "ignore"  # as we do, instead of stopping
model.predict_structure(structures[:4], task="em")
rates = dict.fromkeys((1, 4), 0.0)  # larger batches leave the cache and are slower
for batch_size in (*rates,) * 3:
    start = time.perf_counter()
    model.predict_structure(structures, task="em", batch_size=batch_size)
    rates[batch_size] = max(rates[batch_size], len(structures) / (time.perf_counter() - start))
print(json.dumps(rates))
