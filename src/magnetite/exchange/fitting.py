"""Exchange constants from what DFT says of several magnetic states, on supercells of any, also mixed, sizes.

Every energy gives one equation, E = n E_0 - Σ_shells J_s Σ_pairs e_i·e_j, whose pair sums are counted over all
periodic images of its own cell: a neighbour that is reached in several cells counts as often as it is reached, and
shells are told apart by distance and species, never by their place in a list. Least squares solve for E_0 and J.

Where moments are constrained, magnetic forces say more: each moment gives two equations,
|m_i| (-∂E/∂m_i) = Σ_shells J_s Σ_j e_j across m_i.
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
_BLURRED = 0.3
"""Å; a shell that is wider is none."""
_COLLINEAR = 1e-6
"""Sine of an angle; what is below is rounding."""


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
        offset: E_0 in eV an atom of the structures; None if energies were not fitted.
        residual: root mean square of what the fit leaves, of energies in meV a magnetic site, of magnetic forces in
            meV a radian by which the moment turns.
        explained: share of the variance that the fit explains, R².
        model: the constants on the cell of the smallest structure.
    """

    shells: tuple[Shell, ...]
    couplings: NDArray[np.float64]
    errors: NDArray[np.float64]
    offset: float | None
    residual: float
    explained: float
    model: ExchangeModel

    def __str__(self) -> str:
        rows = zip(self.shells, self.couplings, self.errors, strict=True)
        lines = [f"{shell}  {j:10.4f} ± {e:.4f} meV" for shell, j, e in rows]
        of = "a radian" if self.offset is None else "a magnetic site"
        return "\n".join([*lines, f"left over: {self.residual:.3g} meV {of} (rms), R² = {self.explained:.4f}"])


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
    states = _States.of(structures, cutoff, name)
    sizes = np.array([len(structure) for structure in structures], dtype=float)
    counts = np.array([np.count_nonzero(np.linalg.norm(spin, axis=1)) for spin in states.spins], dtype=float)
    table = np.array([_row(pairs, states.shells) for pairs in states.pairs])
    design = np.column_stack([-table, sizes]) / counts[:, None]
    return states.solve(design, MILLI * np.asarray(energies, dtype=float) / counts, len(counts))


def fit_exchange_to_forces(
    structures: Sequence[Structure],
    magnetic_forces: Sequence[NDArray[np.float64]],
    *,
    cutoff: float,
    name: str = "fit",
) -> ExchangeFit:
    """Fit exchange constants to the magnetic forces of constrained moments; only their part across the moments is used.

    Args:
        structures: pymatgen structures of one crystal with the site property ``magmom`` (μB, vectors), not collinear.
        magnetic_forces: -dE/dm in eV/μB of each structure, (n_sites, 3).
        cutoff: shells up to this distance in Å are fitted.
        name: of the model.

    Raises:
        ExchangeError: moments or forces are missing, there is no shell, or all moments are collinear.
    """
    if len(structures) != len(magnetic_forces) or not len(structures):
        raise ExchangeError(f"{len(structures)} structures but magnetic forces of {len(magnetic_forces)}", name)
    for structure, forces in zip(structures, magnetic_forces, strict=True):
        if np.shape(forces) != (len(structure), 3) or not np.isfinite(forces).all():
            raise ExchangeError(f"magnetic forces must be finite and of shape ({len(structure)}, 3)", name)
    states = _States.of(structures, cutoff, name)
    design, target = [], []
    for structure, spins, pairs, forces in zip(structures, states.spins, states.pairs, magnetic_forces, strict=True):
        fields = np.zeros((len(states.shells), *spins.shape))
        np.add.at(fields, (_places(pairs, states.shells), pairs.bonds[:, 0]), spins[pairs.bonds[:, 1]])
        lengths = np.linalg.norm([_vector(m) for m in structure.site_properties["magmom"]], axis=1, keepdims=True)
        design.append(_across(fields, spins).reshape(len(states.shells), -1).T)
        target.append(MILLI * _across(lengths * forces, spins).ravel())
    if max(abs(part).max() for part in design) < _COLLINEAR:
        raise ExchangeError("all moments are collinear: magnetic forces across them say nothing of the exchange", name)
    turning = 2 * sum(int(np.count_nonzero(spins.any(axis=1))) for spins in states.spins)
    return states.solve(np.concatenate(design), np.concatenate(target), turning)


def _across(vectors: NDArray[np.float64], spins: NDArray[np.float64]) -> NDArray[np.float64]:
    """The part of vectors (…, n, 3) across the spins; nothing on sites without."""
    carries = (spins != 0).any(axis=1, keepdims=True)
    part: NDArray[np.float64] = carries * (vectors - (vectors * spins).sum(-1, keepdims=True) * spins)
    return part


class _Pairs(NamedTuple):
    """Pairs of magnetic sites of one structure, each once, and their shells."""

    bonds: NDArray[np.int64]
    products: NDArray[np.float64]
    shells: list[Shell]


@dataclass(frozen=True, eq=False)
class _States:
    """Magnetic states of one crystal: their spins and pairs, and the shells of all of them."""

    name: str
    structures: Sequence[Structure]
    spins: list[NDArray[np.float64]]
    pairs: list[_Pairs]
    shells: list[Shell]

    @classmethod
    def of(cls, structures: Sequence[Structure], cutoff: float, name: str) -> _States:
        spins = [_spins(structure, name) for structure in structures]
        pairs = [_pairs(structure, spin, cutoff) for structure, spin in zip(structures, spins, strict=True)]
        shells = _shells([shell for found in pairs for shell in found.shells], name)
        if not shells:
            raise ExchangeError(f"no two magnetic sites are within {cutoff:g} Å", name)
        return cls(name, structures, spins, pairs, shells)

    def solve(self, design: NDArray[np.float64], target: NDArray[np.float64], equations: int) -> ExchangeFit:
        """Least squares; the columns are the shells', then, for energies, the offset's."""
        count = len(self.shells)
        _check_rank(design, self.shells, equations, self.name)
        solution = np.asarray(np.linalg.lstsq(design, target, rcond=None)[0], dtype=np.float64)
        rest = target - design @ solution
        freedom = equations - design.shape[1]
        variance = float(rest @ rest) / freedom if freedom > 0 else np.nan
        errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * variance)
        offset = float(solution[count]) / MILLI if len(solution) > count else None
        whole = target - target.mean() if offset is not None else target
        smallest = int(np.argmin([len(structure) for structure in self.structures]))
        return ExchangeFit(
            shells=tuple(self.shells),
            couplings=solution[:count],
            errors=errors[:count],
            offset=offset,
            residual=float(np.sqrt(rest @ rest / equations)),
            explained=float(1 - rest @ rest / (whole @ whole)) if whole.any() else np.nan,
            model=_model(
                self.structures[smallest], self.spins[smallest], self.pairs[smallest], self.shells, solution, self.name
            ),
        )


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


def _shells(found: list[Shell], name: str) -> list[Shell]:
    """Shells of all pairs, at their mean distances; atoms that are displaced a little stay in theirs.

    Raises:
        ExchangeError: distances run into one another, so that there are no shells.
    """
    shells = []
    for species in sorted({shell.species for shell in found}):
        distances = np.sort([shell.distance for shell in found if shell.species == species])
        parts = np.split(distances, np.flatnonzero(np.diff(distances) > SAME_SHELL) + 1)
        for part in parts:
            if part[-1] - part[0] > _BLURRED:
                raise ExchangeError(
                    f"distances between {' and '.join(species)} run together from {part[0]:.2f} to {part[-1]:.2f} Å: "
                    "the states must be of one crystal",
                    name,
                )
            shells.append(Shell(species, float(part.mean())))
    return sorted(shells, key=lambda s: s.distance)


def _places(pairs: _Pairs, shells: list[Shell]) -> NDArray[np.int64]:
    """Which shell each pair belongs to, (n_pairs,)."""
    places = np.zeros(len(pairs.shells), np.int64)
    distances = np.array([shell.distance for shell in pairs.shells])
    for species in {shell.species for shell in pairs.shells}:
        own = np.flatnonzero([shell.species == species for shell in shells])
        rows = np.flatnonzero([shell.species == species for shell in pairs.shells])
        centres = np.array([shells[place].distance for place in own])
        places[rows] = own[abs(distances[rows, None] - centres).argmin(axis=1)]
    return places


def _row(pairs: _Pairs, shells: list[Shell]) -> NDArray[np.float64]:
    return np.bincount(_places(pairs, shells), pairs.products, len(shells)).astype(float)


def _check_rank(design: NDArray[np.float64], shells: list[Shell], equations: int, name: str) -> None:
    scaled = design / np.maximum(np.linalg.norm(design, axis=0), 1e-12)
    _, values, vectors = np.linalg.svd(scaled, full_matrices=True)
    rank = int(np.count_nonzero(values > 1e-6 * values[0]))
    if rank == design.shape[1]:
        return
    mixed = np.flatnonzero(abs(vectors[rank:]).max(axis=0)[: len(shells)] > 1e-6)  # noqa: PLR2004
    names = ", ".join(str(shells[n]) for n in mixed) or "the offset"
    raise ExchangeError(
        f"{equations} equations do not tell {design.shape[1]} unknowns apart ({names}): add states that differ in "
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
    values = couplings[_places(pairs, shells)]
    bonds = pairs.bonds.copy()
    bonds[:, :2] = new[bonds[:, :2]]
    moments = [float(np.linalg.norm(_vector(structure[int(s)].properties["magmom"]))) for s in sites]
    return ExchangeModel.from_bonds(
        structure.lattice.matrix, structure.frac_coords[sites], bonds, values,
        species=[structure[int(s)].specie.symbol for s in sites], moments=moments, name=name,
    )  # fmt: skip
