"""An empty picture to draw in, and the file that it becomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magnetite.errors import MagnetiteError
from magnetite.whole import whole_path

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def new_figure(width: float, height: float, dpi: float | None = None) -> Figure:
    """A figure of matplotlib in inches, without a window or other global state; ``figure.savefig(path)`` writes it.

    Raises:
        MagnetiteError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MagnetiteError("pictures need matplotlib: pip install 'magnetite[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained", dpi=dpi)


def save_picture(figure: Figure, path: Path) -> None:
    """Write a picture in the format of the path's ending, whole or not at all."""
    with whole_path(path) as partial:
        figure.savefig(partial)
