"""Probabilities of wave vectors from boosted trees that see one candidate at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from magnetite.order.trees import Trees
    from magnetite.propagation.stars import Star


def scores_of(trees: Trees, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds that each candidate is the right one, shape (n_candidates,).

    Args:
        trees: of the ranker.
        features: of the candidates, shape (n_candidates, n_features).
    """
    with torch.inference_mode():
        device = trees.number.device
        return np.asarray(trees(torch.from_numpy(features).to(device)).cpu().numpy())


def probabilities_of(
    scores: NDArray[np.float64], candidates: Sequence[Star], zero_k_probability: float, temperature: float
) -> NDArray[np.float64]:
    """Probabilities of all candidates, shape (n_candidates,).

    Args:
        scores: of each candidate, shape (n_candidates,).
        candidates: the stars; that of k = 0 is not ranked, but given.
        zero_k_probability: what k = 0 gets; the others share the rest by their scores.
        temperature: by which the scores are divided.
    """
    is_zero = np.array([star.is_zero for star in candidates])
    if is_zero.all():  # of what has vacuum on all sides
        return np.ones(len(is_zero))
    shares = softmax(np.where(is_zero, -np.inf, scores / temperature))
    return np.where(is_zero, zero_k_probability, (1 - zero_k_probability) * shares)
