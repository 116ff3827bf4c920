"""Magnetic orders that are known, in the terms of the proposals, and whether a proposal is one of them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from magnetite.datasets.magnetic import MagneticData, reduced_formula
from magnetite.datasets.records import Record, find_records, read_records
from magnetite.errors import StructureError
from magnetite.orderings.moments import CARRIES
from magnetite.orderings.sublattice import MagneticSublattice
from magnetite.orderings.waves import HALF
from magnetite.structures import Crystal, as_crystal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from magnetite.orderings.candidates import Candidate

SMALL = 0.15
"""Of the largest |m|; smaller moments, on ligands mostly, are not part of the pattern."""
COLLINEAR = 0.99
"""Share of Σm² along the best axis from which measured moments count as collinear."""
HALF_VECTORS = np.array(list(product((0.0, 0.5), repeat=3)))
_EXACT = 1e-6


class KnownOrder(NamedTuple):
    """A collinear magnetic order that a calculation or an experiment found.

    Attributes:
        identity: id of its row.
        source: ``computed``, ``searched`` (the orders of the crystal were compared) or ``measured``.
        formula: reduced.
        fold: of the formula, see `magnetite.datasets.magnetic`.
        kind: ``FM``, ``AFM`` or ``FiM``.
        sublattice: the sites that carry moments.
        k: zero or half a reciprocal lattice vector; None if the order is not of one such vector.
        signs: of the sites at R = 0, shape (n_sites,); empty if `k` is None.
    """

    identity: str
    source: str
    formula: str
    fold: int
    kind: str
    sublattice: MagneticSublattice
    k: NDArray[np.float64] | None
    signs: NDArray[np.int64]

    @property
    def crystal(self) -> Crystal:
        """The primitive chemical cell."""
        return self.sublattice.crystal


def known_orders(data: MagneticData, kinds: frozenset[str] = frozenset({"AFM"})) -> Iterator[KnownOrder]:
    """Computed orders (antiferromagnets only), searched ones and collinear measured ones, of some kinds.

    Raises:
        DataError: the data folder lacks the files.
    """
    for name, source in (("mp_magmoms_kitchin", "computed"), ("mp_workflow_digimatchem", "searched")):
        for row in read_records(find_records(data.dft, name)):
            kind = row["ordering_mp"]
            if kind in kinds and (source == "searched" or kind == "AFM"):
                yield from _known(data, row, row, kind, source, np.array(row["magmoms"], dtype=float))
    for row in read_records(find_records(data.folder / "magndata", "magndata")):
        if not row["usable"] or row["order"] not in kinds:
            continue
        vectors = np.array(row["magnetic_cell"]["moments_cart"], dtype=float)
        _, sizes, axes = np.linalg.svd(vectors, full_matrices=False)
        if sizes[0] ** 2 >= COLLINEAR * (sizes**2).sum():
            yield from _known(data, row, row["magnetic_cell"], row["order"], "measured", vectors @ axes[0])


def _known(
    data: MagneticData, row: Record, cell: Record, kind: str, source: str, moments: NDArray[np.float64]
) -> Iterator[KnownOrder]:
    if abs(moments).max() < CARRIES:
        return
    formula = reduced_formula("".join(cell["species"]))
    try:
        sublattice, k, signs = decompose(as_crystal(cell, str(row["id"])), moments)
    except StructureError:
        return
    yield KnownOrder(str(row["id"]), source, formula, data.fold(formula), kind, sublattice, k, signs)


def decompose(
    crystal: Crystal, moments: NDArray[np.float64]
) -> tuple[MagneticSublattice, NDArray[np.float64] | None, NDArray[np.int64]]:
    """Find the wave vector and the signs of collinear moments.

    Args:
        crystal: the magnetic cell.
        moments: along one axis, in μB, shape (n_atoms,).

    Returns:
        The magnetic sublattice (|m| averaged over copies, small ones left out), the zero or half vector at which
        every site has one sign, the smallest if several do, and the signs; None and nothing if there is none.

    Raises:
        StructureError: no moment is large enough.
    """
    primitive, places = crystal.primitive
    mean = (np.bincount(places, abs(moments)) / np.bincount(places))[places]
    magnitudes = np.where(mean >= max(CARRIES, SMALL * mean.max()), mean, 0.0)
    sublattice = MagneticSublattice.of(crystal, magnitudes)
    if not len(sublattice):
        raise StructureError("has no moments", crystal.source)
    own = crystal.frac_coords @ crystal.lattice @ np.linalg.inv(primitive.lattice)
    cells = np.rint(own - primitive.frac_coords[places])
    chosen = np.flatnonzero(magnitudes)
    sites = np.searchsorted(sublattice.sites, places[chosen])
    change = np.rint(crystal.lattice @ np.linalg.inv(primitive.lattice))
    repeated = np.abs(HALF_VECTORS @ change.T % 1).max(axis=1) < _EXACT  # vectors of which the cell holds whole waves
    for k in HALF_VECTORS[repeated]:
        signs = np.sign(moments[chosen]) * np.where(np.rint(2 * cells[chosen] @ k) % 2 == 0, 1, -1)
        mean_sign = np.bincount(sites, signs) / np.bincount(sites)
        if np.abs(np.abs(mean_sign) - 1).max() < _EXACT:
            return sublattice, k, np.rint(mean_sign).astype(np.int64)
    return sublattice, None, np.zeros(0, np.int64)


def is_found(known: KnownOrder, candidate: Candidate, sublattice: MagneticSublattice) -> bool:
    """Whether a proposal is the known order but for symmetry and for turning all moments round.

    Sites that the proposal takes as magnetic and the known order does not are not looked at.

    Args:
        known: the order.
        candidate: the proposal.
        sublattice: that the proposal is for, of the same primitive cell.
    """
    if known.k is None or candidate.period > HALF or not set(known.sublattice.sites) <= set(sublattice.sites):
        return False
    chosen = np.searchsorted(sublattice.sites, known.sublattice.sites)
    signs = np.where(candidate.phases.real < 0, -1, 1)
    rotations, places, shifts = sublattice.operations
    k = np.array(candidate.k, dtype=float)
    for rotation, place, shift in zip(rotations, places, shifts, strict=True):
        moved = k @ np.rint(np.linalg.inv(rotation))
        if np.abs(moved - known.k - np.rint(moved - known.k)).max() > _EXACT:
            continue
        image = np.empty_like(signs)
        image[place] = signs * np.where(np.rint(2 * shift @ known.k) % 2 == 0, 1, -1)
        same = image[chosen] * known.signs
        if (same == same[0]).all():
            return True
    return False
