"""Pictures of reports: the most probable classes of each sample, and how sure the network is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from magnetite.errors import MagnetiteError
from magnetite.pictures import new_figure
from magnetite.prototypes.reports import PrototypeReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_REPORTS = 60
"""In one picture; more would be too small to read."""
COLUMNS = 3
LONGEST = 40
"""Characters of a title."""


def plot_reports(reports: Sequence[PrototypeReport]) -> Figure:
    """Draw the probabilities of the most probable classes of each sample, with the mutual information above.

    Args:
        reports: without errors; the first `MOST_REPORTS` are drawn.

    Returns:
        A figure of matplotlib; ``figure.savefig(path)`` writes it.

    Raises:
        MagnetiteError: matplotlib is not installed, or there are no reports.
    """
    if not reports:
        raise MagnetiteError("no structure was classified, so there is nothing to draw")
    reports = reports[:MOST_REPORTS]
    columns = min(COLUMNS, len(reports))
    rows = -(-len(reports) // columns)
    figure = new_figure(5.0 * columns, 2.1 * rows)
    for place, report in enumerate(reports, start=1):
        axes = figure.add_subplot(rows, columns, place)
        labels, shares = list(report.top5), list(report.top5.values())
        bars = axes.barh(range(len(labels)), shares, color="#1f77b4")
        axes.bar_label(bars, fmt="{:.2f}", padding=3, fontsize=7)
        axes.set_yticks(range(len(labels)), labels, fontsize=7)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.12)
        title = report.source or report.formula
        title = title if len(title) <= LONGEST else f"…{title[1 - LONGEST :]}"
        axes.set_title(f"{title}\nmutual information {report.mutual_information:.3f} bits", fontsize=8)
        axes.tick_params(axis="x", labelsize=7)
        if place > len(reports) - columns:
            axes.set_xlabel("probability", fontsize=8)
    return figure
