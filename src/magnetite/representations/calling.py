"""From whatever the user holds to vectors: one structure, or many with each error in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from tqdm.auto import tqdm

from magnetite.errors import MagnetiteError
from magnetite.representations.encoder import CompositionEncoder, Encoder, Vector, reduced
from magnetite.representations.registry import find
from magnetite.structures import Crystal, as_crystal, refuse_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pymatgen.core.composition import Composition

    from magnetite.structures import StructureLike

Cell = Literal["given", "primitive"]


def represent(source: StructureLike | Composition, name: str, *, cell: Cell = "given", **options: Any) -> Vector:
    """A crystal as a vector of fixed length.

    Args:
        source: pymatgen ``Structure``, ASE ``Atoms``, a dictionary or the path of a file with one structure; for
            representations of the composition also pymatgen's ``Composition``. Lengths in Å.
        name: of the representation; `list_representations` and ``magnetite represent --list`` name them.
        cell: whether the ``given`` cell is described, or the ``primitive`` one, in which supercells are alike.
        options: of the representation, see `Representation.options`.

    Returns:
        Shape (length,), labelled by `Representation.labels`; all finite.

    Raises:
        MagnetiteError: no such representation or option, an element that it lacks, a cell that is too large, a library
            that is not installed.
        StructureError: the structure cannot be used.
        ReadError: the file cannot be read.
    """
    found = next(represent_many([source], name, cell=cell, **options))
    if isinstance(found, MagnetiteError):
        raise found
    return found


def represent_many(
    sources: Iterable[Any],
    name: str,
    *,
    cell: Cell = "given",
    progress: bool | str = False,
    total: int | None = None,
    **options: Any,
) -> Iterator[Vector | MagnetiteError]:
    """Many crystals as vectors, in order.

    Args:
        sources: what `represent` takes; an error in a source's place is given back there.
        name: of the representation.
        cell: as for `represent`.
        progress: show a progress bar, with this text if it is one.
        total: number of sources, for the bar.
        options: as for `represent`.

    Yields:
        A vector for each source or, in its place, why there is none.

    Raises:
        MagnetiteError: no such representation, option or library, or there is one structure instead of several.
    """
    if cell not in get_args(Cell):
        raise MagnetiteError(f"cell must be one of {', '.join(get_args(Cell))}, not {cell!r}")
    refuse_one(sources)
    encoder = find(name).encoder(**options)
    text = progress if isinstance(progress, str) else name
    sources = tqdm(sources, desc=text, total=total, unit="", disable=not progress)
    if not isinstance(encoder, CompositionEncoder):
        return (_finite(encoder, found) for found in encoder.encode_many(_taken(source, cell) for source in sources))
    return (_of_composition(encoder, source, cell) for source in sources)


def _finite(encoder: Encoder, found: Vector | MagnetiteError) -> Vector | MagnetiteError:
    """Nothing that is not finite, whoever worked it out."""
    return found if isinstance(found, MagnetiteError) else encoder.sure(lambda: found, None)


def _taken(source: Any, cell: Cell) -> Crystal | MagnetiteError:
    if isinstance(source, MagnetiteError):
        return source
    try:
        crystal = as_crystal(source)
        return crystal if cell == "given" else crystal.primitive[0]
    except MagnetiteError as error:
        return error


def _of_composition(encoder: Encoder, source: Any, cell: Cell) -> Vector | MagnetiteError:
    from pymatgen.core.composition import Composition

    if not isinstance(source, Composition):
        return encoder.checked(_taken(source, cell))
    assert isinstance(encoder, CompositionEncoder)
    return encoder.sure(lambda: encoder.encode_composition(reduced(source.get_el_amt_dict())), source.formula)
