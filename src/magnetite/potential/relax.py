"""Self-consistent moments: the nearest minimum of the energy over the moments, atoms held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from magnetite.potential.batch import Surroundings
from magnetite.potential.derivatives import differentiate
from magnetite.potential.model import PotentialModel, with_moments

TOLERANCE = 1e-3
"""eV/μB; largest −dE/dm that counts as none."""
COLLAPSED = 0.3
"""μB; what is shorter, and was not meant to be, may stand on a maximum, where nothing drives it either."""
_PROBED = (0.25, 0.5, 0.75, 1.0)
"""Shares of the meant length at which collapsed moments are tried."""


@dataclass(frozen=True, eq=False)
class RelaxedMoments:
    """The end of a relaxation.

    Attributes:
        moments: in μB, (n, 3).
        steps: evaluations that it took.
        largest: component of −dE/dm that is left, in eV/μB.
    """

    moments: NDArray[np.float64]
    steps: int
    largest: float

    def converged(self, tolerance: float = TOLERANCE) -> bool:
        """Whether what is left counts as nothing."""
        return self.largest <= tolerance


def relax_moments(
    model: PotentialModel,
    item: Surroundings,
    *,
    tolerance: float = TOLERANCE,
    steps: int = 200,
    meant: NDArray[np.float64] | None = None,
) -> RelaxedMoments:
    """Relax all moments of a crystal (L-BFGS), directions and lengths, from where they are.

    Where all are zero they stay so: the energy is even in all together. A single one of zero beside others does not,
    since exchange acts on it. One that ends near zero and is not meant to is tried at other lengths, and relaxed anew
    from where the energy is lower.

    Args:
        model: that says the energy.
        item: atoms, neighbours and the moments to start from.
        tolerance: in eV/μB.
        steps: evaluations at most, and as many again for moments that were tried anew.
        meant: moments of the user's in μB, (n, 3), where the start is only what a step before left of them.
    """
    meant = item.moments if meant is None else meant
    found, energy = _descend(model, item, tolerance, steps)
    raised = _raise_collapsed(model, with_moments(item, found.moments), energy, meant)
    if raised is None:
        return found
    again, _ = _descend(model, raised, tolerance, steps)
    return RelaxedMoments(again.moments, found.steps + len(_PROBED) + again.steps, again.largest)


def _descend(model: PotentialModel, item: Surroundings, tolerance: float, steps: int) -> tuple[RelaxedMoments, float]:
    """The nearest minimum and its energy in eV, without reference energies."""
    from scipy.optimize import minimize

    batch = model.collate([item])
    shape = item.moments.shape

    def energy(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        moments = batch.moments.new_tensor(flat.reshape(shape))
        found = differentiate(model.network, batch.with_moments(moments))
        return float(found.energies), -found.magnetic.cpu().double().numpy().ravel()

    options = {"gtol": tolerance, "ftol": 0.0, "maxfun": steps, "maxls": 40}
    result = minimize(energy, item.moments.ravel(), jac=True, method="L-BFGS-B", options=options)
    largest = float(np.abs(result.jac).max())
    return RelaxedMoments(result.x.reshape(shape), int(result.nfev), largest), float(result.fun)


def _raise_collapsed(
    model: PotentialModel, item: Surroundings, energy: float, meant: NDArray[np.float64]
) -> Surroundings | None:
    """The crystal with its collapsed moments at the length that lowers the energy most; None if none does."""
    lengths, wanted = (np.linalg.norm(moments, axis=1, keepdims=True) for moments in (item.moments, meant))
    collapsed = (lengths < COLLAPSED) & (wanted >= COLLAPSED)
    if not collapsed.any():
        return None
    tried = [with_moments(item, np.where(collapsed, share * meant, item.moments)) for share in _PROBED]
    batch = model.collate(tried)
    with torch.no_grad():
        energies = batch.sum_over_atoms(model.network(batch)).cpu().numpy()
    best = int(energies.argmin())
    return tried[best] if energies[best] < energy else None
