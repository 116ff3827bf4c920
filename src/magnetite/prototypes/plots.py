"""Pictures of pattern maps: class and mutual information, in slices and in space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import MagnetiteError
from magnetite.pictures import new_figure
from magnetite.prototypes.classes import distinct_names
from magnetite.prototypes.maps import PatternMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    "#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#17becf", "#e377c2", "#8c564b", "#bcbd22", "#1b1b6b",
)  # fmt: skip
"""Of the most frequent classes, the first one's first; all told apart also in small patches."""
OTHER = "#c8c8c8"
SLICES = 3
MOST_POINTS = 20_000
DOTS = 110
"""Per inch, when a picture is written."""
DOT = 16
"""Square points, of boxes in space."""
HIGHEST, LOWEST = 0.99, 1e-3
"""Quantile of the mutual information at which its colours end, and the fewest bits there."""
ALIGNED = 1e-6
"""How far a direction may be off x, y or z to be called so."""


def plot_map(found: PatternMap, *, axis: int = 2, slices: int = SLICES) -> Figure:
    """Draw the most probable class above the mutual information, slice by slice.

    Maps of several layers get a view in space beside the slices, with the octant towards the reader cut away.

    Args:
        found: the map.
        axis: of the grid, which slices stand across.
        slices: number of slices, evenly spread; one layer has one.

    Returns:
        A figure of matplotlib; ``figure.savefig(path)`` writes it.

    Raises:
        MagnetiteError: matplotlib is not installed, or no box was classified.
    """
    if not found.classified.any():
        raise MagnetiteError("no box was classified, so there is nothing to draw", found.specimen.source)
    layers = _layers(found, axis, slices)
    deep = found.shape[axis] > 1
    rows, columns = (2, len(layers) + 1) if deep else (1, 2)  # one layer alone: beside each other
    figure = new_figure(4.2 * columns + 0.8, 3.7 * rows + 0.9, DOTS)
    painted = _painted(found)
    coloured = _class_style()
    shaded = {"vmin": 0.0, "vmax": max(float(np.nanquantile(found.mutual_information, HIGHEST)), LOWEST)}
    panels: list[Any] = []
    shown: Any = None
    for place, layer in enumerate(layers, start=1):
        _slice(figure.add_subplot(rows, columns, place), found, axis, layer, painted, coloured)
        panels.append(figure.add_subplot(rows, columns, place + len(layers) + deep))
        shown = _slice(panels[-1], found, axis, layer, found.mutual_information, shaded)
    if deep:
        points = _cut_away(found)
        _space(figure.add_subplot(rows, columns, columns, projection="3d"), found, points, painted, coloured)
        panels.append(figure.add_subplot(rows, columns, rows * columns, projection="3d"))
        _space(panels[-1], found, points, found.mutual_information, shaded)
    # Beside both rows, so that slices stand below each other, but as high as its own.
    beside: dict[str, Any] = (
        {"ax": figure.axes, "shrink": 0.45, "anchor": (0, 0)} if deep else {"ax": panels, "shrink": 0.8}
    )
    figure.colorbar(shown, label="mutual information / bits", **beside)
    figure.legend(handles=_legend(found), loc="outside upper left", ncols=columns + 2, fontsize=8)
    return figure


def _layers(found: PatternMap, axis: int, slices: int) -> Sequence[int]:
    """Places of slices, evenly spread over those with answers."""
    others = tuple(place for place in range(3) if place != axis)
    filled = np.flatnonzero(found.classified.any(axis=others))
    inner = np.linspace(filled[0], filled[-1], min(slices, len(filled)) + 2)[1:-1]
    nearest = [int(filled[abs(filled - place).argmin()]) for place in inner]
    return sorted(set(nearest))


def _painted(found: PatternMap) -> NDArray[np.float64]:
    """Number of the colour of each box: rank of its class, at most `COLOURS`, NaN where there is none."""
    ranks = np.full(len(found.classes) + 1, np.nan)
    for rank, entry in enumerate(found.counts):
        ranks[found.classes.index(entry)] = min(rank, len(COLOURS))
    painted: NDArray[np.float64] = ranks[found.winners]  # where there is none, the last
    return painted


def _class_style() -> dict[str, Any]:
    from matplotlib.colors import ListedColormap

    return {"cmap": ListedColormap([*COLOURS, OTHER]), "vmin": -0.5, "vmax": len(COLOURS) + 0.5}


def _legend(found: PatternMap) -> list[Any]:
    from matplotlib.patches import Patch

    counts = found.counts
    total = sum(counts.values())
    named = zip(COLOURS, distinct_names(list(counts)), counts.values(), strict=False)
    handles = [Patch(color=colour, label=f"{name}  {n / total:.1%}") for colour, name, n in named]
    rest = list(counts.values())[len(COLOURS) :]
    if rest:
        handles.append(Patch(color=OTHER, label=f"{len(rest)} more classes  {sum(rest) / total:.1%}"))
    return handles


def _slice(axes: Axes, found: PatternMap, axis: int, layer: int, values: NDArray[Any], style: dict[str, Any]) -> Any:
    centres, shades = (np.take(array, layer, axis=axis) for array in (found.centres, values))
    right, up, normal = _plane(found, axis)
    shown = axes.pcolormesh(_edges(centres @ right), _edges(centres @ up), np.ma.masked_invalid(shades), **style)
    axes.set_aspect("equal")
    axes.set_xlabel(f"{_direction(right)} / Å")
    axes.set_ylabel(f"{_direction(up)} / Å")
    if found.shape[axis] > 1:
        axes.set_title(f"{_direction(normal)} = {(centres @ normal).mean():.1f} Å", fontsize=10)
    return shown


def _plane(found: PatternMap, axis: int) -> NDArray[np.float64]:
    """Unit vectors to the right and up in a slice, at right angles, and across it, shape (3, 3)."""
    first, second = np.delete(found.specimen.basis, axis, axis=0)
    right = first / np.linalg.norm(first)
    up = second - (second @ right) * right
    up /= np.linalg.norm(up)
    normal = np.cross(right, up)
    return np.array([right, up, normal * np.sign(normal @ found.specimen.basis[axis])])


def _direction(vector: NDArray[np.float64]) -> str:
    """x, y or z, or the vector's components."""
    along = int(vector.argmax())
    aligned = vector[along] > 1 - ALIGNED
    return "xyz"[along] if aligned else f"along ({', '.join(f'{part:.2f}' for part in vector + 0.0)})"


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners of the patches around points on a grid, (n, m) → (n + 1, m + 1)."""
    for axis in (0, 1):
        if values.shape[axis] == 1:
            values = np.concatenate([values - 0.5, values + 0.5], axis=axis)
            continue
        ends = [np.take(values, place, axis=axis) for place in (0, 1, -2, -1)]
        before, behind = 2 * ends[0] - ends[1], 2 * ends[3] - ends[2]
        padded = np.concatenate([np.expand_dims(before, axis), values, np.expand_dims(behind, axis)], axis=axis)
        lower, upper = (np.take(padded, range(k, padded.shape[axis] - 1 + k), axis=axis) for k in (0, 1))
        values = (lower + upper) / 2
    return values


def _cut_away(found: PatternMap) -> NDArray[np.intp]:
    """Flat places of boxes to draw in space: those with answers, without the octant towards the reader."""
    centres = found.centres.reshape(-1, 3)
    known = np.flatnonzero(found.classified)
    side = centres[known] - centres[known].mean(axis=0)
    kept = known[~((side[:, 0] > 0) & (side[:, 1] < 0) & (side[:, 2] > 0))]
    thinned: NDArray[np.intp] = kept[:: max(1, -(-len(kept) // MOST_POINTS))]
    return thinned


def _space(axes: Any, found: PatternMap, points: NDArray[np.intp], values: NDArray[Any], style: dict[str, Any]) -> None:
    x, y, z = found.centres.reshape(-1, 3)[points].T
    axes.scatter(x, y, z, c=values.reshape(-1)[points], s=DOT, marker="s", linewidths=0, depthshade=False, **style)
    axes.view_init(elev=28, azim=-55)
    axes.set_aspect("equal")
    axes.set(xlabel="x / Å", ylabel="y / Å", zlabel="z / Å")
