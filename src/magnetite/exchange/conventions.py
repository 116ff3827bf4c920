"""What an exchange constant means: the literature and the codes differ by factors of two, of S² and in sign.

Inside Magnetite there is one Hamiltonian, of unit vectors e_i, each pair counted once:

    H = -Σ_pairs e_i·J_ij·e_j - Σ_i e_i·A_i·e_i

so that positive J is ferromagnetic, and J is the energy (meV) by which a parallel pair lies below an orthogonal one.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from magnetite.errors import ExchangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

K_B = 0.08617333262
"""Boltzmann's constant in meV/K (CODATA 2018)."""
RYDBERG = 13605.693122994
"""meV (CODATA 2018)."""
JOULE = 6.241509074460763e21
"""meV."""


class Convention(Enum):
    """How often the sum of a Hamiltonian counts a pair, and with what sign.

    The value is the factor that turns its J into ours (spin lengths apart).
    """

    PAIRS_ONCE = 1.0
    """H = -Σ_pairs J e_i·e_j, the same as -½ Σ_{i≠j}: ours, Vampire's, Spirit's."""
    DOUBLE_COUNTING = 2.0
    """H = -Σ_{i≠j} J e_i·e_j, every pair twice: Liechtenstein's formula, UppASD, TB2J."""
    PAIRS_ONCE_POSITIVE = -1.0
    """H = +Σ_pairs J S_i·S_j: much of the neutron literature; positive is antiferromagnetic."""
    DOUBLE_COUNTING_POSITIVE = -2.0
    """H = +Σ_{i≠j} J S_i·S_j."""


def from_convention(
    couplings: Any,
    convention: Convention | str,
    *,
    spins: tuple[float, float] | tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> NDArray[np.float64]:
    """Turn constants of another Hamiltonian into ours.

    Args:
        couplings: J of each pair, any unit of energy, shape (n,) or (n, 3, 3).
        convention: of these constants, or its name (``double_counting``).
        spins: lengths S_i and S_j if the Hamiltonian multiplies spins of length S rather than unit vectors,
            numbers or shape (n,).

    Returns:
        J for unit vectors, each pair once, in the same unit.

    Raises:
        ExchangeError: no such convention.
    """
    given = np.asarray(couplings, dtype=float)
    lengths = np.ones(1) if spins is None else np.asarray(spins[0], float) * np.asarray(spins[1], float)
    factor = _convention(convention).value * lengths
    factor = factor.reshape(factor.shape + (1,) * (given.ndim - 1))
    return given * factor


def to_convention(
    couplings: Any,
    convention: Convention | str,
    *,
    spins: tuple[float, float] | tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> NDArray[np.float64]:
    """The inverse of `from_convention`: our constants as another Hamiltonian writes them."""
    factor = from_convention(np.ones(1), convention, spins=spins)
    given = np.asarray(couplings, dtype=float)
    return given / factor.reshape(factor.shape + (1,) * (given.ndim - 1))


def _convention(convention: Convention | str) -> Convention:
    if isinstance(convention, Convention):
        return convention
    try:
        return Convention[convention.upper().replace("-", "_")]
    except KeyError:
        names = ", ".join(entry.name.lower() for entry in Convention)
        raise ExchangeError(f"no convention is called {convention!r}; there are {names}") from None
