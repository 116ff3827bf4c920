"""Propagation vectors: exact fractions, and which of them stand for zero."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from magnetite.errors import StructureError

if TYPE_CHECKING:
    from collections.abc import Iterable

WaveVector: TypeAlias = tuple[Fraction, Fraction, Fraction]

_ROUNDING = 1e-6
# Lattice translations that each kind of centering adds to the cell's own.
CENTERINGS: dict[str, tuple[tuple[float, float, float], ...]] = {
    "P": (),
    "I": ((0.5, 0.5, 0.5),),
    "F": ((0, 0.5, 0.5), (0.5, 0, 0.5)),
    "A": ((0, 0.5, 0.5),),
    "B": ((0.5, 0, 0.5),),
    "C": ((0.5, 0.5, 0),),
    "R": ((2 / 3, 1 / 3, 1 / 3),),
}


def parse_wave_vector(text: str) -> WaveVector:
    """``1/2 1/2 0`` or ``0.5,0.5,0``, with or without brackets.

    Raises:
        StructureError: it is anything else.
    """
    parts = [_fraction(part) for part in re.split(r"[\s,]+", text.strip(" []()")) if part]
    try:
        first, second, third = parts
    except ValueError:
        raise StructureError(f"propagation vector {text[:40]!r} does not have three components") from None
    return first, second, third


def _fraction(text: str) -> Fraction:
    """An exact fraction; decimals that round one with a small denominator (0.333) become it."""
    match = re.fullmatch(r"([-+]?)(\d{0,6})(?:\.(\d{0,8}))?(?:/([1-9]\d{0,5}))?(?:\(\d*\)?)?", text)
    if match is None or not (match[2] or match[3]):
        raise StructureError(f"propagation vector component {text[:20]!r} is not a number")
    decimals = match[3] or ""
    value = Fraction(f"{match[2] or 0}.{decimals or 0}") / int(match[4] or 1)
    # Two decimals tell thirds only; 0.12 need not be 1/8.
    simple = value.limit_denominator({0: 1, 1: 1, 2: 3}.get(len(decimals), 12))
    if decimals and abs(simple - value) <= Fraction(7, 10 ** (len(decimals) + 1)):
        value = simple
    return -value if match[1] == "-" else value


def is_lattice_vector(k: Iterable[float], symbol: str) -> bool:
    """Whether a wave vector belongs to the reciprocal lattice, that is, stands for k = 0.

    Args:
        k: in the reciprocal basis of the conventional cell.
        symbol: Hermann–Mauguin symbol of the space group; its first letter gives the centering.
    """
    vector = np.array(list(k), dtype=float)
    centering = CENTERINGS.get(symbol.strip()[:1].upper(), ())
    phases = np.concatenate([vector, *(np.atleast_1d(vector @ np.array(shift)) for shift in centering)])
    return bool(np.abs(phases - np.round(phases)).max() < _ROUNDING)
