"""The twenty models of the magnetic order: Fig. 4 (left), Table 1, Figs. 5A, 6, 7, 8 and 9."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from magnetite.evaluation.metrics import Probabilities, accuracy
from magnetite.evaluation.paper import reference
from magnetite.evaluation.paper.figures import plot_elements, plot_systems, plot_ternary
from magnetite.evaluation.paper.rows import SYSTEMS, Rows
from magnetite.evaluation.paper.section import Section, image, paragraphs
from magnetite.evaluation.paper.study import Study
from magnetite.evaluation.paper.tables import (
    markdown,
    mean_and_range,
    per_element,
    score_table,
    scores,
)  # fmt: skip
from magnetite.evaluation.paper.work import Arrays
from magnetite.order.network import ORDER_CLASSES

FEWEST = 5
"""Test rows of an element below which no accuracy is shown."""
SHOWN = ("Fe", "Co", "Ni", "Mn", "Cu", "Tb", "Dy", "Ho")
"""Elements that the paper's text names."""
MOST_POINTS = 400
"""Of each class in a ternary plot."""


def elements_of(rows: Rows) -> list[list[str]]:
    """Symbols of the elements in each row."""
    return [[chemical_symbols[z] for z in np.unique(e.graph.numbers)] for e in rows.examples]


def accuracies(models: Sequence[Arrays], truth: NDArray[np.int64], which: str) -> NDArray[np.float64]:
    """Of each model, for ``readout`` or ``stacked`` answers."""
    return np.array([accuracy(model[which], truth) for model in models])


def order_section(study: Study, models: Sequence[Arrays]) -> Section:
    """Accuracies and scores (Fig. 4 left, Table 1).

    Args:
        study: all there is.
        models: as `order_models` gives them.
    """
    test = study.orders[study.orders.test]
    truth = test.label
    answers = [model["stacked"].argmax(1) for model in models]
    ensemble = np.mean([model["stacked"] for model in models], axis=0)
    low, mean, high = reference.ORDER_RANGE
    rows = [
        ["paper", f"{mean:.3f} ({low:.3f}–{high:.3f})", "split at random"],
        ["readouts alone", mean_and_range(accuracies(models, truth, "readout")), "split by formula"],
        ["readouts with boosted trees", mean_and_range(accuracies(models, truth, "stacked")), "split by formula"],
        ["mean of all of these", f"{accuracy(ensemble, truth):.3f}", "split by formula"],
        [f"shipped model ({study.model.card})", f"{accuracy(study.shipped['test'], truth):.3f}", "split by formula"],
    ]
    names = list(ORDER_CLASSES)
    text = paragraphs(
        f"{len(models)} models; each trains on its own random subset of {len(models[0]['train']):,} rows in the ratio "
        f"NM:AFM:FM = 6:5:6, and all are measured on the same {len(truth):,} balanced rows of formulas that nothing "
        "trained on. **The body is shared:** each model is a readout of its own and boosted trees of its own on the "
        "atom features of the shipped body, which learned from all rows of the training folds. Their range is "
        "therefore not that of networks trained from the beginning, and the paper's also holds the spread of its small "
        "test sets.",
        markdown(["", "accuracy: mean (range)", "protocol"], rows),
        image("accuracies", "Fig. 4: accuracies of all models"),
        "**Table 1**, readouts with trees, mean over the models; the paper's in brackets:",
        score_table(names, scores([truth] * len(models), answers, 3), reference.ORDER_SCORES),
        image("confusion", "Fig. 5: confusion matrices"),
    )
    return Section("Magnetic order: Fig. 4, Table 1, Fig. 5", text)


def right_answers(models: Sequence[Arrays], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """How often each row was answered right, 0–1, shape (n,)."""
    share: NDArray[np.float64] = np.mean([model["stacked"].argmax(1) == truth for model in models], axis=0)
    return share


def element_section(study: Study, models: Sequence[Arrays]) -> Section:
    """Accuracy per element, and how often each is trained on (Fig. 6)."""
    test = study.orders[study.orders.test]
    found, counts = per_element(elements_of(test), right_answers(models, test.label), FEWEST)
    symbols = elements_of(study.orders)
    trained: Counter[str] = Counter(symbol for model in models for i in model["train"] for symbol in symbols[i])
    frequency = {symbol: number / len(models) for symbol, number in trained.items()}
    rows = [[e, f"{found[e]:.3f}", f"{counts[e]}", f"{frequency.get(e, 0):.0f}"] for e in SHOWN if e in found]
    worst = sorted((value, e) for e, value in found.items())[:6]
    text = paragraphs(
        f"Accuracy on the test rows that hold an element (grey: fewer than {FEWEST} rows), and training rows that hold "
        "it, mean over the models. The paper gives no list; its text names Fe, Co and Ni with more than 0.76, and Tb, "
        "Dy and Ho with similar accuracies.",
        markdown(["element", "accuracy", "test rows", "training rows"], rows),
        "Lowest: " + ", ".join(f"{e} {value:.2f} ({counts[e]} rows)" for value, e in worst) + ".",
        image("element-accuracy", "Fig. 6A: accuracy per element"),
        image("element-frequency", "Fig. 6B: training rows per element"),
    )
    logarithms = {e: float(np.log10(n)) for e, n in frequency.items() if n >= 1}
    figures = {
        "element-accuracy": plot_elements(found, "accuracy", "%.2f", (min([0.5, *found.values()]), 1.0)),
        "element-frequency": plot_elements(logarithms, "log10 of training rows", "%.1f", (0.0, 4.0)),
    }
    return Section("Elements: Fig. 6", text, figures)


def system_section(study: Study, models: Sequence[Arrays]) -> Section:
    """Accuracy per crystal system (Fig. 7)."""
    test = study.orders[study.orders.test]
    right, systems = right_answers(models, test.label), study.orders.system
    training = {
        s: float(np.mean([np.count_nonzero(systems[model["train"]] == s) for model in models])) for s in SYSTEMS
    }
    shown = [s for s in SYSTEMS if (test.system == s).any()]
    found = {s: float(right[test.system == s].mean()) for s in shown}
    everything = study.everything
    counts = {
        name: [int(((everything.system == s) & (everything.label == c)).sum()) for s in shown]
        for c, name in enumerate(ORDER_CLASSES)
    }
    rows = [
        [s, *(f"{counts[c][i]:,}" for c in ORDER_CLASSES), f"{training[s]:,.0f}", f"{(test.system == s).sum()}",
         f"{found[s]:.3f}"]
        for i, s in enumerate(shown)
    ]  # fmt: skip
    head = ["crystal system", *ORDER_CLASSES, "training rows", "test rows", "accuracy"]
    figure = plot_systems(shown, counts, [training[s] for s in shown], [found[s] for s in shown])
    text = paragraphs(
        "Rows of each class, training rows (mean over the models) and accuracy. The paper finds that more training "
        f"rows go with higher accuracy{_together([training[s] for s in shown], [found[s] for s in shown])}.",
        markdown(head, rows),
        image("crystal-systems", "Fig. 7: crystal systems"),
    )
    return Section("Crystal systems: Fig. 7", text, {"crystal-systems": figure})


def _together(training: Sequence[float], accuracy: Sequence[float]) -> str:
    """How far they go together here, in words."""
    if len(training) < 3:  # noqa: PLR2004 (two points always lie on a line)
        return ""
    return f"; here the correlation over the crystal systems is {np.corrcoef(training, accuracy)[0, 1]:.2f}"


def ternary_section(study: Study, models: Sequence[Arrays]) -> Section:
    """Outputs in the triangle of the classes, FM and FiM apart (Figs. 8 and 9)."""
    test = study.orders[study.orders.test]
    mean = np.mean([model["stacked"] for model in models], axis=0)
    merged = np.where(test.ordering == "FiM", "FM", test.ordering)
    rng = np.random.default_rng(0)

    def points(names: NDArray[np.str_], wanted: Sequence[str]) -> dict[str, Probabilities]:
        chosen = {name: rng.permutation(np.flatnonzero(names == name))[:MOST_POINTS] for name in wanted}
        return {name: mean[places] for name, places in chosen.items() if len(places)}

    figure = plot_ternary(
        {
            "Fig. 8: NM, AFM, FM/FiM": points(merged, ("NM", "AFM", "FM")),
            "Fig. 9: FM and FiM apart": points(test.ordering, ("FM", "FiM")),
        }
    )
    answer = mean.argmax(1)
    rows = [
        [
            name,
            f"{(test.ordering == name).sum()}",
            *(f"{(answer[test.ordering == name] == c).mean():.2f}" for c in range(3)),
        ]
        for name in ("NM", "AFM", "FM", "FiM")
        if (test.ordering == name).any()
    ]
    text = paragraphs(
        "Mean output of the models. In the paper NM keeps to its corner, AFM meets FM/FiM along one edge, and FM and "
        "FiM are distributed alike. Here:",
        markdown(["true class", "rows", *(f"called {name}" for name in ORDER_CLASSES)], rows),
        image("ternary", "Figs. 8 and 9: ternary plots"),
    )
    return Section("Ternary plots: Figs. 8 and 9", text, {"ternary": figure})
