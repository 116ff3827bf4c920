"""Whether the magnetic sites of a primitive cell can balance: how many there are, of how many kinds, odd or even.

An odd number of equal sites cannot cancel without a larger magnetic cell, sites of two elements in unequal numbers make
a ferrimagnet, and a charge between two integers means mixed valence. Trees cannot work such things out of the numbers
of sites themselves.
"""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase.data import atomic_numbers

from magnetite.elements import U_METALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_COUNTS = ("odd", "elements", "common divisor", "imbalance")
BALANCE_NAMES = (
    *(f"{name} {of}" for of in ("magnetic", "U metals") for name in _COUNTS), "U metals", "largest share U metals",
    "charge off integer", "electrons off integer", "odd sites per orbit",
)  # fmt: skip
"""Of the sites that can carry a moment, and of those of `U_METALS` among them: whether their number is odd, the number
of elements, the greatest common divisor of their numbers, and the least share that stays when every element's sites are
up or down together; number of the latter and the share of the commonest; distance of the charge of the open sites and
of their electrons from integers; whether the sites of an orbit are odd in number."""
_U_METALS = np.array(sorted(atomic_numbers[symbol] for symbol in U_METALS))


class OpenSites(NamedTuple):
    """What is known of the magnetic sites already: see `VALENCE_NAMES` and `SYMMETRY_NAMES`."""

    charge: float
    electrons: float
    per_orbit: float


def balance(sites: NDArray[np.int64], known: OpenSites, fill: float) -> NDArray[np.float64]:
    """Describe the magnetic sites by number.

    Args:
        sites: atomic numbers of those that can carry a moment, at least one, shape (n,).
        known: of them, with `fill` for what is not known.
        fill: stands for what then cannot be said.

    Returns:
        The numbers that `BALANCE_NAMES` names, shape (len(BALANCE_NAMES),).
    """
    number_of = np.bincount(sites, minlength=_U_METALS[-1] + 1)
    metals, magnetic = number_of[_U_METALS].tolist(), number_of.tolist()
    share = max(metals) / sum(metals) if any(metals) else 0.0
    off = [fill if number == fill else abs(number - round(number)) for number in known[:2]]
    odd = fill if known.per_orbit == fill else known.per_orbit % 2
    return np.array([*_kinds(magnetic), *_kinds(metals), sum(metals), share, *off, odd], dtype=float)


def _kinds(numbers: Sequence[int]) -> Sequence[float]:
    """`_COUNTS` of so many sites of each element, or none."""
    there = [number for number in numbers if number]
    if not there:
        return (0.0,) * len(_COUNTS)
    left = {0}
    for number in there:
        left = {rest + number for rest in left} | {abs(rest - number) for rest in left}
    total = sum(there)
    return total % 2, len(there), gcd(*there), min(left) / total
