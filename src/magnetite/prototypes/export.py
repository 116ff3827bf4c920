"""From a trained network to files of the zoo: weights, limits of the domain, figures and card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from magnetite.errors import ZooError
from magnetite.prototypes.classes import StructureClass, check_labels
from magnetite.prototypes.descriptor import Soap
from magnetite.prototypes.ensemble import Ensemble, to_tensors
from magnetite.prototypes.supercells import MIN_ATOMS
from magnetite.prototypes.table import VIEWS, Table
from magnetite.prototypes.tasks import accuracy
from magnetite.zoo.writing import write_card, write_weights

PASSES = 1_000
"""Passes with dropout behind a prediction (Leitherer 2021)."""
INFORMATION_SHARE = 0.99
"""Of ideal structures, this share stays below the limit above which mutual information is warned of."""
REHEARSAL = "rehearsal."
"""Prefix of the tensors with the rows beside which new classes are learned later."""


def export(
    network: Ensemble,
    classes: Sequence[StructureClass],
    table: Table,
    folder: Path,
    device: torch.device,
    card: dict[str, Any],
    *,
    views: Sequence[Soap] = VIEWS,
) -> Path:
    """Set the limits of the domain, measure, write weights and card; returns the card's path.

    Args:
        network: what was trained.
        classes: in the order of its outputs.
        table: what it was trained on.
        folder: where both files go.
        device: where the network is.
        card: what a person wrote.
        views: settings that predictions look under, rows of which the table has; `Soap` is the first.
    """
    check_labels(classes)
    network = network.eval()
    labels = table.labels[table.at(views[0], 1.0)]
    mean = network.sample_probabilities(table.views(views, 1.0).to(device), PASSES)[0]
    information = network.sample_probabilities(table.views(views).to(device), PASSES)[1]
    metrics = [
        {
            "name": "accuracy on pristine structures", "rows": len(labels),
            "value": float((mean.cpu().argmax(1) == labels).double().mean()),
            "protocol": f"all pristine samples as predictions look at them, mean of {PASSES} passes",
        },
        {
            "name": "accuracy on all rows", "value": round(accuracy(network, table, device), 4), "rows": len(table),
            "protocol": "all rows, learned ones, over all cutoffs, widths and scalings, without dropout",
        },
    ]  # fmt: skip
    tensors = to_tensors(network) | rehearsal(table)
    settings = {
        "network": network.config.as_dict(),
        "soap": asdict(views[0]),
        "views": [asdict(view) for view in views],
        "passes": PASSES,
        "seed": 0,
        "domain": {
            "information_limit": round(float(torch.quantile(information, INFORMATION_SHARE)), 4),
            "information_share": INFORMATION_SHARE,
            "min_atoms": MIN_ATOMS,
        },
        "classes": [entry.as_dict() for entry in classes],
    }
    content = {
        **card,
        **write_weights(tensors, folder, card["name"]),
        "metrics": metrics + card.get("metrics", []),
        "settings": settings,
    }
    return write_card(content, folder)


def rehearsal(table: Table) -> dict[str, Tensor]:
    """The rows at the settings of predictions, in half precision, to travel with the weights."""
    rows = table.used()
    return {
        f"{REHEARSAL}x": rows.x.half(),
        f"{REHEARSAL}labels": rows.labels.to(torch.int32),
        f"{REHEARSAL}scales": rows.scales.clone(),
        f"{REHEARSAL}cutoffs": rows.cutoffs.clone(),
    }


def recall(tensors: Mapping[str, Tensor]) -> Table:
    """The rows that travel with weights.

    Raises:
        ZooError: none do.
    """
    try:
        x, labels, scales = (tensors[f"{REHEARSAL}{name}"] for name in ("x", "labels", "scales"))
    except KeyError as error:
        raise ZooError("these weights carry no rows of their classes; no classes can be added to them") from error
    one = Soap()
    cutoffs = tensors.get(f"{REHEARSAL}cutoffs", torch.full_like(scales, one.cutoff))
    return Table(x.float(), labels.long(), cutoffs, torch.full_like(scales, one.sigma), scales)
