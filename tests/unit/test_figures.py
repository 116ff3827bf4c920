"""Figures of merit on rows whose answers are counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from magnetite.datasets.magnetic import Example
from magnetite.evaluation.figures import moment_figures, order_figures, propagation_figures
from magnetite.evaluation.order import WORDS
from magnetite.graphs import build_graph
from magnetite.order.tasks import order_metrics
from magnetite.zoo import DEFAULT_MODEL, find_card

GRAPH = build_graph(np.eye(3) * 3, np.zeros((1, 3)), np.array([26]))
NAN = float("nan")


def example(stratum: str, order: int, moment: float = NAN, *, zero_k: int = -1, balanced=False, tier="") -> Example:
    moments = np.array([moment], np.float32)
    return Example(
        GRAPH, 27.0, "Fe", 0, stratum, order, zero_k, moments, balanced, "x", geometry=np.zeros(0), tier=tier
    )


EXAMPLES = [
    example("ggau", 0, 0.0, balanced=True, tier="A"),
    example("ggau", 1, 2.0, balanced=True),
    example("ggau", 2, 3.0, balanced=True),
    example("ggau", 2),
    example("other", 0),
    example("other", 2),
    example("quiet", 0),
    example("measured", 1),
    example("measured", 1),
    example("measured", -1),
]
ANSWERS = [0, 1, 1, 0, 1, 2, 0, 1, 2, 0]
LOGITS = np.eye(3, dtype=np.float32)[ANSWERS] * 4
MOMENTS = np.array([-1.0, 1.5, 3.5, *[9.0] * 7], np.float32)


def test_order_figures_are_those_counted_by_hand() -> None:
    probabilities = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
    figures = order_figures(EXAMPLES, probabilities.astype(float))
    expected = {
        "accuracy": (2 / 3, 3),
        "macro_f1": ((1 + 2 / 3 + 0) / 3, 3),
        "f1_AFM": (2 / 3, 3),
        "inferred_recall": (1, 1),
        "outside_magnetic_balanced": ((1 / 2 + 1) / 2, 3),
        "other_accuracy": (1 / 2, 2),
        "measured_accuracy": (1 / 2, 2),
        "measured_always_afm": (1, 2),
    }
    for key, figure in expected.items():
        assert figures[key] == pytest.approx(figure), key


def test_crystals_that_flew_apart_count_in_one_figure_and_not_in_the_other() -> None:
    gas = replace(EXAMPLES[5], volume_per_atom=200.0)
    figures = order_figures([*EXAMPLES[4:7], gas], np.eye(3)[[0, 2, 0, 0]])
    assert figures["outside_magnetic_balanced"] == pytest.approx(((1 + 1 / 2) / 2, 4))
    assert figures["dense_magnetic_balanced"] == pytest.approx((1, 3))


def test_moments_count_where_they_are_known() -> None:
    figures = moment_figures(EXAMPLES, MOMENTS)
    assert figures["moment_mae"] == pytest.approx((1 / 3, 3))
    assert figures["moment_mae_magnetic"] == pytest.approx((1 / 2, 2))
    low = moment_figures(EXAMPLES, np.array([0.4, 0.1, 3.5, *[9.0] * 7], np.float32))
    assert low["moment_median_magnetic"] == pytest.approx(((1.9 + 0.5) / 2, 2))
    assert low["moment_site_accuracy"] == pytest.approx((1 / 3, 3))
    assert low["moment_site_f1"] == pytest.approx((1 / 2, 3))


def test_propagation_figures_are_those_counted_by_hand() -> None:
    compounds = [example("measured", 1, zero_k=k) for k in (1, 1, 0, 0, 0)]
    figures = propagation_figures(compounds, np.array([2.0, -1.0, -2.0, -3.0, 1.0], np.float32))
    assert figures["zero_k_accuracy"] == pytest.approx((3 / 5, 5))
    assert figures["f1_zero"] == pytest.approx((1 / 2, 5))
    assert figures["f1_nonzero"] == pytest.approx((2 / 3, 5))
    assert figures["auc"] == pytest.approx((5 / 6, 5))


def test_the_log_of_training_has_its_keys_and_leaves_out_what_no_row_tells() -> None:
    metrics = order_metrics(EXAMPLES, {"order": LOGITS, "moment": MOMENTS})
    assert metrics["score"] == pytest.approx(2 / 3)
    assert list(metrics) == [
        "score", "macro_f1", "f1_NM", "f1_AFM", "f1_FM", "outside_magnetic_balanced", "other_accuracy",
        "measured_accuracy", "moment_mae", "moment_mae_magnetic",
    ]  # fmt: skip
    few = order_metrics(EXAMPLES[:3], {"order": LOGITS[:3], "moment": MOMENTS[:3]})
    assert "outside_magnetic_balanced" not in few
    assert "measured_accuracy" not in few


def test_the_shipped_card_speaks_of_the_same_figures() -> None:
    on_card = {metric["name"] for metric in find_card(DEFAULT_MODEL).content["metrics"]}
    assert on_card <= {name for name, _, _ in WORDS.values()}
