"""An empty picture to draw in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magnetite.errors import MagnetiteError

if TYPE_CHECKING:
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
