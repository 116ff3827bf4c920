"""Precession of moments about what the potential exerts on them: Landau, Lifshitz and Gilbert's equation.

Energy and moments alone fix the units. With b = −dE/dm (eV/μB) as the field times μB and γ = g μB/ħ,

    dm/dt = −γ m × B = −(g/ħ) m × b,                                                       α = 0
    dm/dt = −(g/ħ)/(1 + α²) (m × b + α/|m| m × (m × b)),                                    damped (Gilbert)

so that 1 T, b = 5.788·10⁻⁵ eV/μB, turns a moment once in 35.7 ps. Moments that count electrons, as those of
calculations do, are m = 2 S/ħ μB by definition: g is 2 for them, exactly.

One step is the spherical midpoint rule (McLachlan, Modin, Verdier, Phys. Rev. E 89, 061301, 2014):

    m' − m = −(g/ħ) Δt m̃ × b(m̃),    m̃ = |m| (m + m')/|m + m'|

for all moments at once, since the field on each depends on all. It is symplectic, time-reversible and of second order,
keeps every |m|, keeps the total moment where the energy is invariant under turning all moments, and asks the potential
only about moments of the length they have: the length of the plain midpoint (m + m')/2 is none that it was trained on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.constants import physical_constants

from magnetite.errors import DynamicsError

G_FACTOR = 2.0
HBAR = physical_constants["reduced Planck constant in eV s"][0] * 1e15
"""eV·fs"""
TOLERANCE = 1e-8
"""Of directions, as unit vectors."""
LARGEST_TURN = 0.5
"""Length by which a direction, as unit vector, may change in a step; beyond it a step follows no precession."""
_ITERATIONS = 50

Vectors = NDArray[np.float64]


def precess(
    moments: Vectors,
    field: Callable[[Vectors], Vectors],
    time: float,
    *,
    damping: float = 0.0,
    tolerance: float = TOLERANCE,
) -> Vectors:
    """Moments one step later.

    The midpoint's field is found by iteration. In each round the rotation in a given field is solved for exactly
    (Cayley's transform), so that |m| is kept in every round. The field along the moments is left out: it turns nothing,
    but may be large, as where |m| is held away from what it would be, and the iteration would not end.

    Args:
        moments: in μB, (n, 3); those of zero stay zero.
        field: −dE/dm in eV/μB, (n, 3), for given moments.
        time: the step in fs.
        damping: Gilbert's α.
        tolerance: iteration ends when no direction changes by more.

    Raises:
        DynamicsError: the step is too long: the iteration does not end, or moments turn too far.
    """
    lengths = np.linalg.norm(moments, axis=1, keepdims=True)
    start = moments / np.where(lengths > 0, lengths, 1)
    turned, middle, stretch = start, start, np.ones_like(lengths)
    acting = field(moments)
    for _ in range(_ITERATIONS):
        before = turned
        acting = acting - (acting * middle).sum(1, keepdims=True) * middle
        acting = (acting + damping * np.cross(middle, acting)) / (1 + damping**2)
        turned = _turn(start, G_FACTOR * time / HBAR * stretch * acting)
        if np.abs(turned - before).max() <= tolerance:
            break
        middle = start + turned
        size = np.linalg.norm(middle, axis=1, keepdims=True)
        stretch = 2 / np.where(size > 0, size, 2)  # from the plain midpoint to the sphere
        middle = middle * stretch / 2
        acting = field(lengths * middle)
    else:
        raise DynamicsError(
            f"moments cannot be turned consistently in a step of {time:.3g} fs ({_ITERATIONS} iterations); "
            "take a shorter one"
        )
    furthest = float(np.linalg.norm(turned - start, axis=1).max())
    if furthest > LARGEST_TURN:
        raise DynamicsError(
            f"a moment turns by {furthest:.2g} rad in a step of {time:.3g} fs; take {time * 0.1 / furthest:.1g} fs"
        )
    turned /= np.where(lengths > 0, np.linalg.norm(turned, axis=1, keepdims=True), 1)  # roundings do not add up
    return np.asarray(lengths * turned)


def _turn(start: Vectors, angles: Vectors) -> Vectors:
    """Solve e' − e = −(e + e')/2 × w for e'.

    Args:
        start: e, (n, 3).
        angles: w, (n, 3).
    """
    half = angles / 2
    first = np.cross(half, start)
    return np.asarray(start + 2 / (1 + (half**2).sum(1, keepdims=True)) * (first + np.cross(half, first)))
