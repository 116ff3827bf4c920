"""From grown trees to files of the zoo."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from magnetite.zoo.writing import write_card, write_weights

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
    content = {
        **card,
        **write_weights(tensors, folder, card["name"]),
        "settings": {
            "trees": list(trees.room),
            "temperature": temperature,
            "zero_share": round(float(np.mean([example.is_zero for example in examples])), 4),
        },
    }
    return write_card(content, folder)
