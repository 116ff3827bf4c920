"""Where training starts: sizes and units from the data, and the linear part of the energy by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from magnetite.errors import DataError
from magnetite.potential.derivatives import forces_from, stress_from
from magnetite.potential.frames import Frame
from magnetite.potential.network import PotentialConfig, PotentialNetwork
from magnetite.potential.tasks import EDGES, SMALL, Units, assemble, frame_cost
from magnetite.runtime import by_edges

NO_MOMENT = 0.02
"""μB; an element whose moments never exceed this carries none."""
_NARROW = 0.15
"""Standard deviation of |m|² over its largest value up to which |m| hardly varies."""
_FEW, _SAMPLE = 640, 1_500
"""Frames of which least squares see all, and how many they see at most; of large cells the fewer, the larger."""
_TERMS = 64
"""Terms that are differentiated at once."""
_ENERGY_LEVER = 0.1
"""Å; an error of the forces over this distance counts as much as one of the energy per atom."""
_NARROW_FRAMES = 0.05
"""Frames whose invariants vary less than this are all of one crystal: then descriptors stay as drawn."""
_LEVER = 0.3
"""Å; the dense layers' unit of energy is the force that least squares leave over this distance."""
_UNIT_SHARE = 0.1
"""An error that counts as one, in standard deviations of the labels."""
_MAGNETIC_UNIT = 0.05
"""The same in eV/μB where all labels are zero."""


def configure(frames: Sequence[Frame], config: PotentialConfig) -> PotentialConfig:
    """Fill in the elements and the scales of their moments.

    Raises:
        DataError: no element carries a moment.
    """
    numbers = np.concatenate([f.around.numbers for f in frames])
    lengths = np.concatenate([np.linalg.norm(f.around.moments, axis=1) for f in frames])
    kinds = [int(z) for z in np.unique(numbers)]
    largest = [float(lengths[numbers == z].max()) for z in kinds]
    scales = [size if size > NO_MOMENT else 0.0 for size in largest]
    if not any(scales):
        raise DataError(f"no moment in the data exceeds {NO_MOMENT} μB")
    squares = [
        (lengths[numbers == z] / scale) ** 2 if scale else np.zeros(1) for z, scale in zip(kinds, scales, strict=True)
    ]
    found = replace(
        config,
        numbers=tuple(kinds),
        scales=tuple(scales),
        centres=tuple(float(s.mean()) for s in squares),
        widths=tuple(max(float(s.std()), 0.02) for s in squares),
    )
    # Higher powers of |m|², and what it does to embedding, are not told where it hardly varies.
    return replace(found, landau=2, embedding_powers=1) if max(found.widths) <= _NARROW else found


def units_of(frames: Sequence[Frame]) -> Units:
    """A tenth of the labels' root mean square; of energies, what an error of the forces does over `_ENERGY_LEVER`."""

    def spread(name: str, default: float) -> float:
        values = [np.ravel(getattr(f, name)) for f in frames if getattr(f, name) is not None]
        return (_UNIT_SHARE * float(np.sqrt(np.square(np.concatenate(values)).mean())) if values else 0.0) or default

    forces = spread("forces", 0.1)
    return Units(
        energy=_ENERGY_LEVER * forces,
        forces=forces,
        stress=spread("stress", 0.01),
        magnetic=spread("magnetic", _MAGNETIC_UNIT),
    )


def set_references(network: PotentialNetwork, frames: Sequence[Frame]) -> None:
    """Energies of the species by least squares; the shortest solution where the composition never varies."""
    counts = _counts(frames, network.config.numbers)
    energies = np.array([f.energy for f in frames])
    found = np.linalg.lstsq(counts, energies, rcond=None)[0]
    network.references.copy_(torch.from_numpy(found))


def solve_linear(
    network: PotentialNetwork, frames: Sequence[Frame], units: Units, device: torch.device, ridge: float = 1e-3
) -> None:
    """Constants of the explicit part by ridge regression on energies, forces, stresses and magnetic forces.

    If the scale of the magnetic forces is learned, it is solved for along with them: the forces times an unknown
    number are what the constants must give.

    Raises:
        DataError: that scale is to be learned, and no frame has magnetic forces other than zero.
    """
    if network.magnetic_scale.requires_grad and not any(f.magnetic is not None and f.magnetic.any() for f in frames):
        raise DataError("no frame has magnetic forces other than zero, whose scale could be learned")
    sample = _sample(frames)
    matrix, target = _equations(network, sample, units, device)
    width = np.sqrt(np.square(matrix).mean(axis=0))
    width[width == 0] = 1.0
    kinds, scale = len(network.config.numbers), network.magnetic_scale
    penalty = ridge * len(matrix) ** 0.5 * np.eye(matrix.shape[1])
    penalty[-kinds - 1 :] = 0  # references and the scale are not held back
    stacked = np.vstack([matrix / width, penalty])
    solution = np.linalg.lstsq(stacked, np.append(target, np.zeros(len(penalty))), rcond=1e-12)[0] / width
    linear = network.explicit.linear
    with torch.no_grad():
        linear.copy_(torch.from_numpy(solution[: linear.numel()].reshape(linear.shape)))
        network.references.copy_(torch.from_numpy(solution[linear.numel() : linear.numel() + kinds]))
        if scale.requires_grad:
            scale.fill_(1 / solution[-1])
        left = float(np.sqrt(np.square(matrix @ solution - target).sum() / len(sample))) * units.forces
        network.scale.fill_(float(np.clip(_LEVER * left, 1e-4, 1.0)))
    _standardise(network, sample, device)


def _standardise(network: PotentialNetwork, frames: Sequence[Frame], device: torch.device) -> None:
    """Set mean and spread of the invariants, those of the first layer first: the second sees what it tells."""
    for layer in (network.standard, network.standard_again):
        with torch.no_grad(), layer.learning():
            for batch in by_edges(frames, frame_cost, EDGES):
                network(assemble(batch, network, device))
    if network.standard.relative_spread() < _NARROW_FRAMES:
        # Each step of the descriptors would move all invariants by more than the data does.
        network.fix_descriptors()


def _sample(frames: Sequence[Frame]) -> list[Frame]:
    """Enough frames for a few hundred constants, spread over all of them."""
    if len(frames) <= _FEW:
        return list(frames)
    shares = np.array([min(SMALL / f.n_atoms, 1.0) for f in frames])
    counted = np.floor(np.cumsum(shares) * min(_SAMPLE / shares.sum(), 1.0) + 0.5)
    return [f for f, new in zip(frames, np.diff(counted, prepend=0.0), strict=True) if new]


@dataclass(frozen=True, eq=False)
class _Columns:
    """What each constant contributes to the labels of a batch: its last axis."""

    energy: NDArray[np.float64]
    forces: NDArray[np.float64]
    stress: NDArray[np.float64]
    magnetic: NDArray[np.float64]


def _equations(
    network: PotentialNetwork, frames: Sequence[Frame], units: Units, device: torch.device
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows of constants, references and inverse magnetic scale, over their units; and what they must give."""
    rows, labels = [], []
    free = network.magnetic_scale.requires_grad
    kinds = len(network.config.numbers)
    for batch in by_edges(frames, frame_cost, EDGES):
        columns = _linear_features(network, batch, device)
        sizes = np.array([f.n_atoms for f in batch])
        origin = np.hstack([_counts(batch, network.config.numbers), np.zeros((len(batch), 1))])
        weights = units.energy * sizes
        rows.append(np.hstack([columns.energy, origin]) / weights[:, None])
        labels.append(np.array([f.energy for f in batch]) / weights)
        atoms, crystals = 3 * sizes, np.full(len(batch), 9)
        for name, lengths in (("forces", atoms), ("stress", crystals), ("magnetic", atoms)):
            known = np.repeat([getattr(f, name) is not None for f in batch], lengths)
            if not known.any():
                continue
            truth = np.concatenate([np.ravel(getattr(f, name)) for f in batch if getattr(f, name) is not None])
            scaled = free and name == "magnetic"
            more = np.zeros((len(truth), kinds + 1))
            if scaled:
                more[:, -1] = -truth
            # A frame's together count as its energy.
            share = getattr(units, name) * np.sqrt(np.repeat(lengths, lengths)[known])
            rows.append(np.hstack([getattr(columns, name)[known], more]) / share[:, None])
            labels.append(np.zeros(len(truth)) if scaled else truth / share)
    return np.vstack(rows), np.concatenate(labels)


def _linear_features(network: PotentialNetwork, batch: Sequence[Frame], device: torch.device) -> _Columns:
    """What each constant contributes to energies, forces, stresses and −dE/dm, element by element."""
    crystals = assemble(batch, network, device)
    moments = crystals.moments.detach().requires_grad_()
    vectors = crystals.vectors.detach().requires_grad_()
    features = network.linear_features(replace(crystals, moments=moments, vectors=vectors))
    kinds = torch.nn.functional.one_hot(crystals.species, len(network.config.numbers)).to(features)
    energy, forces, stress, magnetic = [], [], [], []
    for kind in kinds.T:
        energy.append(crystals.sum_over_atoms(features.detach() * kind[:, None]))
        for some in torch.split(torch.eye(network.explicit.terms).to(features), _TERMS):
            along, turn = torch.autograd.grad(
                features, [vectors, moments], kind[:, None] * some[:, None], is_grads_batched=True, retain_graph=True,
                materialize_grads=True,
            )  # fmt: skip
            along = along * crystals.present[..., None]
            forces.append(torch.stack([forces_from(one, crystals).flatten() for one in along], dim=1))
            stress.append(torch.stack([stress_from(one, crystals).flatten() for one in along], dim=1))
            magnetic.append(-turn.flatten(1).T)
    return _Columns(*(torch.cat(parts, dim=1).cpu().double().numpy() for parts in (energy, forces, stress, magnetic)))


def _counts(frames: Sequence[Frame], numbers: Sequence[int]) -> NDArray[np.float64]:
    return np.array([[np.count_nonzero(f.around.numbers == z) for z in numbers] for f in frames], dtype=float)
