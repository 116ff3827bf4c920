"""Elements sorted into a few kinds, so that descriptors with a channel for each species keep a sane, fixed length.

A descriptor of all 103 elements has thousands of channels for each pair of them, nearly all empty. The kinds are
those that matter in magnets; libraries, which know elements only, are given one stand-in for each kind.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from magnetite.elements import MAX_ATOMIC_NUMBER
from magnetite.errors import MagnetiteError, StructureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from magnetite.structures import Crystal

KINDS = {"s": "Na", "3d": "Fe", "4d/5d": "Mo", "f": "Gd", "p": "Al", "anion": "O"}
"""Each kind and its stand-in: groups 1 and 2 with H, 3d metals, 4d and 5d metals, lanthanoids and actinoids,
what is left of groups 13 to 18, and anions (N, chalcogens, halogens)."""
ANIONS = frozenset("N O F S Cl Se Br Te I".split())
_FIRST_D_ROW = 4


@cache
def kind_table() -> NDArray[np.int64]:
    """Place in `KINDS` of each atomic number (-1 for 0), shape (MAX_ATOMIC_NUMBER + 1,)."""
    from ase.data import chemical_symbols

    names = list(KINDS)
    return np.array([-1, *(names.index(_kind(symbol)) for symbol in chemical_symbols[1 : MAX_ATOMIC_NUMBER + 1])])


def _kind(symbol: str) -> str:
    from pymatgen.core.periodic_table import Element

    element = Element(symbol)
    if symbol in ANIONS:
        return "anion"
    if element.is_lanthanoid or element.is_actinoid:
        return "f"
    if 3 <= element.group <= 12:  # noqa: PLR2004 (the groups of d metals)
        return "3d" if element.row == _FIRST_D_ROW else "4d/5d"
    return "s" if element.group <= 2 else "p"  # noqa: PLR2004 (alkali and alkaline earth metals)


class Channels:
    """The species that a descriptor keeps apart.

    Args:
        species: symbols of elements, or of the only one, or None for `KINDS`.

    Attributes:
        names: of the channels.
        symbols: what libraries are given for each.

    Raises:
        MagnetiteError: an element is unknown or named twice.
    """

    def __init__(self, species: str | Sequence[str] | None) -> None:
        from ase.data import atomic_numbers

        if species is None:
            self.names, self.symbols = tuple(KINDS), tuple(KINDS.values())
            self._table = kind_table()
            return
        species = (species,) if isinstance(species, str) else tuple(species)
        unknown = [s for s in species if not 0 < atomic_numbers.get(s, 0) <= MAX_ATOMIC_NUMBER]
        if unknown or not species or len(set(species)) < len(species):
            raise MagnetiteError(f"species must be different elements, not {', '.join(unknown or species) or 'none'}")
        self.names = self.symbols = tuple(species)
        self._table = np.full(MAX_ATOMIC_NUMBER + 1, -1)
        self._table[[atomic_numbers[s] for s in species]] = np.arange(len(species))

    def __len__(self) -> int:
        return len(self.names)

    def of(self, crystal: Crystal) -> NDArray[np.int64]:
        """Channel of each atom, shape (n_atoms,).

        Raises:
            StructureError: an element has none.
        """
        from ase.data import chemical_symbols

        found = self._table[crystal.numbers]
        if (found < 0).any():
            missing = sorted({chemical_symbols[z] for z in crystal.numbers[found < 0]})
            raise StructureError(f"holds {', '.join(missing)}, which the option species does not name", crystal.source)
        return found

    def atoms(self, crystal: Crystal) -> Atoms:
        """The crystal as ASE's atoms, each element by what stands for its channel."""
        return as_atoms(crystal, [self.symbols[c] for c in self.of(crystal)])


def as_atoms(crystal: Crystal, symbols: list[str] | None = None) -> Atoms:
    """A crystal as ASE's atoms, within the cell, under other symbols if some are given."""
    from ase import Atoms

    coords = crystal.frac_coords - np.floor(crystal.frac_coords)
    return Atoms(
        symbols if symbols is not None else crystal.numbers,
        cell=crystal.lattice,
        scaled_positions=coords,
        pbc=True,
    )
