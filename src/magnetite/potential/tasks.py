"""What the training loop asks of a potential: batches, loss, validation."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import huber_loss

from magnetite.errors import DataError
from magnetite.potential.batch import SpinBatch, collate
from magnetite.potential.committee import Committee
from magnetite.potential.derivatives import Derivatives, differentiate
from magnetite.potential.frames import Frame
from magnetite.potential.network import PotentialNetwork
from magnetite.runtime import by_edges

EDGES = 6_500
"""In a batch; what stays in the cache of a CPU."""
EDGES_PER_FRAME = 500
"""Counted on top, so that a batch of small cells does not become a large step."""
SMALL = 16
"""Atoms up to which a frame is drawn in every epoch; larger ones as √(this / atoms), since each counts more forces."""


@dataclass(frozen=True)
class Units:
    """Errors that count as one, and by how much each kind of label counts.

    Attributes:
        energy: in eV/atom.
        forces: in eV/Å.
        stress: in eV/Å³.
        magnetic: in eV/μB.
    """

    energy: float
    forces: float
    stress: float
    magnetic: float


class PotentialTask:
    """Batches of frames and a Huber loss on all that they know."""

    def __init__(
        self,
        train: Sequence[Frame],
        validation: Sequence[Frame],
        units: Units,
        device: torch.device,
        seed: int = 0,
    ) -> None:
        self.train, self.validation, self.units = list(train), list(validation), units
        self.device, self.seed = device, seed
        self.chances = _chances(self.train)

    def digest(self) -> str:
        """A hash of all frames that train or are watched."""
        known = hashlib.sha256()
        for frame in (*self.train, *self.validation):
            around = frame.around
            known.update(f"{frame.group} {frame.energy!r} {frame.n_atoms}".encode())
            labels = [x for x in (frame.forces, frame.stress, frame.magnetic) if x is not None]
            for array in (around.numbers, around.vectors, around.moments, *labels):
                known.update(np.ascontiguousarray(array).tobytes())
        return known.hexdigest()

    def batches(self, epoch: int) -> list[list[Frame]]:
        """The epoch's batches, the same for the same epoch and seed."""
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.train))
        dice = rng.random(len(self.train))
        drawn = [self.train[i] for i in order if dice[i] < self.chances[i]]
        batches = list(by_edges(drawn or [self.train[order[0]]], frame_cost, EDGES))
        return [batches[i] for i in rng.permutation(len(batches))]

    def loss(self, model: nn.Module, batch: list[Frame]) -> Tensor:
        """Mean loss of a batch; each frame counts alike."""
        assert isinstance(model, PotentialNetwork)
        crystals = assemble(batch, model, self.device)
        return self._loss(model, batch, crystals, differentiate(model, crystals, train=True))

    def _loss(self, model: PotentialNetwork, batch: list[Frame], crystals: SpinBatch, found: Derivatives) -> Tensor:
        sizes = crystals.sizes
        energies, scale = self._tensor([f.energy for f in batch]), self.units
        reference = crystals.sum_over_species(model.references)
        deviation = (found.energies - (energies - reference).to(found.energies.dtype)) / sizes
        total = _huber(deviation / scale.energy).mean()
        shares = (1 / (len(batch) * sizes))[crystals.owners]
        for name, unit, values in (
            ("forces", scale.forces, found.forces),
            ("magnetic", scale.magnetic, found.magnetic * model.magnetic_scale),
        ):
            known = torch.tensor([getattr(f, name) is not None for f in batch], device=self.device)
            if known.any():
                labels = np.concatenate([_or_zero(getattr(f, name), (f.n_atoms, 3)) for f in batch])
                errors = (values - self._tensor(labels).to(values.dtype)) / unit
                total = total + (_huber(errors).mean(1) * shares * known[crystals.owners]).sum()
        known = torch.tensor([f.stress is not None for f in batch], device=self.device)
        if known.any():
            labels = np.stack([_or_zero(f.stress, (3, 3)) for f in batch])
            errors = (found.stress - self._tensor(labels).to(found.stress.dtype)) / scale.stress
            total = total + (_huber(errors).mean((1, 2)) * known).mean()
        settled = torch.tensor([settled_moments(f) for f in batch], device=self.device)[crystals.owners]
        if settled.any():
            fault, changed = _instability(model, crystals)
            counted = settled & changed
            total = total + (_huber(fault / scale.magnetic) * counted).sum() / counted.sum().clamp(min=1)
        return total

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Root-mean-square errors in meV (per atom, per Å, per μB) and GPa; ``score`` is minus their weighted sum.

        Of frames that are watched; where there are none, of some that train.

        Raises:
            DataError: the network answers with infinite numbers or none.
        """
        assert isinstance(model, PotentialNetwork)
        figures = measure(model, self.validation or self.train[:8], self.device)
        astray = [name for name, value in figures.items() if not np.isfinite(value)]
        if astray:
            raise DataError(f"training went astray: errors of {', '.join(astray)} are not finite; learn more slowly")
        units = {
            "energy": self.units.energy * 1e3, "forces": self.units.forces * 1e3,
            "stress": self.units.stress * _GPA, "magnetic": self.units.magnetic * 1e3,
        }  # fmt: skip
        score = -sum(value / units[name] for name, value in figures.items())
        return {**figures, "score": score}

    def _tensor(self, values: object) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.float64, device=self.device)


_GPA = 160.21766208
"""GPa in an eV/Å³."""


_STIFFNESS = 0.1
"""eV/μB²; least curvature along a self-consistent moment. Landau's polynomial for bcc iron, 0.4 eV deep, has 0.7."""
_STRETCH = (-0.5, 1.0)
"""μB by which a moment is changed to see whether it is driven back."""
_LEAST_SHARE = 0.3
"""Share of a moment by which it is shortened at most: at |m| = 0 nothing drives."""
_LEAST_MOMENT = 0.3
"""μB; smaller moments are left alone: calculations without moments need not be stable."""
_CHANGED = 0.25
"""Share of the atoms whose moments are changed; few, so that each mostly feels itself."""


def settled_moments(frame: Frame) -> bool:
    """Whether the frame's moments are said to be self-consistent."""
    return frame.magnetic is not None and not frame.magnetic.any()


def _instability(model: PotentialNetwork, crystals: SpinBatch) -> tuple[Tensor, Tensor]:
    """By how much moments fail to be driven back when their lengths change at random, in eV/μB, and which, (n,).

    That dE/dm vanishes does not tell a minimum from a maximum, and frames at their own moments show no others.
    Calculations end in minima.
    """
    lengths = crystals.moments.norm(dim=-1)
    low, high = _STRETCH
    changed = (lengths > _LEAST_MOMENT) & (torch.rand(len(lengths)).to(lengths) < _CHANGED)
    change = low + (high - low) * torch.rand(len(lengths)).to(lengths)
    change = torch.where(changed, torch.maximum(change, -_LEAST_SHARE * lengths), 0.0)
    axes = crystals.moments / lengths.clamp(min=_LEAST_MOMENT)[:, None]
    moved = (crystals.moments + change[:, None] * axes).requires_grad_()
    (slopes,) = torch.autograd.grad(model(crystals.with_moments(moved)).sum(), moved, create_graph=True)
    back = (slopes * axes).sum(-1) * change.sign()
    return (_STIFFNESS * change.abs() - back).clamp(min=0), changed


def assemble(frames: Sequence[Frame], model: PotentialNetwork | Committee, device: torch.device) -> SpinBatch:
    """The batch of these frames in the model's precision."""
    config = model.config
    return collate([f.around for f in frames], config.places, config.cutoff).to(device, model.inverse_scales.dtype)


def frame_cost(frame: Frame) -> int:
    """By which batches are cut."""
    return len(frame.around.receivers) + EDGES_PER_FRAME


def measure(model: PotentialNetwork | Committee, frames: Sequence[Frame], device: torch.device) -> dict[str, float]:
    """Root-mean-square errors of what the frames know.

    Returns:
        ``energy`` in meV/atom, ``forces`` in meV/Å, ``stress`` in GPa, ``magnetic`` in meV/μB over the atoms with
        moments; only those that some frame knows.
    """
    errors: dict[str, list[np.ndarray]] = {"energy": [], "forces": [], "stress": [], "magnetic": []}
    for batch in by_edges(frames, frame_cost, EDGES):
        crystals = assemble(batch, model, device)
        found = differentiate(model, crystals)
        energies = (found.energies + crystals.sum_over_species(model.references)).cpu().numpy()
        magnetic = (found.magnetic * model.magnetic_scale).detach().cpu().numpy()
        start = 0
        for number, frame in enumerate(batch):
            atoms = slice(start, start + frame.n_atoms)
            start = atoms.stop
            errors["energy"].append(np.array([(energies[number] - frame.energy) / frame.n_atoms * 1e3]))
            if frame.forces is not None:
                errors["forces"].append((found.forces[atoms].cpu().numpy() - frame.forces).ravel() * 1e3)
            if frame.stress is not None:
                errors["stress"].append((found.stress[number].cpu().numpy() - frame.stress).ravel() * _GPA)
            carrying = np.isin(frame.around.numbers, model.magnetic_numbers)
            if frame.magnetic is not None and carrying.any():
                errors["magnetic"].append((magnetic[atoms] - frame.magnetic)[carrying].ravel() * 1e3)
    return {name: float(np.sqrt(np.square(np.concatenate(parts)).mean())) for name, parts in errors.items() if parts}


def _chances(frames: Sequence[Frame]) -> list[float]:
    """That an epoch draws a frame; those of small groups more often, so that few liquids count beside many crystals."""
    members = Counter(frame.group for frame in frames)
    usual = len(frames) / max(len(members), 1)
    return [(SMALL / frame.n_atoms * usual / members[frame.group]) ** 0.5 for frame in frames]


def _huber(errors: Tensor) -> Tensor:
    return huber_loss(errors, torch.zeros_like(errors), reduction="none", delta=1.0)


def _or_zero(values: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape) if values is None else values
