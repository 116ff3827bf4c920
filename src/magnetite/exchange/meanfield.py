"""Mean-field transition temperature: λ_max(J(q))/(3 k_B), the largest eigenvalue over the Brillouin zone.

Anderson, Solid State Physics 14, 99 (1963), for several sublattices; classical unit vectors. It lies above every
better estimate, and ignores single-ion anisotropy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from magnetite.exchange.conventions import K_B

if TYPE_CHECKING:
    from magnetite.exchange.fourier import Maximum
    from magnetite.exchange.model import ExchangeModel


def mean_field_temperature(best: Maximum) -> float:
    """K; 0 where no order gains energy."""
    return max(best.value, 0.0) / (3 * K_B)


def correction(model: ExchangeModel) -> float | None:
    """(S + 1)/S, averaged over the sites; None where a spin length is unknown.

    What turns classical temperatures of unit vectors, whose J holds S², into those of quantum spins: their square is
    S(S + 1) (Nieves et al., arXiv 2504.15764, and the references there).
    """
    if not np.isfinite(model.spins).all():
        return None
    return float(np.mean((model.spins + 1) / model.spins))
