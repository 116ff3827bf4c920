"""Exchange constants from the energies of several magnetic orders, on supercells of any, also mixed, sizes.

Every calculation gives one equation, E = n E_0 - Σ_shells J_s Σ_pairs e_i·e_j, whose pair sums are counted over all
periodic images of its own cell: a neighbour that is reached in several cells counts as often as it is reached, and
shells are told apart by distance and species, never by their place in a list. Least squares solve for E_0 and J.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from magnetite.errors import ExchangeError
from magnetite.exchange.model import ExchangeModel
from magnetite.exchange.shells import SAME_SHELL

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core.structure import Structure

MILLI = 1000.0
SMALLEST_MOMENT = 0.1
"""μB; sites with less carry no spin here."""


class Shell(NamedTuple):
    """Pairs of two species at one distance.

    Attributes:
        species: their symbols, sorted.
        distance: Å.
    """

    species: tuple[str, str]
    distance: float

    def __str__(self) -> str:
        return f"{self.species[0]}-{self.species[1]} {self.distance:.3f} Å"


@dataclass(frozen=True)
class ExchangeFit:
    """Fitted constants.

    Attributes:
        shells: shortest first.
        couplings: J of each in meV, unit vectors, each pair once.
        errors: one standard deviation in meV; NaN where there are no more equations than unknowns.
        offset: E_0 in eV an atom of the structures.
        residual: root mean square of what the fit leaves, meV a magnetic site.
        model: the constants on the cell of the smallest structure.
    """

    shells: tuple[Shell, ...]
    couplings: NDArray[np.float64]
    errors: NDArray[np.float64]
    offset: float
    residual: float
    model: ExchangeModel

    def __str__(self) -> str:
        rows = zip(self.shells, self.couplings, self.errors, strict=True)
        lines = [f"{shell}  {j:10.4f} ± {e:.4f} meV" for shell, j, e in rows]
        return "\n".join([*lines, f"left over: {self.residual:.3g} meV a magnetic site (rms)"])


def fit_exchange(
    structures: Sequence[Structure], energies: Sequence[float], *, cutoff: float, name: str = "fit"
) -> ExchangeFit:
    """Fit exchange constants to energies of magnetic orders.

    Args:
        structures: pymatgen structures of one crystal with the site property ``magmom`` (μB, numbers or vectors), in
            cells of any size.
        energies: total energy of each in eV.
        cutoff: shells up to this distance in Å are fitted.
        name: of the model.

    Raises:
        ExchangeError: moments are missing, there is no shell, or the orders do not tell the shells apart.
    """
    if len(structures) != len(energies) or not len(energies):
        raise ExchangeError(f"{len(structures)} structures but {len(energies)} energies", name)
    if not np.isfinite(np.asarray(energies, dtype=float)).all():
        raise ExchangeError("an energy is not a finite number", name)
    spins = [_spins(structure, name) for structure in structures]
    pairs = [_pairs(structure, spin, cutoff) for structure, spin in zip(structures, spins, strict=True)]
    shells = _shells([shell for found in pairs for shell in found.shells])
    if not shells:
        raise ExchangeError(f"no two magnetic sites are within {cutoff:g} Å", name)
    table = np.array([_row(found, shells) for found in pairs])
    sizes = np.array([len(structure) for structure in structures], dtype=float)
    counts = np.array([np.count_nonzero(np.linalg.norm(spin, axis=1)) for spin in spins], dtype=float)
    design = np.column_stack([sizes, -table]) / counts[:, None]
    target = MILLI * np.asarray(energies, dtype=float) / counts
    _check_rank(design, shells, name)
    solution, *_ = np.linalg.lstsq(design, target, rcond=None)
    rest = target - design @ solution
    freedom = len(target) - design.shape[1]
    variance = float(rest @ rest) / freedom if freedom > 0 else np.nan
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * variance)
    smallest = int(np.argmin(sizes))
    model = _model(structures[smallest], spins[smallest], pairs[smallest], shells, solution[1:], name)
    residual = float(np.sqrt(np.mean(rest**2)))
    return ExchangeFit(tuple(shells), solution[1:], errors[1:], solution[0] / MILLI, residual, model)


class _Pairs(NamedTuple):
    """Pairs of magnetic sites of one structure, each once, and their shells."""

    bonds: NDArray[np.int64]
    products: NDArray[np.float64]
    shells: list[Shell]


def _spins(structure: Structure, name: str) -> NDArray[np.float64]:
    """Unit vectors of the moments, zero for sites without, shape (n, 3)."""
    given: Any = structure.site_properties.get("magmom")
    if given is None or any(m is None for m in given):
        raise ExchangeError("a structure has no site property magmom", name)
    vectors = np.array([_vector(m) for m in given])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    carries = lengths[:, 0] >= SMALLEST_MOMENT
    if not carries.any():
        raise ExchangeError(f"a structure has no moment above {SMALLEST_MOMENT} μB", name)
    return np.where(carries[:, None], vectors / np.where(lengths > 0, lengths, 1), 0.0)


def _vector(moment: Any) -> NDArray[np.float64]:
    values = np.asarray(getattr(moment, "moment", moment), dtype=float)
    return values if values.shape == (3,) else np.array([0.0, 0.0, float(values)])


def _pairs(structure: Structure, spins: NDArray[np.float64], cutoff: float) -> _Pairs:
    one, other, images, distances = structure.get_neighbor_list(cutoff, exclude_self=True)
    magnetic = np.asarray(spins.any(axis=1))
    bonds = np.column_stack([one, other, images]).astype(np.int64)
    kept = magnetic[one] & magnetic[other] & (distances > SAME_SHELL)
    bonds, distances = bonds[kept], distances[kept]
    symbols = [site.specie.symbol for site in structure]
    shells = [
        Shell((min(symbols[i], symbols[j]), max(symbols[i], symbols[j])), float(d))
        for (i, j), d in zip(bonds[:, :2], distances, strict=True)
    ]
    products = np.sum(spins[bonds[:, 0]] * spins[bonds[:, 1]], axis=1) / 2  # both directions are listed
    return _Pairs(bonds, products, shells)


def _shells(found: list[Shell]) -> list[Shell]:
    shells: list[Shell] = []
    for shell in sorted(set(found), key=lambda s: (s.species, s.distance)):
        last = shells[-1] if shells else None
        if last is None or last.species != shell.species or shell.distance - last.distance > SAME_SHELL:
            shells.append(shell)
    return sorted(shells, key=lambda s: s.distance)


def _place(shell: Shell, shells: list[Shell]) -> int:
    gaps = [abs(s.distance - shell.distance) if s.species == shell.species else np.inf for s in shells]
    return int(np.argmin(gaps))


def _row(pairs: _Pairs, shells: list[Shell]) -> NDArray[np.float64]:
    places = [_place(shell, shells) for shell in pairs.shells]
    return np.bincount(places, pairs.products, len(shells)).astype(float)


def _check_rank(design: NDArray[np.float64], shells: list[Shell], name: str) -> None:
    scaled = design / np.maximum(np.linalg.norm(design, axis=0), 1e-12)
    _, values, vectors = np.linalg.svd(scaled, full_matrices=True)
    rank = int(np.count_nonzero(values > 1e-6 * values[0]))
    if rank == design.shape[1]:
        return
    mixed = np.flatnonzero(abs(vectors[rank:]).max(axis=0)[1:] > 1e-6)  # noqa: PLR2004
    names = ", ".join(str(shells[n]) for n in mixed) or "the offset"
    raise ExchangeError(
        f"{len(design)} energies do not tell {design.shape[1]} unknowns apart ({names}): add orders that differ in "
        "them, or fit fewer shells",
        name,
    )


def _model(
    structure: Structure,
    spins: NDArray[np.float64],
    pairs: _Pairs,
    shells: list[Shell],
    couplings: NDArray[np.float64],
    name: str,
) -> ExchangeModel:
    sites = np.flatnonzero(spins.any(axis=1))
    new = np.full(len(structure), -1)
    new[sites] = np.arange(len(sites))
    values = np.array([couplings[_place(shell, shells)] for shell in pairs.shells])
    bonds = pairs.bonds.copy()
    bonds[:, :2] = new[bonds[:, :2]]
    moments = [float(np.linalg.norm(_vector(structure[int(s)].properties["magmom"]))) for s in sites]
    return ExchangeModel.from_bonds(
        structure.lattice.matrix, structure.frac_coords[sites], bonds, values,
        species=[structure[int(s)].specie.symbol for s in sites], moments=moments, name=name,
    )  # fmt: skip
