"""How alike elements are in each embedding: similarities, distances and a map, worked out by ElementEmbeddings."""

from __future__ import annotations

import warnings
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from magnetite.errors import MagnetiteError
from magnetite.pictures import new_figure
from magnetite.representations.elements import OWN, PUBLISHED, covering, embedding
from magnetite.representations.libraries import library
from magnetite.zoo.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

METRICS = {"cosine": "cosine_similarity", "pearson": "pearson", "chebyshev": "chebyshev"}
"""Our name of each measure and that of ElementEmbeddings; the last is a distance, the others similarities."""
EMBEDDINGS = (*PUBLISHED, *OWN)
"""Representations that have element vectors."""


def element_similarity(name: str, metric: str = "cosine", model: str = DEFAULT_MODEL) -> pd.DataFrame:
    """How alike every two elements are.

    Args:
        name: of the embedding, one of `EMBEDDINGS`.
        metric: ``cosine`` or ``pearson`` (similarities, at most 1) or ``chebyshev`` (a distance, 0 for what is equal).
        model: whose vectors they are if they are our own.

    Returns:
        A symmetric table with the elements' symbols, by atomic number, as index and columns.

    Raises:
        MagnetiteError: no such embedding or metric, or ElementEmbeddings is not installed.
    """
    _check(metric)
    vectors = embedding(name, model)
    wanted = METRICS[metric]
    pivot = vectors.distance_pivot_table if metric == "chebyshev" else vectors.correlation_pivot_table
    table: pd.DataFrame = pivot(wanted, sortby="atomic_number")
    symbols = [symbol for _, symbol in table.index]
    table.index = table.columns = _index(symbols)
    if table.isna().to_numpy().any():
        raise MagnetiteError("holds a vector that has no direction", name)
    return table


def most_alike(
    symbol: str, name: str, metric: str = "cosine", count: int = 5, model: str = DEFAULT_MODEL
) -> list[tuple[str, float]]:
    """The elements that are most like one, the most alike first.

    Args:
        symbol: of the element.
        name: of the embedding, one of `EMBEDDINGS`.
        metric: as for `element_similarity`.
        count: how many.
        model: whose vectors they are if they are our own.

    Returns:
        Symbols with their similarity or distance.

    Raises:
        MagnetiteError: no such embedding or metric, an element that it lacks, or ElementEmbeddings is not installed.
    """
    _check(metric)
    vectors = covering(embedding(name, model), [symbol], "error")
    distance = metric == "chebyshev"
    measure = vectors.compute_distance_metric if distance else vectors.compute_correlation_metric
    found = [
        (other, float(measure(symbol, other, METRICS[metric]))) for other in vectors.element_list if other != symbol
    ]
    return sorted(found, key=lambda pair: pair[1] if distance else -pair[1])[:count]


def element_map(name: str, model: str = DEFAULT_MODEL) -> pd.DataFrame:
    """The elements in the plane of the first two principal components of their standardised vectors.

    Args:
        name: of the embedding, one of `EMBEDDINGS`.
        model: whose vectors they are if they are our own.

    Returns:
        Columns ``x``, ``y`` and ``group`` (of the periodic table, as ElementEmbeddings names it), one row an element.

    Raises:
        MagnetiteError: no such embedding, or ElementEmbeddings is not installed.
    """
    import pandas as pd

    vectors = deepcopy(embedding(name, model))  # which standardises its own numbers
    places = vectors.calculate_pca(n_components=2)
    groups = list(vectors.element_groups_dict.values())
    return pd.DataFrame({"x": places[:, 0], "y": places[:, 1], "group": groups}, index=_index(vectors.element_list))


def plot_elements(name: str, model: str = DEFAULT_MODEL) -> Figure:
    """The map of `element_map`, coloured by group, and a heat map of each of `METRICS`, by Mendeleev number.

    Args:
        name: of the embedding, one of `EMBEDDINGS`.
        model: whose vectors they are if they are our own.

    Raises:
        MagnetiteError: no such embedding, or ElementEmbeddings is not installed.
    """
    figure = new_figure(14, 14)
    axes = figure.subplots(2, 2).ravel()
    _draw_map(name, axes[0], model)
    for axis, (metric, theirs) in zip(axes[1:], METRICS.items(), strict=True):
        _plotter().heatmap_plotter(deepcopy(embedding(name, model)), theirs, ax=axis, show_axislabels=False)
        axis.set_title(f"{name}, {metric}")
    return figure


def plot_maps(names: tuple[str, ...] = EMBEDDINGS, columns: int = 3) -> Figure:
    """Maps of several embeddings side by side; see `element_map`.

    Raises:
        MagnetiteError: no such embedding, or ElementEmbeddings is not installed.
    """
    rows = -(-len(names) // columns)
    figure = new_figure(7 * columns, 6 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, name in zip(axes, names, strict=False):
        _draw_map(name, axis, DEFAULT_MODEL)
        if axis is not axes[0] and axis.get_legend():
            axis.get_legend().remove()
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    return figure


def _check(metric: str) -> None:
    if metric not in METRICS:
        raise MagnetiteError(f"metric must be one of {', '.join(METRICS)}, not {metric!r}")


def _draw_map(name: str, axis: Any, model: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of palettes that name more groups than there are
        _plotter().dimension_plotter(deepcopy(embedding(name, model)), ax=axis, reducer="pca", adjusttext=False)
    axis.set_title(name)


def _plotter() -> Any:
    return library("elementembeddings.plotter")


def _index(symbols: list[str]) -> pd.Index[str]:
    import pandas as pd

    return pd.Index(symbols, name="element")
