"""What every representation is once its options are chosen: a crystal in, a labelled vector of fixed length out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import MagnetiteError, StructureError
from magnetite.structures import Crystal, say

Vector: TypeAlias = NDArray[np.float64]
SMALLEST = 1e-4
"""Amounts of a composition are multiples of their common divisor to this."""


class Encoder(ABC):
    """A representation with its options.

    Attributes:
        labels: of the numbers, in their order.
        citations: what its library asks to cite, as BibTeX.
    """

    labels: tuple[str, ...]
    citations: tuple[str, ...] = ()

    @abstractmethod
    def encode(self, crystal: Crystal) -> Vector:
        """The vector of one crystal, shape (len(labels),).

        Raises:
            MagnetiteError: there is none.
        """

    def encode_many(self, crystals: Iterable[Crystal | MagnetiteError]) -> Iterator[Vector | MagnetiteError]:
        """The vector of each crystal or, in its place, why there is none."""
        return map(self.checked, crystals)

    def checked(self, crystal: Crystal | MagnetiteError) -> Vector | MagnetiteError:
        """`encode`, with errors of the libraries turned into ours, and nothing that is not finite."""
        if isinstance(crystal, MagnetiteError):
            return crystal
        return self.sure(lambda: self.encode(crystal), crystal.source)

    def sure(self, make: Callable[[], Vector], source: str | None) -> Vector | MagnetiteError:
        """A vector of finite numbers or, whatever a library makes of what it cannot take, an error of ours."""
        try:
            vector = make()
            bad = np.flatnonzero(~np.isfinite(vector))
            if len(bad):
                return StructureError(f"has no finite {self.labels[bad[0]]!r} ({len(bad)} such numbers)", source)
            return np.asarray(vector, dtype=float)
        except MagnetiteError as error:
            return error.at(source) if source else error
        except Exception as error:  # noqa: BLE001 (see above)
            return StructureError(f"cannot be represented ({say(error)})", source)


class CompositionEncoder(Encoder):
    """A representation of the composition alone."""

    @abstractmethod
    def encode_composition(self, amounts: Mapping[str, float]) -> Vector:
        """The vector of a composition, given by the amount of each element in the reduced formula.

        Raises:
            MagnetiteError: there is none.
        """

    def encode(self, crystal: Crystal) -> Vector:
        """The vector of a crystal's reduced formula."""
        return self.encode_composition(amounts(crystal))


def positive(**numbers: float) -> None:
    """Check options that are numbers above zero.

    Raises:
        MagnetiteError: one is not.
    """
    for name, number in numbers.items():
        if not 0 < number < np.inf:
            raise MagnetiteError(f"{name} must be above 0, not {number}")


def amounts(crystal: Crystal) -> dict[str, float]:
    """Amount of each element in the reduced formula of a crystal."""
    from ase.data import chemical_symbols

    counts = sorted(Counter(crystal.numbers.tolist()).items())
    return reduced({chemical_symbols[z]: n for z, n in counts})


def reduced(formula: Mapping[str, float]) -> dict[str, float]:
    """The smallest whole amounts in the same ratio; pymatgen's reduction leaves O2 and Fe0.5Ni0.5 as they are.

    Raises:
        StructureError: there are none.
    """
    from monty.fractions import gcd_float

    if not formula:
        raise StructureError("has no atoms")
    divisor = gcd_float(list(formula.values()), SMALLEST)
    return {element: round(amount / divisor, 6) for element, amount in formula.items()}
