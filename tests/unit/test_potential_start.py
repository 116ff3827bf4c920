"""Least squares before training: frames whose energy is of the explicit part's form give its constants."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from small_potential import CUTOFF

from magnetite.potential import start
from magnetite.potential.batch import surroundings
from magnetite.potential.derivatives import differentiate
from magnetite.potential.frames import Frame
from magnetite.potential.network import PotentialConfig, PotentialNetwork
from magnetite.potential.start import configure, solve_linear, units_of
from magnetite.potential.tasks import assemble, measure
from magnetite.structures import as_crystal

CPU = torch.device("cpu")
EMPTY = PotentialConfig(
    (), (), (), (), cutoff=CUTOFF, radial=3, channels=4, hidden=8, embedding=(2.0,), embedding_powers=3
)


def crystals(count: int) -> list[Frame]:
    """Shaken and strained iron with and without oxygen in it, without labels."""
    rng = np.random.default_rng(0)
    frames = []
    for number in range(count):
        atoms: Atoms = bulk("Fe", "bcc", a=rng.uniform(2.6, 3.1), cubic=True)
        if number % 2:
            atoms += Atoms("O", scaled_positions=[(0.5, 0.5, 0.0)], cell=atoms.cell)
        atoms.set_cell(atoms.cell @ (np.eye(3) + 0.05 * rng.normal(size=(3, 3))), scale_atoms=True)
        atoms.positions += 0.1 * rng.normal(size=(len(atoms), 3))
        moments = np.where(atoms.numbers[:, None] == 26, rng.normal(size=(len(atoms), 3)), 0.0)
        frames.append(Frame(surroundings(as_crystal(atoms), moments, CUTOFF), 0.0, None, None, None, "shaken", ""))
    return frames


def labelled(frames: list[Frame], teacher: PotentialNetwork) -> list[Frame]:
    known = []
    for frame in frames:
        batch = assemble([frame], teacher, CPU)
        found = differentiate(teacher, batch)
        labels = (x.numpy() for x in (found.forces, found.stress[0], found.magnetic))
        energy = float(found.energies + batch.sum_over_species(teacher.references))
        known.append(Frame(frame.around, energy, *labels, frame.group, frame.source))
    return known


@pytest.fixture
def frames() -> list[Frame]:
    bare = crystals(60)
    torch.manual_seed(0)
    teacher = PotentialNetwork(configure(bare, EMPTY)).double()
    with torch.no_grad():
        teacher.explicit.linear.normal_(std=0.3)
        teacher.references.copy_(torch.tensor([-5.0, -8.0]))
    return labelled(bare, teacher)


def solved(frames: list[Frame], config: PotentialConfig = EMPTY) -> PotentialNetwork:
    torch.manual_seed(0)
    student = PotentialNetwork(configure(frames, config)).double()
    solve_linear(student, frames, units_of(frames), CPU, ridge=1e-7)
    return student


def test_least_squares_find_the_energy_that_made_the_frames(frames: list[Frame]) -> None:
    figures = measure(solved(frames[:40]), frames[40:], CPU)
    spread = np.std([frame.energy_per_atom for frame in frames]) * 1e3
    assert figures["energy"] < 0.01 * spread
    assert figures["forces"] < 0.01 * np.std(np.concatenate([frame.forces for frame in frames])) * 1e3
    without = measure(solved(frames[:40], replace(EMPTY, embedding_powers=1)), frames[40:], CPU)
    assert without["energy"] > 10 * figures["energy"], "powers of densities matter here"


@pytest.mark.parametrize("kept", ["forces", "stress", "magnetic"])
def test_every_kind_of_label_is_learned_from(frames: list[Frame], kept: str) -> None:
    """Energies alone are fewer than the constants; with any derivative there is enough to know them by."""
    bare = [replace(frame, forces=None, stress=None, magnetic=None) for frame in frames]
    few = [replace(frame, **{kept: getattr(known, kept)}) for frame, known in zip(bare, frames, strict=True)][:20]
    assert measure(solved(few), frames[40:], CPU)[kept] < 0.01 * measure(solved(bare[:20]), frames[40:], CPU)[kept]


def test_moments_of_one_length_tell_no_powers_of_it() -> None:
    wide = crystals(20)
    narrow = []
    for frame in wide:
        lengths = np.linalg.norm(frame.around.moments, axis=1, keepdims=True)
        moments = np.divide(frame.around.moments, lengths, out=np.zeros_like(frame.around.moments), where=lengths > 0)
        narrow.append(replace(frame, around=replace(frame.around, moments=moments)))
    found = [configure(frames, EMPTY) for frames in (wide, narrow)]
    assert [(config.landau, config.embedding_powers) for config in found] == [(4, 3), (2, 1)]


def test_of_many_frames_large_cells_are_seen_less(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [2] * 600 + [64] * 600
    frames: list[Any] = [SimpleNamespace(n_atoms=size) for size in sizes]
    assert start._sample(frames[:600]) == frames[:600]
    seen = [frame.n_atoms for frame in start._sample(frames)]
    assert (seen.count(2), seen.count(64)) == (600, 150)  # 16 atoms count as one frame
    monkeypatch.setattr(start, "_SAMPLE", 250)
    seen = [frame.n_atoms for frame in start._sample(frames)]
    assert (seen.count(2), seen.count(64)) == (200, 50)
