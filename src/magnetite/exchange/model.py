"""Exchange constants of a crystal: the one carrier that readers fill and everything else works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from monty.json import MSONable

from magnetite.errors import ExchangeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME = 1e-6
"""meV; what differs by less is the same."""
RELATIVE, NOISE = 0.02, 2e-4
"""Of the bond itself, and of the strongest: two directions of a bond that differ by more contradict each other. Where
DFT computes both on their own, weak bonds differ by much of themselves, but by little of the strongest."""
WHOLE = 1e-6
"""Distance from a whole number that is rounding."""
FARTHEST = 1_000_000
"""Cells beyond which no bond reaches; far larger numbers are no whole numbers of the machine."""
LARGEST = 1e9
"""Å, μB or meV beyond which a number is a slip of the file; sums of far larger ones are not finite."""


@dataclass(frozen=True, eq=False)
class ExchangeModel(MSONable):
    """Magnetic sites of a crystal and what couples them: H = -Σ_pairs e_i·J_ij·e_j - Σ_i e_i·A_i·e_i.

    Build it with `from_bonds`, which takes lists with each pair once or twice.

    Attributes:
        lattice: rows are the cell vectors in Å, shape (3, 3).
        frac_coords: of the magnetic sites, shape (n_sites, 3).
        species: symbol or label of each site.
        moments: |m| in μB, shape (n_sites,).
        spins: length S of each site's spin for the quantum correction (S + 1)/S; NaN where unknown.
        first: one site of each bond, each pair once, shape (n_bonds,).
        second: the other.
        images: cell of the second as seen from the first, shape (n_bonds, 3).
        couplings: J in meV for unit vectors, shape (n_bonds,) or, with 3×3 tensors, (n_bonds, 3, 3).
        anisotropy: A in meV, symmetric, shape (n_sites, 3, 3); D (e·n)² is A = D n nᵀ. None if there is none.
        name: for titles and messages.
        notes: what the reader found worth saying.
    """

    lattice: Any
    frac_coords: Any
    species: tuple[str, ...]
    moments: Any
    spins: Any
    first: Any
    second: Any
    images: Any
    couplings: Any
    anisotropy: Any = None
    name: str = "exchange"
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        for key, kind in _KINDS.items():
            object.__setattr__(self, key, np.array(getattr(self, key), dtype=kind))  # not the caller's
        if self.anisotropy is not None:
            object.__setattr__(self, "anisotropy", np.array(self.anisotropy, dtype=float))
        object.__setattr__(self, "species", tuple(self.species))
        object.__setattr__(self, "notes", tuple(self.notes))
        _validate(self)

    def __len__(self) -> int:
        return len(self.species)

    @classmethod
    def from_bonds(
        cls,
        lattice: Any,
        frac_coords: Any,
        bonds: Any,
        couplings: Any,
        *,
        species: Any = None,
        moments: Any = None,
        spins: Any = None,
        anisotropy: Any = None,
        name: str = "exchange",
        notes: tuple[str, ...] = (),
    ) -> ExchangeModel:
        """Make a model of a list of bonds that holds each pair once or in both directions.

        Args:
            lattice: cell vectors in Å, shape (3, 3).
            frac_coords: of the magnetic sites, shape (n_sites, 3).
            bonds: whole numbers i, j, cell_a, cell_b, cell_c, shape (n_bonds, 5).
            couplings: J in meV for unit vectors, **each pair counted once in the Hamiltonian** however often the
                list holds it (`conventions.from_convention` turns others into this), (n_bonds,) or (n_bonds, 3, 3).
            species: symbol of each site; ``X`` if None.
            moments: |m| in μB, one for all or one a site; 1 if None.
            spins: S, one for all or one a site; unknown if None.
            anisotropy: as the attribute.
            name: as the attribute.
            notes: as the attribute.

        Raises:
            ExchangeError: the same bond comes with different constants, an index is out of range or no whole number,
                a site is bound to itself in its own cell, or numbers are not finite.
        """
        coords = np.asarray(frac_coords, dtype=float).reshape(-1, 3)
        size = len(coords)
        table = whole(np.asarray(bonds, dtype=float).reshape(-1, 5), name)
        values = np.asarray(couplings, dtype=float)
        first, second, images, values = unique_bonds(table, values, size, name)
        return cls(
            lattice, coords, tuple(["X"] * size if species is None else species), _of_sites(moments, 1.0, size),
            _of_sites(spins, np.nan, size), first, second, images, values, anisotropy, name, notes,
        )  # fmt: skip

    @property
    def has_tensors(self) -> bool:
        """Whether couplings are 3×3 tensors."""
        return bool(self.couplings.ndim == 3)  # noqa: PLR2004

    @cached_property
    def has_anisotropy(self) -> bool:
        """Whether some site has a single-ion term."""
        return self.anisotropy is not None and bool(abs(self.anisotropy).max() > 0)

    @cached_property
    def is_isotropic(self) -> bool:
        """Whether no direction of space is special: neither anisotropy nor tensors but multiples of the unit."""
        if self.has_anisotropy:
            return False
        return not self.has_tensors or bool(
            abs(self.couplings - self.isotropic[:, None, None] * np.eye(3)).max(initial=0.0) <= SAME
        )

    def refuse_anisotropy(self, program: str) -> None:
        """Stop a writer whose file cannot hold single-ion terms.

        Raises:
            ExchangeError: there are some.
        """
        if self.has_anisotropy:
            raise ExchangeError(f"{program}'s file would lose the single-ion anisotropy; write csv or json", self.name)

    @cached_property
    def strengths(self) -> NDArray[np.float64]:
        """Largest entry of each coupling by size, in meV, shape (n_bonds,)."""
        entries = tuple(range(1, self.couplings.ndim))
        found: NDArray[np.float64] = abs(self.couplings).max(axis=entries, initial=0.0)
        return found

    @cached_property
    def isotropic(self) -> NDArray[np.float64]:
        """Isotropic part of each coupling, a third of its trace, in meV, shape (n_bonds,)."""
        found: NDArray[np.float64] = self.couplings
        if self.has_tensors:
            found = np.trace(found, axis1=1, axis2=2) / 3
        return found

    @cached_property
    def vectors(self) -> NDArray[np.float64]:
        """From the first to the second site of each bond in Å, shape (n_bonds, 3)."""
        steps = self.frac_coords[self.second] - self.frac_coords[self.first] + self.images
        found: NDArray[np.float64] = steps @ self.lattice
        return found

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """Length of each bond in Å, shape (n_bonds,)."""
        found: NDArray[np.float64] = np.linalg.norm(self.vectors, axis=1)
        return found

    def directed(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Both directions of every bond: sites, other sites, images, couplings; 2 n_bonds rows."""
        transposed = self.couplings.transpose(0, 2, 1) if self.has_tensors else self.couplings
        return (
            np.concatenate([self.first, self.second]),
            np.concatenate([self.second, self.first]),
            np.concatenate([self.images, -self.images]),
            np.concatenate([self.couplings, transposed]),
        )

    def energy(self, directions: Any) -> float:
        """Energy of the cell in meV for moments along unit vectors that repeat with the cell, shape (n_sites, 3)."""
        e = np.asarray(directions, dtype=float)
        one, other = e[self.first], e[self.second]
        if self.has_tensors:
            total = -np.einsum("ba,bac,bc->", one, self.couplings, other)
        else:
            total = -float(np.sum(self.couplings * np.sum(one * other, axis=1)))
        if self.anisotropy is not None:
            total -= np.einsum("ia,iac,ic->", e, self.anisotropy, e)
        return float(total)


def _of_sites(given: Any, unknown: float, size: int) -> NDArray[np.float64]:
    """A number for each site; lists are left as they are, for `_validate` to judge."""
    values = np.asarray(unknown if given is None else given, dtype=float)
    return np.full(size, float(values)) if values.ndim == 0 else values


_KINDS: dict[str, Any] = {
    "lattice": float, "frac_coords": float, "moments": float, "spins": float, "first": np.int64, "second": np.int64,
    "images": np.int64, "couplings": float,
}  # fmt: skip


def _validate(model: ExchangeModel) -> None:
    size, bonds = len(model.species), len(model.first)
    shapes = {
        "lattice": (3, 3), "frac_coords": (size, 3), "moments": (size,), "spins": (size,), "first": (bonds,),
        "second": (bonds,), "images": (bonds, 3),
    }  # fmt: skip
    for key, shape in shapes.items():
        if getattr(model, key).shape != shape:
            raise ExchangeError(f"{key} has shape {getattr(model, key).shape}, not {shape}", model.name)
    if model.couplings.shape not in {(bonds,), (bonds, 3, 3)}:
        raise ExchangeError(f"couplings have shape {model.couplings.shape} for {bonds} bonds", model.name)
    if not size:
        raise ExchangeError("holds no magnetic site", model.name)
    if not all(isinstance(symbol, str) for symbol in model.species):
        raise ExchangeError("species are not the symbols of sites", model.name)
    for key in ("lattice", "frac_coords", "moments", "couplings"):
        _refuse_wild(getattr(model, key), key, model.name)
    if abs(np.linalg.det(model.lattice)) < SAME:
        raise ExchangeError("the cell vectors span no volume", model.name)
    if (model.moments < 0).any():
        raise ExchangeError("moments are lengths; one is negative", model.name)
    if (model.spins <= 0).any():
        raise ExchangeError("a spin length S is not positive", model.name)
    _validate_anisotropy(model, size)


def _refuse_wild(values: NDArray[np.float64], key: str, name: str) -> None:
    if not np.isfinite(values).all():
        raise ExchangeError(f"{key} holds a number that is not finite", name)
    if (largest := abs(values).max(initial=0.0)) > LARGEST:
        raise ExchangeError(f"{key} holds a number of size {largest:.3g}", name)


def _validate_anisotropy(model: ExchangeModel, size: int) -> None:
    anisotropy = model.anisotropy
    if anisotropy is not None:
        if anisotropy.shape != (size, 3, 3) or not np.isfinite(anisotropy).all():
            raise ExchangeError(f"anisotropy has shape {anisotropy.shape}, not {(size, 3, 3)}, or is not finite")
        if not np.allclose(anisotropy, anisotropy.transpose(0, 2, 1), atol=SAME):
            raise ExchangeError("anisotropy tensors are not symmetric", model.name)


def unique_bonds(
    bonds: NDArray[np.int64], couplings: NDArray[np.float64], size: int, name: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Each pair once, from a list that holds it once, in both directions, or repeatedly with the same constant.

    Raises:
        ExchangeError: an index out of range, a site bound to itself, or contradicting constants.
    """
    if len(bonds) != len(couplings):
        raise ExchangeError(f"{len(bonds)} bonds but {len(couplings)} constants", name)
    if not len(bonds):
        return bonds[:, 0], bonds[:, 1], bonds[:, 2:], couplings
    outside = (bonds[:, :2] < 0) | (bonds[:, :2] >= size)
    if outside.any():
        raise ExchangeError(f"a bond names site {bonds[:, :2][outside][0]} (from 0), but there are {size}", name)
    if ((bonds[:, 0] == bonds[:, 1]) & ~bonds[:, 2:].any(axis=1)).any():
        raise ExchangeError("a bond joins a site to itself; single-ion terms belong into the anisotropy", name)
    flip = _backwards(bonds)
    forward = np.where(flip[:, None], np.column_stack([bonds[:, 1], bonds[:, 0], -bonds[:, 2:]]), bonds)
    tensors = couplings.ndim == 3  # noqa: PLR2004
    values = np.where(flip[:, None, None], couplings.transpose(0, 2, 1), couplings) if tensors else couplings
    rows, places = np.unique(forward, axis=0, return_inverse=True)
    places = places.reshape(-1)
    counts = np.bincount(places, minlength=len(rows)).astype(float)
    mean = np.zeros((len(rows), *values.shape[1:]))
    np.add.at(mean, places, values)
    mean /= counts.reshape(-1, *([1] * (values.ndim - 1)))
    strengths = abs(mean).reshape(len(mean), -1).max(axis=1, initial=0.0)
    spread = abs(values - mean[places]).reshape(len(values), -1).max(axis=1, initial=0.0)
    excess = spread - (SAME + RELATIVE * strengths + NOISE * strengths.max(initial=0.0))[places]
    if (excess > 0).any():
        worst = int(excess.argmax())
        raise ExchangeError(f"bond {bonds[worst].tolist()} is given with constants that contradict each other", name)
    return rows[:, 0], rows[:, 1], rows[:, 2:], mean


def whole(bonds: NDArray[np.float64], name: str) -> NDArray[np.int64]:
    """Sites and cells as whole numbers: a bond to half a cell away ends at another site, which must be named.

    Raises:
        ExchangeError: one is not whole.
    """
    found = np.rint(bonds)
    broken = ~(abs(bonds - found) <= WHOLE).all(axis=1)
    if broken.any():
        raise ExchangeError(f"sites and cells of a bond are whole numbers, not {bonds[broken][0].tolist()}", name)
    far = (abs(found) > FARTHEST).any(axis=1)
    if far.any():
        raise ExchangeError(f"sites and cells of a bond are below {FARTHEST:,}, not {bonds[far][0].tolist()}", name)
    return found.astype(np.int64)


def _backwards(bonds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which bonds to turn round, so that both directions of a pair become the same row."""
    same = bonds[:, 0] == bonds[:, 1]
    cells = bonds[:, 2:]
    sign = np.where(cells[:, 0] != 0, cells[:, 0], np.where(cells[:, 1] != 0, cells[:, 1], cells[:, 2]))
    found: NDArray[np.bool_] = (bonds[:, 0] > bonds[:, 1]) | (same & (sign < 0))
    return found
