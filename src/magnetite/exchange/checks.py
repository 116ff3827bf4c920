"""What is odd about exchange constants, said before anybody trusts a temperature from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from magnetite.exchange.model import ExchangeModel

WEAK = 1e-3
"""Couplings below this share of the strongest do not hold a lattice together."""
FRUSTRATED = 0.55
"""Share of Σ|J| that the best wave satisfies, below which the bonds contradict each other (triangles: ½)."""


def dimensions(model: ExchangeModel) -> int:
    """In how many directions the couplings reach on: 3 for a crystal, 2 for layers, 1 for chains, 0 for clusters.

    The largest connected piece counts; couplings below `WEAK` of the strongest do not.
    """
    return max(_ranks(model))


def warnings_of(model: ExchangeModel, largest: float) -> list[str]:
    """Warnings on disconnected and frustrated models.

    Args:
        model: exchange constants.
        largest: largest eigenvalue of the isotropic J(q) in meV.
    """
    found = []
    ranks = _ranks(model)
    rank = max(ranks)
    if len(ranks) > 1:
        found.append(f"disconnected: {len(ranks)} groups of sites are not coupled to each other")
    if rank < 3:  # noqa: PLR2004
        kind = ("finite clusters", "chains", "layers")[rank]
        if model.is_isotropic:
            found.append(f"disconnected: the couplings make {kind}; isotropic spins do not order at any temperature")
        else:
            found.append(f"disconnected: the couplings make {kind}; only the anisotropy can order them")
    total = 2 * abs(model.isotropic).sum() / len(model)
    if total > 0 and largest < FRUSTRATED * total:
        found.append(f"frustrated: the best wave satisfies {largest / total:.0%} of the couplings")
    return found


def _ranks(model: ExchangeModel) -> list[int]:
    """Of each connected group of sites the rank of the lattice over which it extends."""
    strong = model.strengths >= WEAK * model.strengths.max(initial=0.0)
    neighbours: dict[int, list[tuple[int, np.ndarray]]] = {site: [] for site in range(len(model))}
    for i, j, image in zip(model.first[strong], model.second[strong], model.images[strong], strict=True):
        neighbours[int(i)].append((int(j), image))
        neighbours[int(j)].append((int(i), -image))
    seen: dict[int, np.ndarray] = {}
    ranks = []
    for start in range(len(model)):
        if start in seen:
            continue
        seen[start] = np.zeros(3, dtype=np.int64)
        queue, loops = [start], []
        while queue:
            site = queue.pop()
            for other, image in neighbours[site]:
                place = seen[site] + image
                if other not in seen:
                    seen[other] = place
                    queue.append(other)
                elif (place != seen[other]).any():
                    loops.append(place - seen[other])
        ranks.append(int(np.linalg.matrix_rank(np.unique(loops, axis=0))) if loops else 0)
    return ranks
