"""Which wave vectors a magnetic order may have, and how probable each is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magnetite.structures import as_crystal
from magnetite.zoo.registry import DEFAULT_RANKER

if TYPE_CHECKING:
    from magnetite.propagation.reports import RankedVector
    from magnetite.structures import StructureLike


def rank_wave_vectors(
    structure: StructureLike,
    zero_k_probability: float | None = None,
    *,
    limit: int | None = 5,
    model: str = DEFAULT_RANKER,
    device: str = "auto",
) -> list[RankedVector]:
    """Rank the commensurate propagation vectors of a crystal's magnetic order.

    Args:
        structure: anything that `analyze_magnetism` takes. Moments on it are ignored.
        zero_k_probability: of k = 0, such as `MagnetismReport.zero_k_if_ordered`; the other vectors share the rest.
            If None, the default model of magnetism is asked.
        limit: at most so many are given; all if None.
        model: a model's name (see ``magnetite models``) or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …

    Returns:
        The most probable first; empty if no atom can carry a moment.

    Raises:
        StructureError: the structure cannot be used.
        ReadError: the file cannot be read.
        ZooError: no such model, or not one that ranks wave vectors.
        DeviceError: no such device.
        MagnetiteError: `zero_k_probability` is not between 0 and 1, or `limit` is negative.
    """
    from magnetite.api import analyze_magnetism
    from magnetite.propagation.model import load_ranker

    ranker, crystal = load_ranker(model, device), as_crystal(structure)
    prepared = ranker.prepare(crystal)
    if zero_k_probability is None and prepared.candidates:
        zero_k_probability = analyze_magnetism(crystal, device=device).zero_k_if_ordered
    return list(ranker.report(prepared, zero_k_probability, limit).vectors)
