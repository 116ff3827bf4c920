"""The public functions: one structure, many structures, a model by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from magnetite.pipeline import OnError, run
from magnetite.reports import MagnetismReport
from magnetite.zoo import DEFAULT_MODEL
from magnetite.zoo.loading import load

if TYPE_CHECKING:
    from magnetite.structures import StructureLike

__all__ = ["analyze_magnetism", "analyze_many", "load"]


def analyze_magnetism(structure: StructureLike, *, model: str = DEFAULT_MODEL, device: str = "auto") -> MagnetismReport:
    """Predict the magnetism of one crystal.

    Args:
        structure: pymatgen ``Structure`` or ``IStructure``, ASE ``Atoms``, a dictionary, or the path of
            a file with one structure (cif, mcif, POSCAR, extxyz, anything pymatgen or ASE reads).
            Moments on it are ignored. Lengths in Å.
        model: a model's name (see ``magnetite models``) or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …

    Returns:
        Probabilities of NM, AFM and FM/FiM and of a zero propagation vector, |m| of each site in μB,
        and how far to trust them.

    Raises:
        StructureError: the structure is disordered, empty, not periodic or otherwise unusable.
        ReadError: the file cannot be read.
        ZooError: no such model.
        DeviceError: no such device.
    """
    report: MagnetismReport = next(run(load(model, device), [structure]))
    return report


def analyze_many(
    structures: Iterable[StructureLike],
    *,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    progress: bool | str = False,
    on_error: OnError = "raise",
) -> Iterator[MagnetismReport]:
    """Predict the magnetism of many crystals, batched, in order, in constant memory.

    Args:
        structures: an iterable (a generator will do) of what `analyze_magnetism` takes.
        model: a model's name or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
        progress: show a progress bar, with this text if it is one.
        on_error: ``raise`` at the first structure that cannot be used, or ``report``, which gives a
            report with `MagnetismReport.error` in its place.

    Yields:
        One `MagnetismReport` for each structure.

    Raises:
        StructureError: as `analyze_magnetism`, if `on_error` is ``raise``.
    """
    return run(load(model, device), structures, on_error=on_error, progress=progress)
