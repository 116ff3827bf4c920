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
from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import ExchangeError
from magnetite.exchange.fitting_checks import check_states
from magnetite.exchange.fitting_pairs import Pairs, Shell, moments_of, pairs_of, places_of, shells_of, spins_of
from magnetite.exchange.model import ExchangeModel

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core.structure import Structure

MILLI = 1000.0
_COLLINEAR = 1e-6
"""Sine of an angle; what is below is rounding."""


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
        model: the constants on the cell of the smallest structure; its notes warn of moments that are not alike.
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
        ExchangeError: moments are missing or vanish in some orders, compositions differ, there is no shell, or the
            orders do not tell the shells apart.
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
        ExchangeError: moments or forces are missing, moments vanish in some structures, compositions differ, there is
            no shell, or all moments are collinear.
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
        np.add.at(fields, (places_of(pairs, states.shells), pairs.bonds[:, 0]), spins[pairs.bonds[:, 1]])
        lengths = np.linalg.norm(moments_of(structure, name), axis=1, keepdims=True)
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


@dataclass(frozen=True, eq=False)
class _States:
    """Magnetic states of one crystal: their spins and pairs, and the shells of all of them."""

    name: str
    structures: Sequence[Structure]
    spins: list[NDArray[np.float64]]
    pairs: list[Pairs]
    shells: list[Shell]
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, structures: Sequence[Structure], cutoff: float, name: str) -> _States:
        spins = [spins_of(structure, name) for structure in structures]
        warnings = check_states(structures, spins, name)
        pairs = [pairs_of(structure, spin, cutoff) for structure, spin in zip(structures, spins, strict=True)]
        shells = shells_of([shell for found in pairs for shell in found.shells], name)
        if not shells:
            raise ExchangeError(f"no two magnetic sites are within {cutoff:g} Å", name)
        return cls(name, structures, spins, pairs, shells, warnings)

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
        # as many sites an atom carry moments in all states, so that the mean takes the offset out of R²
        whole = target - target.mean() if offset is not None else target
        return ExchangeFit(
            shells=tuple(self.shells),
            couplings=solution[:count],
            errors=errors[:count],
            offset=offset,
            residual=float(np.sqrt(rest @ rest / equations)),
            explained=float(1 - rest @ rest / (whole @ whole)) if whole.any() else np.nan,
            model=self._model(solution),
        )

    def _model(self, couplings: NDArray[np.float64]) -> ExchangeModel:
        """On the cell of the smallest structure."""
        smallest = int(np.argmin([len(structure) for structure in self.structures]))
        structure, pairs = self.structures[smallest], self.pairs[smallest]
        sites = np.flatnonzero(self.spins[smallest].any(axis=1))
        new = np.full(len(structure), -1)
        new[sites] = np.arange(len(sites))
        values = couplings[places_of(pairs, self.shells)]
        bonds = pairs.bonds.copy()
        bonds[:, :2] = new[bonds[:, :2]]
        moments = np.linalg.norm(moments_of(structure, self.name)[sites], axis=1)
        return ExchangeModel.from_bonds(
            structure.lattice.matrix, structure.frac_coords[sites], bonds, values,
            species=[structure[int(s)].specie.symbol for s in sites], moments=moments, name=self.name,
            notes=self.warnings,
        )  # fmt: skip


def _row(pairs: Pairs, shells: list[Shell]) -> NDArray[np.float64]:
    return np.bincount(places_of(pairs, shells), pairs.products, len(shells)).astype(float)


def _check_rank(design: NDArray[np.float64], shells: list[Shell], equations: int, name: str) -> None:
    scaled = design / np.maximum(np.linalg.norm(design, axis=0), 1e-12)
    _, values, vectors = np.linalg.svd(np.linalg.qr(scaled, mode="r"))  # as many rows as unknowns, not as equations
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
