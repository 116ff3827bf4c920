"""Boosted trees on composition, size and magnetic sublattice: alone, and stacked with a readout."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from magnetite.evaluation.metrics import Probabilities
from magnetite.order.growing import TREES
from magnetite.order.network import ORDER_CLASSES
from magnetite.order.trees import with_share

NM, AFM, FM = (ORDER_CLASSES.index(name) for name in ("NM", "AFM", "FM"))
Table = NDArray[np.float32]
_LEAST = 1e-300


def boosted(rounds: int) -> HistGradientBoostingClassifier:
    """The shipped trees' settings, with so many rounds; fewer rounds learn faster."""
    rate = min(0.2, TREES["learning_rate"] * TREES["max_iter"] / rounds)
    return HistGradientBoostingClassifier(**TREES | {"max_iter": rounds, "learning_rate": rate})


def afm_share(train: Table, label: NDArray[np.int64], rows: Table, rounds: int) -> NDArray[np.float64]:
    """Probability of AFM among magnets, from trees that train on the magnets alone.

    Args:
        train: descriptors to train on, (n, f).
        label: their classes, (n,).
        rows: descriptors to answer for, (m, f).
        rounds: of boosting.

    Returns:
        Shape (m,).
    """
    magnets = label != NM
    model = boosted(rounds).fit(train[magnets], label[magnets] == AFM)
    share: NDArray[np.float64] = model.predict_proba(rows)[:, 1]
    return share


def stacked(network: Probabilities, share: NDArray[np.float64], weight: float) -> Probabilities:
    """The network's probability of NM, and its AFM share among magnets averaged with the trees'.

    Args:
        network: probabilities of ORDER_CLASSES, (n, 3).
        share: of AFM among magnets, (n,).
        weight: of the trees, 0–1.
    """
    logits = torch.from_numpy(network).clamp(min=_LEAST).log()
    mixed: Probabilities = with_share(logits, torch.from_numpy(share), weight).exp().numpy()
    return mixed
