"""CHGNet's |m| of each site; run by moments.py in CHGNet's own environment."""

import json
import sys
import warnings

import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)

from chgnet.model import CHGNet  # noqa: E402
from pymatgen.core import Structure  # noqa: E402

structures = [Structure.from_dict(json.loads(line)) for line in sys.stdin]
model = CHGNet.load(use_device="cpu", verbose=False)
model.graph_converter.on_isolated_atoms = "ignore"  # as we do, instead of stopping
answers = model.predict_structure(structures, task="em", batch_size=4)
print(json.dumps([[float(m) for m in answer["m"]] for answer in answers]))
