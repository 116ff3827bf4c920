"""Pictures of what the network finds alike: similarity maps, two-dimensional maps, the Bain path.

After Leitherer 2021, Figs. 2e–g, 3d and 4b and Supplementary Fig. 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import MagnetiteError
from magnetite.pictures import new_figure, save_picture
from magnetite.prototypes.bain import BCC, FCC, LENGTHS, BainPath
from magnetite.prototypes.classes import distinct_names
from magnetite.prototypes.explore import OUTLIER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 96
PALETTE = "tab20"
GREYS = (14, 15)
"""Of the palette, left to what belongs to no group."""
COLOURS = 18
"""Of the palette without greys; further groups share them."""
OUTSIDE = (0.8, 0.8, 0.8)
"""Colour of what belongs to no group."""
SHOWN = 8
"""Classes that a map of the Bain path names, by the area they take; the others are drawn alike."""
POINT = 14
"""Size of a point of a map, in square points."""


def plot_similarity(
    panels: Mapping[str, NDArray[np.float64]], groups: Sequence[str], path: str | PathLike[str]
) -> None:
    """Maps of the cosine similarity of all pairs, with lines between groups.

    Args:
        panels: by title, matrices of `explore.similarity`, (n, n) each, in an order in which groups stand together.
        groups: name of each row's group, (n,).
        path: of the picture.

    Raises:
        MagnetiteError: groups and matrices do not fit, matplotlib is not installed, or the picture cannot be written.
    """
    for title, matrix in panels.items():
        if matrix.shape != (len(groups), len(groups)):
            raise MagnetiteError(f"{len(groups)} groups do not fit panel {title!r} of shape {matrix.shape}")
    ends = np.cumsum([len(list(members)) for _, members in groupby(groups)])
    starts = np.concatenate(([0], ends[:-1]))
    names = [groups[start] for start in starts.tolist()]
    figure = new_figure(5.0 * len(panels) + 0.8, 5.8, DPI)
    axes_of = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (title, matrix) in zip(axes_of, panels.items(), strict=True):
        image = axes.imshow(matrix, vmin=0, vmax=1, cmap="viridis", interpolation="nearest")
        for start in starts[1:]:
            axes.axhline(start - 0.5, color="white", linewidth=0.8)
            axes.axvline(start - 0.5, color="white", linewidth=0.8)
        axes.set_title(title, fontsize=10)
        axes.set_xticks((starts + ends - 1) / 2, names, rotation=35, ha="right")
    axes_of[0].set_yticks((starts + ends - 1) / 2, names)
    figure.colorbar(image, ax=axes_of, label="cosine similarity")
    _save(figure, path)


def plot_embedding(
    points: NDArray[np.float64],
    panels: Mapping[str, Sequence[str] | NDArray[np.integer] | NDArray[np.floating]],
    path: str | PathLike[str],
    *,
    in_space: bool = False,
) -> None:
    """One map of points, coloured in as many ways as there are panels.

    Args:
        points: from `explore.embed`, or places in Å, (n, 2).
        panels: by title, what colours the points, (n,) each: names of groups, clusters of `explore.cluster`
            (whole numbers, outliers grey), or numbers on a scale.
        path: of the picture.
        in_space: the points are places, drawn to scale.

    Raises:
        MagnetiteError: a panel does not fit the points, matplotlib is not installed, or the picture cannot be written.
    """
    for title, values in panels.items():
        if len(values) != len(points):
            raise MagnetiteError(f"panel {title!r} colours {len(values)} points of {len(points)}")
    figure = new_figure(6.0 * len(panels), 4.8, DPI)
    for axes, (title, values) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        column = np.asarray(values)
        if column.dtype.kind == "f":
            drawn = axes.scatter(points[:, 0], points[:, 1], c=column, s=POINT, cmap="plasma", linewidths=0)
            figure.colorbar(drawn, ax=axes)
        else:
            _scatter_groups(axes, points, column)
        axes.set_title(title, fontsize=10)
        if in_space:
            axes.set(aspect="equal", xlabel="x / Å", ylabel="y / Å")
        else:
            axes.set(xticks=[], yticks=[], xlabel="UMAP 1", ylabel="UMAP 2")
    _save(figure, path)


def plot_bain(
    answers: BainPath, trained: Mapping[str, float], path: str | PathLike[str], lengths: NDArray[np.float64] = LENGTHS
) -> None:
    """Classes and mutual information over the lengths a and c, and both along c/a (Supplementary Fig. 1).

    Args:
        answers: at least at the ratios of the lengths (`bain.ratios_of`).
        trained: c/a of the structures that were learned from, by name; drawn as lines.
        path: of the picture.
        lengths: of both axes, in Å.

    Raises:
        MagnetiteError: ratios are missing, matplotlib is not installed, or the picture cannot be written.
    """
    places = answers.places(lengths)
    winners, area = answers.winners, np.bincount(answers.winners[places].ravel(), minlength=len(answers.classes))
    named = [place for place in np.argsort(-area, kind="stable")[:SHOWN].tolist() if area[place]]
    colours = _colours(len(named))
    figure = new_figure(15, 4.8, DPI)
    classes, information, along = figure.subplots(1, 3, width_ratios=(1, 1.15, 1.3))
    shades = np.full((*places.shape, 3), OUTSIDE)
    for place, colour in zip(named, colours, strict=True):
        shades[winners[places] == place] = colour[:3]
    step = (lengths[1] - lengths[0]) / 2
    extent = (lengths[0] - step, lengths[-1] + step, lengths[0] - step, lengths[-1] + step)
    classes.imshow(shades, origin="lower", extent=extent, interpolation="nearest")
    drawn = information.imshow(
        answers.mutual_information[places], origin="lower", extent=extent, interpolation="nearest", cmap="plasma"
    )
    figure.colorbar(drawn, ax=information, label="mutual information / bit")
    for axes in (classes, information):
        for ratio in trained.values():
            axes.plot(lengths, lengths * ratio, color="black", linewidth=0.7, linestyle="--")
        axes.set(xlim=extent[:2], ylim=extent[2:], xlabel="a / Å", ylabel="c / Å")
    names = distinct_names([answers.classes[place] for place in named])
    for place, name, colour in zip(named, names, colours, strict=True):
        along.plot(answers.ratios, answers.probabilities[:, place], color=colour, label=name)
    along.plot(
        answers.ratios, answers.mutual_information, color="black", linewidth=0.7, label="mutual information / bit"
    )
    along.plot([], [], color=OUTSIDE, linewidth=6, label="other classes (left)")
    for name, ratio in trained.items():
        along.axvline(ratio, color="black", linewidth=0.7, linestyle="--")
        along.text(
            ratio, 1.02, name, rotation=90, fontsize=7, ha="center", va="bottom", transform=along.get_xaxis_transform()
        )  # along x in units of the data, along y in shares of the height
    along.set(xlim=(BCC / 2, FCC * FCC), ylim=(0, None), xlabel="c/a", ylabel="probability; mutual information / bit")
    along.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    _save(figure, path)


def _scatter_groups(axes: Axes, points: NDArray[np.float64], column: NDArray[np.generic]) -> None:
    """Points of one colour a group, with a legend as long as the groups can be told apart."""
    numbered = column.dtype.kind in "iu"
    outside = column == OUTLIER if numbered else np.zeros(len(column), bool)
    if outside.any():
        axes.scatter(points[outside, 0], points[outside, 1], s=POINT, color=[OUTSIDE], linewidths=0, label="outliers")
    groups = list(dict.fromkeys(column[~outside].tolist()))
    groups = sorted(groups) if numbered else groups
    for name, colour in zip(groups, _colours(len(groups)), strict=True):
        axes.scatter(
            points[column == name, 0], points[column == name, 1], s=POINT, color=[colour], linewidths=0, label=str(name)
        )
    if len(groups) <= COLOURS:
        axes.legend(fontsize=7, markerscale=1.5, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _colours(number: int) -> list[tuple[float, float, float, float]]:
    """Colours of groups: strong ones first, then their pale twins, then again."""
    from matplotlib import colormaps

    size = colormaps[PALETTE].N
    order = [place for place in (*range(0, size, 2), *range(1, size, 2)) if place not in GREYS]
    return [colormaps[PALETTE](order[place % COLOURS]) for place in range(number)]


def _save(figure: Figure, path: str | PathLike[str]) -> None:
    """Write a picture, in the format of the path's suffix.

    Raises:
        MagnetiteError: it cannot be written.
    """
    try:
        save_picture(figure, Path(path))
    except (OSError, ValueError) as error:
        raise MagnetiteError(f"the picture cannot be written ({error})", str(path)) from error
