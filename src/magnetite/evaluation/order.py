"""What the order and propagation-vector model scores on formulas that it never saw."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from magnetite.datasets.magnetic import MAX_TRAINING_VOLUME, TEST_FOLD, VALIDATION_FOLD, Example, select
from magnetite.errors import DataError
from magnetite.evaluation.figures import CARRIES, moment_figures, order_figures, propagation_figures
from magnetite.evaluation.metrics import Metric
from magnetite.order.calibration import Calibration
from magnetite.order.network import ORDER_CLASSES, MagnetismNetwork
from magnetite.order.tasks import evaluate, out_of_fold

SPLITS = {"test": TEST_FOLD, "validation": VALIDATION_FOLD}

_FOLD = "{split} fold by reduced formula"
_BALANCED = f"{_FOLD}, balanced GGA+U rows"
_OUTSIDE = f"{_FOLD}, chemistry outside GGA+U"
_MEASURED = f"{_FOLD}, order measured by neutrons (MAGNDATA)"
_MOMENTS = f"{_FOLD}, against DFT"
_OUT_OF_FOLD = "5-fold by reduced formula: each member of the shipped ensemble on compounds it never saw"
WORDS = {
    "accuracy": ("order accuracy", _BALANCED, ""),
    "macro_f1": ("order macro-F1", _BALANCED, ""),
    **{f"f1_{name}": (f"F1 {name}", _BALANCED, "") for name in ORDER_CLASSES},
    "calibration_error": ("order calibration error", _BALANCED, ""),
    "accuracy_at_half": ("order accuracy at 50 % coverage", _BALANCED, ""),
    "inferred_recall": ("NM recall, tier A alone", _BALANCED, ""),
    "outside_magnetic_balanced": ("magnetic or not, balanced accuracy", _OUTSIDE, ""),
    "dense_magnetic_balanced": (
        "the same without crystals that flew apart",
        f"{_OUTSIDE}, at most {MAX_TRAINING_VOLUME:g} Å³ per atom",
        "",
    ),
    "other_balanced": ("order, mean recall of NM, AFM, FM", _OUTSIDE, ""),
    "measured_accuracy": ("order accuracy against experiment", _MEASURED, ""),
    "measured_always_afm": ("the same for always answering AFM", _MEASURED, ""),
    "measured_balanced": ("order against experiment, mean recall of AFM and FM", _MEASURED, ""),
    "moment_mae": ("|m| mean absolute error, all sites", _MOMENTS, "μB"),
    "moment_mae_magnetic": (f"|m| mean absolute error, sites above {CARRIES} μB", _MOMENTS, "μB"),
    "moment_median_magnetic": (f"|m| median error, sites above {CARRIES} μB", _MOMENTS, "μB"),
    "moment_site_accuracy": (f"site above {CARRIES} μB or not, accuracy", _MOMENTS, ""),
    "moment_site_f1": (f"F1 of sites above {CARRIES} μB", _MOMENTS, ""),
    "zero_k_accuracy": ("zero k accuracy", _OUT_OF_FOLD, ""),
    "f1_zero": ("zero k F1", _OUT_OF_FOLD, ""),
    "f1_nonzero": ("non-zero k F1", _OUT_OF_FOLD, ""),
    "auc": ("zero k AUC", _OUT_OF_FOLD, ""),
    "zero_k_calibration_error": ("zero k calibration error", _OUT_OF_FOLD, ""),
}
"""Name, protocol and unit of each figure on the card, in its order."""


def measure(
    network: MagnetismNetwork,
    examples: Sequence[Example],
    calibration: Calibration,
    device: torch.device,
    split: str = "test",
) -> list[Metric]:
    """All figures of the model card.

    Args:
        network: the trained network.
        examples: all examples; the split is chosen here.
        calibration: the temperatures of its probabilities.
        device: where the network runs.
        split: ``test`` or ``validation``; the propagation vector is always measured out of fold.

    Raises:
        DataError: there is nothing to measure on.
    """
    held_out = select(examples, lambda e: e.fold == SPLITS[split])
    compounds = select(examples, lambda e: e.zero_k >= 0)
    if not held_out or not compounds:
        missing = "compound with a measured propagation vector" if held_out else f"example in the {split} fold"
        raise DataError(f"no {missing} to measure on")
    output = evaluate(network, held_out, device)
    probabilities = calibration.order(output["ggau"], output["order"])
    figures = order_figures(held_out, probabilities) | moment_figures(held_out, output["moment"])
    logits = evaluate(network, compounds, device)["zero_k"]
    figures |= propagation_figures(compounds, out_of_fold(compounds, logits / calibration.zero_k))
    return [
        Metric(name, figures[key].value, protocol.format(split=split), figures[key].rows, unit)
        for key, (name, protocol, unit) in WORDS.items()
        if key in figures
    ]
