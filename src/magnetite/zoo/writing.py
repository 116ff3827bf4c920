"""From what was trained to files of the zoo: weights, and a card with their hash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save as pack
from torch import Tensor

from magnetite.whole import whole


def write_weights(tensors: dict[str, Tensor], folder: Path, name: str) -> dict[str, str]:
    """Write ``NAME.safetensors``; returns what a card says of the file.

    Args:
        tensors: contiguous, on the CPU.
        folder: where the file goes; made if missing.
        name: of the model.
    """
    data = pack(tensors)
    folder.mkdir(parents=True, exist_ok=True)
    with whole(folder / f"{name}.safetensors") as handle:
        handle.write(data)
    return {"weights": f"{name}.safetensors", "sha256": hashlib.sha256(data).hexdigest()}


def write_card(content: dict[str, Any], folder: Path) -> Path:
    """Write ``NAME.json`` beside its weights; returns its path."""
    path: Path = folder / f"{content['name']}.json"
    with whole(path) as handle:
        handle.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    return path
