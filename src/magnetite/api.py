"""The public functions: one structure, many structures, a model by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from magnetite.pipeline import OnError, run
from magnetite.reports import MagnetismReport
from magnetite.zoo import DEFAULT_CLASSIFIER, DEFAULT_MODEL
from magnetite.zoo.loading import load, load_kind

if TYPE_CHECKING:
    from magnetite.clusters import SampleLike
    from magnetite.order.model import OrderModel
    from magnetite.prototypes.model import PrototypeModel
    from magnetite.prototypes.reports import PrototypeReport
    from magnetite.structures import StructureLike

__all__ = [
    "analyze_magnetism",
    "analyze_many",
    "classify_many",
    "classify_structure",
    "load",
    "load_classifier",
    "load_order_model",
]


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
        ZooError: no such model, or not one of magnetic order.
        DeviceError: no such device.
    """
    report: MagnetismReport = next(run(load_order_model(model, device), [structure]))
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
        MagnetiteError: `on_error` is neither.
        StructureError: as `analyze_magnetism`, if `on_error` is ``raise``.
        ZooError: no such model, or not one of magnetic order.
        DeviceError: no such device.
    """
    return run(load_order_model(model, device), structures, on_error=on_error, progress=progress)


def classify_structure(
    structure: SampleLike, *, model: str = DEFAULT_CLASSIFIER, device: str = "auto", passes: int | None = None
) -> PrototypeReport:
    """Find which structure type a crystal, layer, tube or finite piece is of.

    Args:
        structure: what `analyze_magnetism` takes, and beside it what is not periodic: ASE ``Atoms`` without
            periodicity, pymatgen ``Molecule``, xyz files. Lengths in Å.
        model: a model's name (see ``magnetite models``) or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
        passes: of the network with dropout; fewer are faster, more give smoother probabilities. The
            model's own number (1,000) if None.

    Returns:
        The most probable structure types, and the mutual information in bits: how far to trust them.

    Raises:
        StructureError: the structure is disordered, empty, a single atom or otherwise unusable.
        ReadError: the file cannot be read.
        MagnetiteError: `passes` is not a whole number, at least 1.
        ZooError: no such model, or not a classifier.
        DeviceError: no such device.
    """
    report: PrototypeReport = next(run(load_classifier(model, device).with_passes(passes), [structure]))
    return report


def classify_many(
    structures: Iterable[SampleLike],
    *,
    model: str = DEFAULT_CLASSIFIER,
    device: str = "auto",
    passes: int | None = None,
    progress: bool | str = False,
    on_error: OnError = "raise",
) -> Iterator[PrototypeReport]:
    """Find the structure types of many samples, batched, in order, in constant memory.

    Args:
        structures: an iterable (a generator will do) of what `classify_structure` takes.
        model: a model's name or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
        passes: of the network with dropout; the model's own number if None.
        progress: show a progress bar, with this text if it is one.
        on_error: ``raise`` at the first structure that cannot be used, or ``report``, which gives a
            report with `PrototypeReport.error` in its place.

    Yields:
        One `PrototypeReport` for each structure.

    Raises:
        MagnetiteError: `on_error` is neither, or `passes` is not a whole number, at least 1.
        StructureError: as `classify_structure`, if `on_error` is ``raise``.
        ZooError: no such model, or not a classifier.
        DeviceError: no such device.
    """
    classifier = load_classifier(model, device).with_passes(passes)
    return run(classifier, structures, on_error=on_error, progress=progress)


def load_order_model(model: str = DEFAULT_MODEL, device: str = "auto") -> OrderModel:
    """Load a model and check that it tells magnetic order.

    Raises:
        ZooError: no such model, or one of another family.
        DeviceError: no such device.
    """
    from magnetite.order.model import OrderModel

    return load_kind(OrderModel, f"of magnetic order; try {DEFAULT_MODEL!r}", model, device)


def load_classifier(model: str = DEFAULT_CLASSIFIER, device: str = "auto") -> PrototypeModel:
    """Load a model and check that it tells structure types.

    Raises:
        ZooError: no such model, or one of another family.
        DeviceError: no such device.
    """
    from magnetite.prototypes.model import PrototypeModel

    return load_kind(PrototypeModel, f"of structure types; try {DEFAULT_CLASSIFIER!r}", model, device)
