"""Dropout kept at prediction: every pass is a sample of what the network could have learned.

Gal & Ghahramani 2016, Dropout as a Bayesian approximation.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=4)
def thinned(widths: tuple[int, ...], rate: float, passes: int, seed: int) -> tuple[Tensor, ...]:
    """Which units each pass keeps, scaled to leave means unchanged: (passes, width) for each layer.

    Every sample meets the same thinned networks, so that an answer repeats, and depends neither on the samples that
    happen to share its batch nor on their order. The first passes of a longer series are those of a shorter one.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode(mode=False):  # kept for later calls, which may want gradients
        draws = torch.rand(passes, sum(widths), generator=generator)
        kept = (draws >= rate).float() / (1 - rate)
        return torch.split(kept, list(widths), dim=1)


def mutual_information(mean: Tensor, entropy: Tensor) -> Tensor:
    """Of prediction and weights in bits, H(mean p) − mean H(p), (n,) (Leitherer 2021, Supplementary Eqs. 4 and 5).

    Args:
        mean: probabilities averaged over the passes, (n, classes).
        entropy: of each pass's probabilities, averaged over the passes, in nats, (n,).
    """
    nats: Tensor = torch.special.entr(mean).sum(1) - entropy
    return (nats / math.log(2)).clamp(min=0.0)  # never negative but for rounding (Jensen)
