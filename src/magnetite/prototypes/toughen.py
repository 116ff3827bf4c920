"""The second classifier: trained with defects as well, for samples that are known to be damaged.

The first is measured on damage that it never saw, as in the paper. Who has a thermal or a damaged sample
wants the better answer, and so damage may be learned, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from tqdm.auto import tqdm

from magnetite.errors import DataError
from magnetite.prototypes.card import describe_model
from magnetite.prototypes.defects import Level, damaged
from magnetite.prototypes.descriptor import Soap, describe, find_pairs
from magnetite.prototypes.export import export
from magnetite.prototypes.network import NetworkConfig
from magnetite.prototypes.nomenclature import name_class
from magnetite.prototypes.supercells import Prototype, hosts
from magnetite.prototypes.table import FULL_GRID, Setting, Table, build_table
from magnetite.prototypes.train import SCHEDULE, read_classes, train_prototypes, validation
from magnetite.training import Schedule
from magnetite.whole import whole

TOUGHENING = Schedule(epochs=40, learning_rate=1e-3, weight_decay=0.0, clip=5.0)
COPIES = 40
"""Damaged copies of each of the 588 supercells."""
MOST_DISPLACED, MOST_MISSING = 0.12, 0.35
"""Damage is drawn evenly up to a little more than the paper's worst, so that this is not at the edge."""
SEED = 7_919
"""Of the damage; measurements draw theirs from others."""
PART = 500


def damaged_rows(
    prototypes: Sequence[Prototype], folder: Path, *, copies: int = COPIES, progress: bool = True
) -> Table:
    """Descriptors of damaged supercells at the setting of predictions; kept in a folder as they come.

    Args:
        prototypes: in the order of the classes.
        folder: where the rows are kept; made if missing.
        copies: of each host, with damage drawn at random.
        progress: show a progress bar.
    """
    folder.mkdir(parents=True, exist_ok=True)
    label_of = {prototype.label: place for place, prototype in enumerate(prototypes)}
    jobs = [(host, copy) for copy in range(copies) for host in hosts(prototypes)]
    rows, soap = [], Soap()
    for first in tqdm(range(0, len(jobs), PART), desc="damage", unit_scale=PART, disable=not progress):
        path = folder / f"damaged-{copies}-{first}.safetensors"
        if not path.is_file():
            samples = (damaged(host, _level(copy), copy, SEED).sample for host, copy in jobs[first : first + PART])
            x = torch.cat([describe([find_pairs(sample)], soap) for sample in samples])
            with whole(path) as file:
                file.write(save({"x": x}))
        rows.append(load_file(path)["x"])
    labels = torch.tensor([label_of[host.label] for host, _ in jobs])
    setting = (torch.full((len(jobs),), value) for value in (soap.cutoff, soap.sigma, 1.0))
    return Table(torch.cat(rows), labels, *setting)


def _level(copy: int) -> Level:
    """The damage of the copies with this number."""
    rng = np.random.default_rng([SEED, copy])
    return Level(rng.uniform(0, MOST_DISPLACED), rng.uniform(0, MOST_MISSING))


def train_with_damage(
    data: Path,
    run: Path,
    device: torch.device,
    *,
    schedule: Schedule = SCHEDULE,
    toughening: Schedule = TOUGHENING,
    grid: Sequence[Setting] = FULL_GRID,
    copies: int = COPIES,
    config: NetworkConfig | None = None,
    progress: bool = True,
    **options: Any,
) -> Path:
    """``magnetite train prototypes --damage``: continue the run of the first classifier; returns the card's path.

    Args:
        data: folder of the training data.
        run: folder of the first classifier's finished run.
        device: where to train.
        schedule: of the first run.
        toughening: of its continuation; member n has the seed of `schedule` plus n.
        grid: settings of the first run.
        copies: damaged copies of each host.
        config: of the first run's networks.
        progress: show progress bars.
        options: of `train_member`, as in the first run.

    Raises:
        DataError: the run is not finished, or the prototypes are missing.
    """
    if not (run / "model" / "prototypes.json").is_file():
        raise DataError("holds no finished run; train the classifier without --damage first", str(run))
    prototypes = read_classes(data)
    ideal = build_table(prototypes, run / "descriptors", grid=grid, progress=progress)
    options |= {"config": config, "progress": progress}
    start = train_prototypes(ideal, run, device, schedule=schedule, **options).requires_grad_(requires_grad=True)
    table = Table.join([ideal, damaged_rows(prototypes, run / "damaged", copies=copies, progress=progress)])
    folder = run / "damage"
    longer = replace(toughening, seed=schedule.seed)
    network = train_prototypes(table, folder, device, schedule=longer, start=start, refit=None, **options)
    classes = [name_class(prototype) for prototype in prototypes]
    card = describe_model("prototypes-damaged", classes, len(table))
    card["description"] = card["description"].replace(
        "trained on ideal structures alone", "trained on ideal structures and on damaged ones"
    )
    card["split"] = (
        f"As the model prototypes, then {toughening.epochs} epochs with damaged supercells beside the ideal ones: "
        f"up to {MOST_DISPLACED:.0%} displaced and {MOST_MISSING:.0%} missing, of the supercells that it is measured "
        "on, but other draws."
    )
    said = "held-out fifth of ideal and damaged rows, of which the first classifier has learned the ideal ones"
    card["metrics"] = [validation(table, folder, network.config.members, said)]
    # Damage was learned at the one setting that it was described at.
    return export(network, classes, ideal, run / "model", device, card, views=(Soap(),))
