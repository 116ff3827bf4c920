"""From grown trees to files of the zoo."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.torch import save as pack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from magnetite.order.trees import Trees
    from magnetite.propagation.examples import VectorExample

PREFIX = "trees."
"""Of the trees' tensors."""


def export(
    trees: Trees, folder: Path, card: dict[str, Any], temperature: float, examples: Sequence[VectorExample]
) -> Path:
    """Write weights and card; returns the card's path.

    Args:
        trees: of the ranker.
        folder: where both files go.
        card: its words and figures.
        temperature: by which the trees' scores are divided.
        examples: all, for the share of those with k = 0.
    """
    tensors = {f"{PREFIX}{name}": value.contiguous() for name, value in trees.state_dict().items()}
    data = pack(tensors)
    name = card["name"]
    content = card | {
        "weights": f"{name}.safetensors",
        "sha256": hashlib.sha256(data).hexdigest(),
        "settings": {
            "trees": list(trees.room),
            "temperature": temperature,
            "zero_share": round(float(np.mean([example.is_zero for example in examples])), 4),
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.safetensors").write_bytes(data)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
