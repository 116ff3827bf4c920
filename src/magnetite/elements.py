"""What is known of the elements before any training: their properties and which are treated with care.

The property table is an input of the networks. It is stored with the weights, so that a
prediction never depends on the version of the library that the table was taken from.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from functools import cache

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

MAX_ATOMIC_NUMBER = 103
"""Highest atomic number that any input may have (Lr)."""

FROZEN_4F = frozenset({"Pr", "Nd", "Sm", "Tb", "Dy", "Ho", "Er", "Tm"})
"""Rare earths whose 4f electrons the Materials Project keeps in the pseudopotential core.

The DFT moments of these atoms lack the 4f part: a compound whose only magnetic atoms are
these looks non-magnetic there although the ions carry moments of several μB.
"""

MAGNETIC_ELEMENTS = frozenset(
    "Sc Ti V Cr Mn Fe Co Ni Cu Y Nb Mo Ru Rh Re Os Ir Pt Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Th U Np Pu".split()
)
"""Elements that can carry a moment in a crystal, as chosen in Merker 2022 (Data assembly)."""

CAN_CARRY = [symbol in MAGNETIC_ELEMENTS for symbol in chemical_symbols[: MAX_ATOMIC_NUMBER + 1]]
"""Whether the element of each atomic number (from 0, which is none) can carry a moment."""

U_METALS = frozenset("Co Cr Fe Mn Mo Ni V W".split())
U_ANIONS = ("O", "F")
"""The Materials Project computes compounds of one of `U_METALS` with one of these with GGA+U."""
ORDER_SET_PARTS = [
    [float(symbol in U_METALS), float(symbol in U_ANIONS), float(symbol in MAGNETIC_ELEMENTS)]
    for symbol in chemical_symbols[: MAX_ATOMIC_NUMBER + 1]
]
"""What the element of each atomic number adds to a compound of the order set: the metal, the anion, the moment."""


def is_ggau(elements: Collection[str]) -> bool:
    """Whether the Materials Project applies a Hubbard U to a compound of these elements."""
    return not U_METALS.isdisjoint(elements) and any(anion in elements for anion in U_ANIONS)


def in_order_set(elements: Collection[str]) -> bool:
    """Whether the order set holds such compounds: with a Hubbard U, and an element that can carry a moment.

    Tungsten, a metal with a Hubbard U, is no such element.
    """
    return is_ggau(elements) and not MAGNETIC_ELEMENTS.isdisjoint(elements)


PROPERTY_NAMES = (
    "group", "row", "mendeleev_no", "X", "atomic_radius", "ionization_energy", "electron_affinity",
    "melting_point", "molar_volume", "s_electrons", "p_electrons", "d_electrons", "f_electrons",
    "d_holes", "f_holes", "is_metal", "is_lanthanoid", "is_actinoid",
)  # fmt: skip
"""Names of the columns of `property_table`."""


def _shell_counts(configuration: list[tuple[int, str, int]]) -> dict[str, int]:
    """Electrons in the outermost open s, p, d and f shells of the free atom."""
    counts = dict.fromkeys("spdf", 0)
    highest = max(n for n, _, _ in configuration)
    for n, orbital, electrons in configuration:
        is_outer = n == highest or (orbital == "d" and n == highest - 1) or (orbital == "f" and n == highest - 2)
        if is_outer:
            counts[orbital] += electrons
    return counts


@cache
def property_table() -> NDArray[np.float32]:
    """Standardised element properties, one row per atomic number.

    Returns:
        Array of shape (MAX_ATOMIC_NUMBER + 1, len(PROPERTY_NAMES)); each column has zero mean
        and unit spread over Z = 1–103, values that pymatgen lacks are 0 (the mean); row 0 is 0.
    """
    from pymatgen.core.periodic_table import Element

    table = np.full((MAX_ATOMIC_NUMBER + 1, len(PROPERTY_NAMES)), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pymatgen warns of each missing value; missing is handled here
        for z in range(1, MAX_ATOMIC_NUMBER + 1):
            element = Element.from_Z(z)
            shells = _shell_counts(element.full_electronic_structure)
            table[z] = [
                *(_number(getattr(element, name, None)) for name in PROPERTY_NAMES[:9]),
                *(shells[orbital] for orbital in "spdf"),
                10 - shells["d"] if shells["d"] else 0,
                14 - shells["f"] if shells["f"] else 0,
                element.is_metal, element.is_lanthanoid, element.is_actinoid,
            ]  # fmt: skip
    spread = np.nanstd(table[1:], axis=0)
    table = (table - np.nanmean(table[1:], axis=0)) / np.where(spread > 0, spread, 1.0)
    table[0] = 0.0
    filled: NDArray[np.float32] = np.nan_to_num(table).astype(np.float32)
    return filled


def _number(value: object) -> float:
    """A float from pymatgen's mixed return types; NaN where there is none."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")
