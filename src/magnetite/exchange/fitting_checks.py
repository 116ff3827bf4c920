"""What states must share before one set of exchange constants can speak of all of them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import ExchangeError
from magnetite.exchange.fitting_pairs import moments_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pymatgen.core.structure import Structure

SPREAD = 0.2
"""Of the mean length: moments of one element that differ by more are worth a warning."""


def check_states(structures: Sequence[Structure], spins: Sequence[NDArray[np.float64]], name: str) -> tuple[str, ...]:
    """Refuse states that no single model holds for, and warn of those that it hardly does.

    An offset an atom cannot make up for other atoms, nor constants of unit vectors for moments that vanish: least
    squares would put both into J, and fit perfectly.

    Args:
        structures: of the states, with the site property ``magmom`` in μB.
        spins: unit vectors of each, zero for sites that carry none, shape (n_sites, 3).
        name: of the model.

    Returns:
        Warnings.

    Raises:
        ExchangeError: compositions differ, or other shares of an element carry a moment.
    """
    formulas = [structure.composition.reduced_formula for structure in structures]
    for number, formula in enumerate(formulas):
        if formula != formulas[0]:
            raise ExchangeError(f"state {number} is of {formula}, state 0 of {formulas[0]}: fit one crystal", name)
    lengths = [_lengths(structure, spin, name) for structure, spin in zip(structures, spins, strict=True)]
    warnings = []
    for symbol in sorted(lengths[0]):
        shares = [Fraction(int(np.count_nonzero(state[symbol])), len(state[symbol])) for state in lengths]
        for number, share in enumerate(shares):
            if share != shares[0]:
                raise ExchangeError(
                    f"{float(share):.0%} of the {symbol} atoms carry a moment in state {number}, "
                    f"{float(shares[0]):.0%} in state 0: leave out states whose moments vanish, and set to zero those "
                    "that others induce",
                    name,
                )
        if 0 < shares[0] < 1:
            warnings.append(f"only {float(shares[0]):.0%} of the {symbol} atoms carry a moment")
        carried = np.concatenate([state[symbol][state[symbol] > 0] for state in lengths])
        if len(carried) and np.ptp(carried) > SPREAD * carried.mean():
            warnings.append(
                f"moments of {symbol} are {carried.min():.2f} to {carried.max():.2f} μB long: the constants are of "
                "unit vectors, and hold what the lengths change"
            )
    return tuple(warnings)


def _lengths(structure: Structure, spins: NDArray[np.float64], name: str) -> dict[str, NDArray[np.float64]]:
    """|m| in μB of the atoms of each element, 0 for those that carry no spin."""
    sizes = np.linalg.norm(moments_of(structure, name), axis=1) * spins.any(axis=1)
    symbols = np.array([site.specie.symbol for site in structure])
    return {str(symbol): sizes[symbols == symbol] for symbol in np.unique(symbols)}
