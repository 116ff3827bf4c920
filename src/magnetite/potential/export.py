"""From a trained potential to files of the zoo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import chemical_symbols
from numpy.typing import NDArray

from magnetite.potential.canting import usual_canting
from magnetite.potential.committee import Committee
from magnetite.potential.frames import Frame, groups_of
from magnetite.potential.splits import Split
from magnetite.potential.tasks import EDGES, assemble, frame_cost, measure
from magnetite.potential.weights import to_tensors
from magnetite.runtime import by_edges
from magnetite.zoo.writing import write_card, write_weights

VERSION = "0.7.0"
UNITS = {"energy": "meV/atom", "forces": "meV/Å", "stress": "GPa", "magnetic": "meV/μB"}
USUAL, LEAST_SPREAD = 0.95, {"energy": 1e-3, "forces": 0.01}
"""Share of frames that do not exceed what a card calls usual; how far networks may always part, eV/atom and eV/Å."""
PROTOCOL = "root-mean-square error on held-out clusters of similar frames"
TRAINED_PROTOCOL = "root-mean-square error on frames that trained; nothing was held out"


def export_potential(
    network: Committee,
    split: Split,
    folder: Path,
    device: torch.device,
    *,
    name: str,
    data: str,
    licence: str = "that of the data",
    notes: Sequence[str] = (),
) -> Path:
    """Measure on the test frames, where there are any, and write weights and card.

    Args:
        network: trained.
        split: what it was trained on and is measured on.
        folder: where both files go; made if missing.
        device: that measures.
        name: of the model.
        data: what the training data is called.
        licence: of the data.
        notes: further limits.

    Returns:
        The path of the card.
    """
    frames = split.train
    scale = float(network.magnetic_scale)
    said = []
    if abs(scale - 1) > 1e-3:  # noqa: PLR2004 (rounding)
        said = [f"The data's magnetic forces are {scale:.3f} × the derivative of its energies, which the model gives."]
    content: dict[str, Any] = {
        "name": name,
        "version": VERSION,
        "family": "potential",
        "description": _description(network),
        "licence": "MIT (weights and code)",
        "elements": [chemical_symbols[z] for z in network.config.numbers],
        "labels": "Energies, forces, stress, site moments and −dE/dm as the data has them.",
        "training_data": [{"name": data, "rows": len(frames), "licence": licence}],
        "split": _division(split),
        "metrics": _metrics(network, split, device),
        "limits": [
            "Energies are those of the functional and settings of the data.",
            f"Atoms farther apart than {network.config.cutoff:g} Å only meet through a neighbour; no Coulomb tail.",
            *said,
            *_unmeasured(network, split),
            *notes,
        ],
        "settings": {
            "network": network.config.as_dict(),
            "moment_ranges": moment_ranges(frames),
            **sizes(frames),
            "usual_canting": round(usual_canting((frame.around for frame in frames), USUAL), 2),
            **_members(network, split, device),
        },
    }
    # Not before all is measured: a card of other weights is no model.
    return write_card(content | write_weights(to_tensors(network), folder, name), folder)


def moment_ranges(frames: Sequence[Frame]) -> dict[str, list[float]]:
    """Smallest and largest |m| of each element in μB."""
    numbers = np.concatenate([f.around.numbers for f in frames])
    lengths = np.concatenate([np.linalg.norm(f.around.moments, axis=1) for f in frames])
    return {
        chemical_symbols[z]: [float(lengths[numbers == z].min()), float(lengths[numbers == z].max())]
        for z in np.unique(numbers)
    }


def sizes(frames: Sequence[Frame]) -> dict[str, Any]:
    """Smallest and largest volume of crystals in Å³ per atom, and the number of clusters; lone atoms are neither."""
    together = [frame for frame in frames if len(frame.around.receivers)]
    volumes = np.array([frame.around.volume / frame.n_atoms for frame in together])
    crystals = volumes[np.isfinite(volumes)]
    known = {"volume_range": [float(crystals.min()), float(crystals.max())]} if len(crystals) else {}
    return {**known, "clusters": len(volumes) - len(crystals)}


def inside(frames: Sequence[Frame], ranges: dict[str, list[float]]) -> list[Frame]:
    """Frames whose |m| lie in the range that was trained, or no farther off than half its width."""
    found = []
    for frame in frames:
        lengths = np.linalg.norm(frame.around.moments, axis=1)
        low, high = (np.array([ranges[chemical_symbols[z]][end] for z in frame.around.numbers]) for end in (0, 1))
        if (np.abs(lengths - (low + high) / 2) <= high - low + 1e-9).all():
            found.append(frame)
    return found


def _description(network: Committee) -> str:
    kind = (
        "Magnetic interatomic potential (e3nn): energy, forces, stress and magnetic forces of a crystal with moments, "
        "exactly invariant under turning all spins."
        if not network.config.spin_orbit
        else "Magnetic interatomic potential (e3nn) with spin–orbit coupling: energy, forces, stress, −dE/dm."
    )
    several = f" The mean of {len(network.networks)} networks, and how far they part."
    return kind + several if len(network.networks) > 1 else kind


def _division(split: Split) -> str:
    if not split.held_out:
        return f"None: {len(split.train)} frames are too few to hold clusters of similar ones out; all train."
    return (
        "Complete-linkage clusters of each group's frames by distances and m_i·m_j at these distances; whole clusters "
        f"are held out: {len(split.train)} train, {len(split.validation)} are watched, {len(split.test)} test."
    )


def _unmeasured(network: Committee, split: Split) -> list[str]:
    """Figures that say less than they seem to."""
    said = []
    if not split.held_out:
        said.append("Nothing was held out: errors are those of frames that trained; on others they are larger.")
    if len(network.networks) > 1 and not split.validation:
        said.append("Networks usually part more than the card says: that was measured on frames that trained.")
    return said


def _members(network: Committee, split: Split, device: torch.device) -> dict[str, Any]:
    """How many networks there are and, of several, how far they usually part on frames that were watched, if any."""
    if len(network.networks) == 1:
        return {}
    usual = {
        name: round(max(float(np.quantile(apart, USUAL)), LEAST_SPREAD[name]), 6)
        for name, apart in spreads(network, split.validation or split.train, device).items()
    }
    return {"members": len(network.networks), "usual_spread": usual}


def spreads(network: Committee, frames: Sequence[Frame], device: torch.device) -> dict[str, NDArray[np.float64]]:
    """How far several networks part on each frame: ``energy`` in eV/atom, ``forces`` on one atom at most in eV/Å."""
    energies, forces = [], []
    for batch in by_edges(frames, frame_cost, EDGES):
        spread = network.consult(assemble(batch, network, device))[1]
        assert spread is not None
        sizes = [frame.n_atoms for frame in batch]
        energies.append(spread.energies.cpu().numpy() / sizes)
        forces.append([float(of_atoms.max()) for of_atoms in torch.split(spread.forces, sizes)])
    return {"energy": np.concatenate(energies), "forces": np.concatenate(forces)}


def _metrics(network: Committee, split: Split, device: torch.device) -> list[dict[str, Any]]:
    measured, said = (split.held_out, PROTOCOL) if split.held_out else (split.train, TRAINED_PROTOCOL)
    usual = inside(measured, moment_ranges(split.train))
    parts = [(measured, said)]
    if 0 < len(usual) < len(measured):
        parts.append((usual, f"{said}, those with |m| in the trained range"))
    groups = groups_of(measured)
    if len(groups) > 1:
        parts += [(frames, f"{said}, group {name}") for name, frames in sorted(groups.items())]
    return [
        {
            "name": f"RMSE {key}", "value": round(value, 4), "unit": UNITS[key],
            "rows": sum(getattr(frame, key) is not None for frame in frames), "protocol": protocol,
        }
        for frames, protocol in parts for key, value in measure(network, frames, device).items()
    ]  # fmt: skip
