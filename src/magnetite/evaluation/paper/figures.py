"""The paper's figures, from this study's answers, drawn with matplotlib, mpltern and pymatgen."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import MagnetiteError
from magnetite.order.network import ORDER_CLASSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"NM": "#2ca02c", "AFM": "#ff7f0e", "FM": "#1f77b4", "FiM": "#9467bd"}
MARKERS = {"NM": "D", "AFM": "o", "FM": "s", "FiM": "^"}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches.

    Raises:
        MagnetiteError: what draws is not installed.
    """
    try:
        import mpltern  # noqa: F401 (registers the ternary axes)
        from matplotlib.figure import Figure
    except ImportError:
        raise MagnetiteError("the figures need matplotlib and mpltern: pip install 'magnetite[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def plot_accuracies(panels: Mapping[str, tuple[NDArray[np.float64], tuple[float, float, float]]]) -> Figure:
    """Accuracies of the twenty models of each task beside the paper's mean and range (Fig. 4).

    Args:
        panels: by title: accuracies, (models,), and the paper's lowest, mean and highest.
    """
    figure = new_figure(4.2 * len(panels), 3.2)
    for place, (title, (values, (low, mean, high))) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), place)
        axes.axhspan(low, high, color="0.9", label=f"paper, range {low:.3f}–{high:.3f}")
        axes.axhline(mean, color="0.5", linestyle="--", label=f"paper, mean {mean:.3f}")
        axes.plot(range(1, len(values) + 1), values, "o", color=COLOURS["FM"])
        axes.axhline(values.mean(), color=COLOURS["FM"], label=f"here, mean {values.mean():.3f}")
        axes.set(title=title, xlabel="model", ylabel="accuracy on unseen rows", ylim=(0.6, 1.0))
        axes.legend(fontsize=7)
    return figure


def plot_confusion(panels: Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64], Sequence[str]]]) -> Figure:
    """Confusion matrices in shares of the true class (Fig. 5).

    Args:
        panels: by title: truth, answer, names of the classes.
    """
    from sklearn.metrics import ConfusionMatrixDisplay

    figure = new_figure(3.8 * len(panels), 3.4)
    for place, (title, (truth, answer, names)) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(1, len(panels), place)
        ConfusionMatrixDisplay.from_predictions(
            truth, answer, labels=range(len(names)), display_labels=names, normalize="true", values_format=".0%",
            cmap="Blues", colorbar=False, ax=axes,
        )  # fmt: skip
        axes.set_title(title)
    return figure


def plot_elements(values: Mapping[str, float], text: str, value_format: str, limits: tuple[float, float]) -> Figure:
    """Values of the elements on a periodic table; elements without one are grey (Fig. 6).

    Args:
        values: of each element.
        text: of the scale.
        value_format: old-style format of a value.
        limits: of the scale.
    """
    new_figure(1, 1)  # complains in our words if matplotlib is not there
    from matplotlib import pyplot as plt
    from pymatgen.util.plotting import periodic_table_heatmap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)  # pymatgen's use of matplotlib
        axes = periodic_table_heatmap(
            dict(values), cbar_label=text, cmap="viridis", cmap_range=limits, value_format=value_format,
            value_fontsize=7, symbol_fontsize=11, blank_color="#dddddd", readable_fontcolor=True, pymatviz=False,
        )  # fmt: skip
    figure: Figure = axes.figure
    plt.close(figure)
    return figure


def plot_systems(
    systems: Sequence[str], counts: Mapping[str, Sequence[int]], training: Sequence[float], accuracy: Sequence[float]
) -> Figure:
    """Examples of each class, and accuracy beside training rows, for each crystal system (Fig. 7).

    Args:
        systems: their names.
        counts: by class, examples in each system.
        training: training rows in each system, mean over the models.
        accuracy: in each system.
    """
    figure = new_figure(9.5, 3.4)
    place = np.arange(len(systems))
    axes = figure.add_subplot(1, 2, 1)
    for shift, (name, values) in zip((-0.28, 0.0, 0.28), counts.items(), strict=True):
        axes.bar(place + shift, values, 0.27, label=name, color=COLOURS[name])
    axes.set(title="A  examples", ylabel="rows")
    axes.legend(fontsize=7)
    other = figure.add_subplot(1, 2, 2)
    other.bar(place, training, 0.6, color="0.8")
    other.set(title="B  training rows (bars) and accuracy (dots)", ylabel="training rows, mean over the models")
    twin = other.twinx()
    twin.plot(place, accuracy, "o", color=COLOURS["FM"])
    twin.set(ylim=(0.5, 1.0), ylabel="accuracy")
    for each in (axes, other):
        each.set_xticks(place, systems, rotation=35, ha="right", fontsize=8)
    return figure


def plot_ternary(panels: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> Figure:
    """Outputs in the triangle of NM, AFM and FM/FiM, coloured by the true class (Figs. 8 and 9).

    Args:
        panels: by title: by true class, probabilities of ORDER_CLASSES, (n, 3).
    """
    figure = new_figure(4.6 * len(panels), 4.4)
    for place, (title, groups) in enumerate(panels.items(), start=1):
        axes: Any = figure.add_subplot(1, len(panels), place, projection="ternary")
        for name, p in groups.items():
            none, anti, ferro = (p[:, ORDER_CLASSES.index(c)] for c in ("NM", "AFM", "FM"))
            label = f"{name} ({len(p)})"
            axes.scatter(none, anti, ferro, s=9, alpha=0.55, color=COLOURS[name], marker=MARKERS[name], label=label)
        axes.set_tlabel("NM")
        axes.set_llabel("AFM")
        axes.set_rlabel("FM/FiM")
        axes.set_title(title, pad=24)
        axes.legend(fontsize=7, loc="upper right", bbox_to_anchor=(1.1, 1.05))
    return figure


def plot_trust(probabilities: Mapping[str, NDArray[np.float64]], truth: NDArray[np.int64], bins: int = 10) -> Figure:
    """Reliability of the most probable class, and accuracy against coverage.

    Args:
        probabilities: by name of the model, (n, 3).
        truth: classes, (n,).
        bins: of equal width.
    """
    figure = new_figure(9.0, 3.6)
    reliability, coverage = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    reliability.plot([0.3, 1], [0.3, 1], color="0.6", linestyle="--", label="perfect")
    for (name, p), colour in zip(probabilities.items(), COLOURS.values(), strict=False):
        confidence, right = p.max(1), p.argmax(1) == truth
        bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
        points = [(confidence[bin_of == b].mean(), right[bin_of == b].mean()) for b in np.unique(bin_of)]
        reliability.plot(*zip(*points, strict=True), "o-", color=colour, label=name)
        ranked = right[np.argsort(-confidence, kind="stable")]
        kept = np.arange(1, len(ranked) + 1)
        start = max(1, len(ranked) // 20)  # the first few rows say nothing
        coverage.plot((kept / len(ranked))[start:], (ranked.cumsum() / kept)[start:], color=colour, label=name)
    reliability.set(title="Reliability", xlabel="probability of the answer", ylabel="share of right answers")
    coverage.set(title="Accuracy against coverage", xlabel="share of rows answered, surest first", ylabel="accuracy")
    reliability.legend(fontsize=7)
    coverage.legend(fontsize=7)
    return figure
