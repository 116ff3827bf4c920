"""Coulomb, sine and Ewald matrices by dscribe: every atom of the cell with every other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magnetite.errors import MagnetiteError, StructureError
from magnetite.representations.encoder import Encoder, Vector
from magnetite.representations.kinds import as_atoms
from magnetite.representations.libraries import library, working_dscribe

if TYPE_CHECKING:
    from magnetite.structures import Crystal

MATRICES = {"coulomb": "CoulombMatrix", "sine": "SineMatrix", "ewald": "EwaldSumMatrix"}
"""Our name of each matrix and dscribe's."""


class Matrix(Encoder):
    """A matrix of the atoms of one cell, padded with zeros to a fixed size.

    Args:
        which: of `MATRICES`.
        n_atoms_max: atoms of the largest cell; a larger one is refused.
        permutation: ``eigenspectrum``, or rows ``sorted_l2``, which do not depend on the order of the atoms, or
            ``none``.
        accuracy: to which Ewald's sums are converged, as dscribe means it; of no use to the others.

    Raises:
        MagnetiteError: no such permutation, or dscribe is not installed.
    """

    def __init__(
        self, which: str, n_atoms_max: int = 200, permutation: str = "eigenspectrum", accuracy: float = 1e-3
    ) -> None:
        if permutation not in {"eigenspectrum", "sorted_l2", "none"}:
            raise MagnetiteError(f"permutation must be eigenspectrum, sorted_l2 or none, not {permutation!r}")
        self.n_atoms_max = n_atoms_max
        self.matrix = getattr(library("dscribe.descriptors"), MATRICES[which])(
            n_atoms_max=n_atoms_max, permutation=permutation
        )
        self.options: dict[str, Any] = {"accuracy": accuracy} if which == "ewald" else {}
        self.labels = tuple(f"{which} {i}" for i in range(self.matrix.get_number_of_features()))

    def encode(self, crystal: Crystal) -> Vector:
        """The matrix or its eigenvalues, flat.

        Raises:
            StructureError: the cell is too large.
        """
        if len(crystal) > self.n_atoms_max:
            raise StructureError(
                f"has {len(crystal)} atoms, more than n_atoms_max={self.n_atoms_max}; reduce it (cell='primitive') "
                "or raise that option",
                crystal.source,
            )
        with working_dscribe():
            vector: Vector = self.matrix.create(as_atoms(crystal), **self.options)
        return vector
