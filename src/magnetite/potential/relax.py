"""Self-consistent moments: the nearest minimum of the energy over the moments, atoms held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from magnetite.potential.batch import Surroundings
from magnetite.potential.derivatives import differentiate
from magnetite.potential.model import PotentialModel

TOLERANCE = 1e-3
"""eV/μB; largest −dE/dm that counts as none."""


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
    model: PotentialModel, item: Surroundings, *, tolerance: float = TOLERANCE, steps: int = 200
) -> RelaxedMoments:
    """Relax all moments of a crystal (L-BFGS), directions and lengths, from where they are.

    A moment of exactly zero stays so: the energy is even in it.

    Args:
        model: that says the energy.
        item: atoms, neighbours and the moments to start from.
        tolerance: in eV/μB.
        steps: evaluations at most.
    """
    from scipy.optimize import minimize

    batch = model.collate([item])
    shape = item.moments.shape

    def energy(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        moments = batch.moments.new_tensor(flat.reshape(shape))
        found = differentiate(model.network, batch.with_moments(moments))
        return float(found.energies), -found.magnetic.cpu().double().numpy().ravel()

    options = {"gtol": tolerance, "ftol": 0.0, "maxfun": steps, "maxls": 40}
    result = minimize(energy, item.moments.ravel(), jac=True, method="L-BFGS-B", options=options)
    return RelaxedMoments(result.x.reshape(shape), int(result.nfev), float(np.abs(result.jac).max()))
