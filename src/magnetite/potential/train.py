"""``magnetite train potential``: from a file of frames to a potential of the zoo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from tqdm.auto import tqdm

from magnetite.potential.committee import Committee
from magnetite.potential.frames import read_frames, without_moments_of
from magnetite.potential.network import PotentialConfig, PotentialNetwork
from magnetite.potential.splits import Split, split_frames
from magnetite.potential.start import configure, set_references, solve_linear, units_of
from magnetite.potential.tasks import PotentialTask
from magnetite.training import Schedule, fit

SCHEDULE = Schedule(
    epochs=100, learning_rate=3e-3, warmup=0.05, weight_decay=0.1, ema=0.995, clip=10.0, optimizer="soap"
)
EMPTY = PotentialConfig((), (), (), (), embedding=(0.5, 1.0, 2.0, 4.0), embedding_powers=3)
"""The default size; elements and scales come from the data."""


def prepare_split(
    path: Path, config: PotentialConfig = EMPTY, *, self_consistent: bool = False, without: tuple[str, ...] = ()
) -> tuple[Split, PotentialConfig]:
    """Read frames, take elements and lengths of moments from them, and hold some out.

    Args:
        path: file of labelled frames.
        config: size of the network.
        self_consistent: −dE/dm is zero where no label says otherwise.
        without: groups that are left out.

    Raises:
        DataError: the file cannot be used.
    """
    frames = read_frames(path, config.cutoff, self_consistent=self_consistent, without=without)
    config = configure(frames, config)
    quiet = {z for z, scale in zip(config.numbers, config.scales, strict=True) if not scale}
    frames = without_moments_of(frames, quiet) if quiet else frames
    return split_frames(frames), config


def train_potential(
    split: Split,
    config: PotentialConfig,
    folder: Path,
    device: torch.device,
    *,
    schedule: Schedule = SCHEDULE,
    members: int = 1,
    free_magnetic_scale: bool = False,
    progress: bool = True,
    log: Callable[[str], None] = tqdm.write,
) -> Committee:
    """Train a potential, or go on with it.

    Args:
        split: frames; those that test are not looked at.
        config: as `configure` completed it.
        folder: of the run; the second network and further ones have folders of their own in it.
        device: where.
        schedule: length and rates; its seed is the first network's, the others have the next ones.
        members: networks, one trained after the other.
        free_magnetic_scale: learn one factor between the data's magnetic forces and the derivative of its energies.
        progress: show a bar for each epoch, on a terminal.
        log: receives one line an epoch.

    Raises:
        DataError: the folder holds another run.
    """
    if not split.held_out:
        log(f"! {len(split.train)} frames are too few to hold some out: all errors will be those of frames that train")
    networks = []
    for number in range(members):
        own = replace(schedule, seed=schedule.seed + number)
        if members > 1:
            log(f"network {number + 1} of {members}")
        place = folder / f"member-{number + 1}" if number else folder
        networks.append(
            _train_one(
                split, config, place, device, own, free_magnetic_scale=free_magnetic_scale, progress=progress, log=log
            )
        )
    return Committee(networks)


def _train_one(
    split: Split,
    config: PotentialConfig,
    folder: Path,
    device: torch.device,
    schedule: Schedule,
    *,
    free_magnetic_scale: bool,
    progress: bool,
    log: Callable[[str], None],
) -> PotentialNetwork:
    torch.manual_seed(schedule.seed)
    network = PotentialNetwork(config)
    network.magnetic_scale.requires_grad_(free_magnetic_scale)
    network.to(device)
    units = units_of(split.train)
    set_references(network, split.train)
    solve_linear(network, split.train, units, device)
    task = PotentialTask(split.train, split.validation, units, device, schedule.seed)
    trained = fit(network, task, schedule, folder, data=task.digest(), progress=progress, log=log)
    assert isinstance(trained, PotentialNetwork)
    return trained
