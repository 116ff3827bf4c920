"""Exchange constants from a potential: second derivatives of the energy by two moments.

H = −Σ_pairs J_ij e_i·e_j with unit vectors and each pair once, so that J_ij = −|m_i| |m_j| ∂²E/∂m_i∂m_j across the
moments (Liechtenstein et al., J. Magn. Magn. Mater. 67, 65, 1987, take the same small rotations). With spin–orbit
coupling the whole 3×3 tensor is of interest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from ase.data import chemical_symbols
from numpy.typing import NDArray
from tqdm.auto import tqdm

from magnetite.errors import StructureError
from magnetite.potential.batch import Surroundings
from magnetite.potential.canting import SMALLEST_MOMENT
from magnetite.potential.model import PotentialModel
from magnetite.potential.taking import SpinCrystal, as_spin_crystal, found_moments
from magnetite.structures import Crystal

_MEV = 1e3
_SAME_LENGTH = 0.05
"""Å; bonds closer in length than this are one shell."""


@dataclass(frozen=True, eq=False)
class ExchangeBonds:
    """Exchange constants of a crystal's magnetic sites, as plain arrays.

    Attributes:
        lattice: rows in Å, (3, 3).
        frac_coords: of the magnetic sites, (n_sites, 3).
        species: symbols of these sites.
        moments: |m| of these sites in μB, (n_sites,).
        bonds: i, j and the cell of j as seen from i, each pair once, (n_bonds, 5).
        couplings: J in meV for unit vectors, positive for parallel, (n_bonds,).
        tensors: the same as e_i·J·e_j in meV, (n_bonds, 3, 3).
        distances: in Å, (n_bonds,).
        warnings: why the constants may be a guess.
    """

    lattice: NDArray[np.float64]
    frac_coords: NDArray[np.float64]
    species: tuple[str, ...]
    moments: NDArray[np.float64]
    bonds: NDArray[np.int64]
    couplings: NDArray[np.float64]
    tensors: NDArray[np.float64]
    distances: NDArray[np.float64]
    warnings: tuple[str, ...] = ()

    def shells(self) -> list[tuple[float, int, float, float]]:
        """Distance in Å, number of bonds, mean J and its spread over them in meV, shell by shell."""
        order = np.argsort(self.distances)
        cuts = np.flatnonzero(np.diff(self.distances[order]) > _SAME_LENGTH) + 1
        return [
            (
                float(self.distances[part].mean()), len(part),
                float(self.couplings[part].mean()), float(self.couplings[part].std()),
            )
            for part in np.split(order, cuts) if len(part)
        ]  # fmt: skip


def exchange_of(
    model: PotentialModel,
    structure: Any,
    *,
    reach: float | None = None,
    moments: Any = None,
    progress: bool = False,
) -> ExchangeBonds:
    """Exchange constants in a magnetic state.

    Derivatives are taken in a supercell wide enough that no two images of a site are within the potential's cutoff, or
    `reach`, of another. Sites with less than 0.1 μB take no part.

    Args:
        model: a potential.
        structure: crystal with moments, the state about which spins are turned. Of ASE's ``Atoms`` with a calculator
            that found moments for them these are taken, not those that it began with.
        reach: length of the longest bond in Å; the potential's cutoff if None.
        moments: in μB, instead of those that the structure carries.
        progress: show a bar over the sites; the time grows as the square of their number.

    Raises:
        StructureError: no moments, an unknown element, or a `reach` that is no length.
    """
    taken = _inside(as_spin_crystal(structure, found_moments(structure) if moments is None else moments))
    cutoff = model.network.config.cutoff
    reach = cutoff if reach is None else reach
    if not 0 < reach < np.inf:
        raise StructureError(f"reach is a length in Å, not {reach}", taken.crystal.source)
    multiples, large = _supercell(taken, max(reach, cutoff))
    item = model.prepare(large)
    lengths = np.linalg.norm(taken.moments, axis=1)
    sites = np.flatnonzero((lengths > SMALLEST_MOMENT) & np.isin(taken.crystal.numbers, model.network.magnetic_numbers))
    if not len(sites):
        raise StructureError(f"no site carries more than {SMALLEST_MOMENT} μB", taken.crystal.source)
    hessian = _hessian(model, item, sites, progress=progress)
    size, cells = len(taken.crystal), _cells(multiples)
    place = {int(site): number for number, site in enumerate(sites)}
    found = []
    for first in sites.tolist():
        for copy, cell in enumerate(cells):
            for second in sites.tolist():
                image, distance = _nearest(taken.crystal, first, second, cell, multiples)
                once = image > (0, 0, 0) if first == second else first < second
                if not once or distance >= reach:
                    continue
                block = hessian[place[first], :, copy * size + second]
                tensor = -_MEV * lengths[first] * lengths[second] * block
                units = [taken.moments[s] / lengths[s] for s in (first, second)]
                found.append((place[first], place[second], *image, _across(tensor, *units), tensor, distance))
    return ExchangeBonds(
        lattice=taken.crystal.lattice,
        frac_coords=taken.crystal.frac_coords[sites],
        species=tuple(chemical_symbols[taken.crystal.numbers[s]] for s in sites),
        moments=lengths[sites],
        bonds=np.array([row[:5] for row in found], dtype=np.int64).reshape(-1, 5),
        couplings=np.array([row[5] for row in found]),
        tensors=np.array([row[6] for row in found]).reshape(-1, 3, 3),
        distances=np.array([row[7] for row in found]),
        warnings=(*model.objections(model.prepare(taken)), *model.objections_to_turning()),
    )


def _across(tensor: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Mean of a tensor over the directions in which both moments can turn."""
    left, right = (np.eye(3) - np.outer(unit, unit) for unit in (first, second))
    return float(np.trace(left @ tensor @ right) / np.trace(left @ right))


def _inside(taken: SpinCrystal) -> SpinCrystal:
    """The same crystal with all atoms in the cell, where images are looked for; molecular dynamics leaves it."""
    crystal = taken.crystal
    return replace(taken, crystal=replace(crystal, frac_coords=crystal.frac_coords % 1.0))


def _supercell(taken: SpinCrystal, reach: float) -> tuple[NDArray[np.int64], SpinCrystal]:
    heights = 1 / np.linalg.norm(np.linalg.inv(taken.crystal.lattice), axis=0)
    multiples = np.maximum(np.ceil(2 * reach / heights - 1e-9), 1).astype(np.int64)
    cells = _cells(multiples)
    coords = np.concatenate([taken.crystal.frac_coords + cell for cell in cells]) / multiples
    crystal = Crystal(
        taken.crystal.lattice * multiples[:, None], coords, np.tile(taken.crystal.numbers, len(cells)),
        taken.crystal.source,
    )  # fmt: skip
    return multiples, SpinCrystal(crystal, np.tile(taken.moments, (len(cells), 1)))


def _cells(multiples: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.stack(np.meshgrid(*(np.arange(m) for m in multiples), indexing="ij"), axis=-1).reshape(-1, 3)


def _nearest(
    crystal: Crystal, first: int, second: int, cell: NDArray[np.int64], multiples: NDArray[np.int64]
) -> tuple[tuple[int, int, int], float]:
    """Which of the supercell's images of a site is nearest: its cell, and the distance in Å."""
    shifts = _cells(np.array([3, 3, 3])) - 1
    images = cell + shifts * multiples
    vectors = (crystal.frac_coords[second] + images - crystal.frac_coords[first]) @ crystal.lattice
    lengths = np.linalg.norm(vectors, axis=1)
    best = int(lengths.argmin())
    a, b, c = (int(x) for x in images[best])
    return (a, b, c), float(lengths[best])


def _hessian(
    model: PotentialModel, item: Surroundings, sites: NDArray[np.int64], *, progress: bool
) -> NDArray[np.float64]:
    """∂²E/∂m_i∂m_j in eV/μB² for some sites i and all j: (site, axis of i, atom j, axis of j)."""
    batch = model.collate([item])
    moments = batch.moments.detach().requires_grad_()
    with torch.enable_grad():
        energy = model.network(batch.with_moments(moments)).sum()
        (slope,) = torch.autograd.grad(energy, moments, create_graph=True)
        rows = [
            torch.stack([torch.autograd.grad(slope[site, axis], moments, retain_graph=True)[0] for axis in range(3)])
            for site in tqdm(sites.tolist(), desc="second derivatives", unit=" sites", disable=not progress)
        ]
    found: NDArray[np.float64] = torch.stack(rows).cpu().double().numpy()
    return found
