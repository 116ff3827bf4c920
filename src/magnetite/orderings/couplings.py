"""How much each kind of pair counts: weights learned from computed and measured orders, and the energies they give.

A pattern's energy per site is E = ½ Σ w·f(pair) s_i s_j / n_sites; among the patterns of one wave vector (and among
ferro- and ferrimagnetic ones) its probability is exp(-E) over the sum: a conditional logit (McFadden 1974), fitted
by `magnetite.orderings.fitting`. Positive weights are antiferromagnetic.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import ZooError
from magnetite.orderings.bonds import BOND_NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from magnetite.orderings.bonds import Bonds

PARALLEL = "all parallel"
"""Name of the weight that ferromagnetism has beside ferrimagnetism, over that of its pairs."""
FILE = "couplings.json"


@cache
def weights() -> NDArray[np.float64]:
    """The shipped weights in the order of `BOND_NAMES`, then that of `PARALLEL`, dimensionless.

    Raises:
        ZooError: the file is not that of these bonds.
    """
    content = json.loads(files("magnetite.orderings").joinpath(FILE).read_text(encoding="utf-8"))
    table = content["weights"]
    if list(table) != [*BOND_NAMES, PARALLEL]:
        raise ZooError("does not hold the weights of these bonds; fit them again", FILE)
    return np.array(list(table.values()), dtype=float)


def fourier(bonds: Bonds, values: NDArray[np.float64], k: NDArray[np.float64], n_sites: int) -> NDArray[np.complex128]:
    """Fourier transform of couplings: z†Jz / 2 is their energy per cell for moments Re z exp(2πi k·R) of unit length.

    Args:
        bonds: pairs, both directions of each.
        values: coupling of each pair, shape (n_pairs,).
        k: in the reciprocal basis, shape (3,).
        n_sites: number of sites.

    Returns:
        Hermitian matrix, shape (n_sites, n_sites).
    """
    waves = values * np.exp(2j * np.pi * (bonds.images @ k))
    place = bonds.first * n_sites + bonds.second
    real, imaginary = (np.bincount(place, part, n_sites**2) for part in (waves.real, waves.imag))
    return (real + 1j * imaginary).reshape(n_sites, n_sites)


def energies(matrix: NDArray[np.complex128], patterns: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Energy per site of patterns, shape (n_patterns,).

    Args:
        matrix: what `fourier` gave.
        patterns: one row each, shape (n_patterns, n_sites).
    """
    found: NDArray[np.float64] = np.einsum("pi,ij,pj->p", patterns.conj(), matrix, patterns, optimize=True).real
    return found / (2 * len(matrix))
