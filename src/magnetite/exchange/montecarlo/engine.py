"""One simulation: all temperatures of one supercell side by side, resumable, the same for the same seed."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from tqdm.auto import tqdm

from magnetite.errors import ExchangeError
from magnetite.exchange.conventions import K_B
from magnetite.whole import whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from magnetite.exchange.supercell import SpinLattice

CHUNK = 100
"""Steps between two looks at the progress bar."""
SAVE_EVERY = 10
"""Chunks between two checkpoints."""


@dataclass(frozen=True)
class Plan:
    """What to simulate.

    Attributes:
        temperatures: K, ascending.
        steps: measured, each one heat-bath sweep and the over-relaxation sweeps after it.
        warmup: steps before, not measured.
        relaxations: over-relaxation sweeps a step.
        seed: of the random numbers.
    """

    temperatures: tuple[float, ...]
    steps: int = 2000
    warmup: int = 500
    relaxations: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        grid = np.array(self.temperatures, dtype=float)
        if grid.ndim != 1 or not len(grid) or not np.isfinite(grid).all() or (grid <= 0).any():
            raise ExchangeError("temperatures must be positive numbers in K")
        if (np.diff(grid) <= 0).any():
            raise ExchangeError("temperatures must ascend")
        if self.steps < 1 or self.warmup < 0 or self.relaxations < 0:
            raise ExchangeError("steps must be positive, warm-up and relaxation sweeps not negative")


@dataclass(frozen=True)
class Samples:
    """What a simulation measured.

    Attributes:
        plan: what was asked for.
        n_spins: of the supercell.
        series: energy in meV, squared order parameter, squared magnetisation, (steps, n_temperatures, 3).
        swaps: share of accepted exchanges between each temperature and the next.
        spins: directions at the lowest temperature at the end, shape (n_spins, 3).
    """

    plan: Plan
    n_spins: int
    series: NDArray[np.float64]
    swaps: NDArray[np.float64]
    spins: NDArray[np.float64]


def simulate(
    lattice: SpinLattice,
    plan: Plan,
    waves: NDArray[np.float64],
    magnet: NDArray[np.float64],
    *,
    start: NDArray[np.float64] | None = None,
    progress: str | bool = False,
    checkpoint: Path | None = None,
) -> Samples:
    """Run the heat bath, over-relaxation and exchanges of temperatures.

    Args:
        lattice: the supercell.
        plan: temperatures, steps and the seed.
        waves: weights of the order parameter, whose square is Σ_w |Σ_i waves[w, i] e_i|², shape (n_waves, n_spins).
        magnet: weights of the magnetisation, shape (n_spins,).
        start: directions to start from at every temperature, shape (n_spins, 3); random if None.
        progress: show a bar, with this text if it is one.
        checkpoint: a folder to go on from and to keep the state in, a file for each simulation; finished ones stay,
            so that they need not be run again.

    Raises:
        ExchangeError: the checkpoint is damaged.
    """
    from magnetite.exchange.montecarlo.kernels import run_steps, total_energy

    betas = 1 / (K_B * np.array(plan.temperatures))
    waves, magnet = np.ascontiguousarray(waves, float), np.ascontiguousarray(magnet, float)
    kept = None if checkpoint is None else checkpoint / f"{_fingerprint(lattice, plan, waves, magnet, start)}.npz"
    state = _begin(lattice, plan, start)
    if kept is not None and kept.exists():
        state = _resume(kept, state)
    total, done = plan.warmup + plan.steps, int(state["done"])
    series = state["series"]
    with tqdm(
        total=total,
        initial=done,
        disable=not progress,
        unit="step",
        desc=progress if isinstance(progress, str) else None,
    ) as bar:
        while done < total:
            spins, slots = state["spins"], state["slots"]
            energies = np.array(
                [total_energy(own, lattice.table, lattice.couplings, lattice.anisotropy) for own in spins]
            )
            end = plan.warmup if done < plan.warmup else total
            count = min(CHUNK, end - done)
            measured = np.zeros((count, len(betas), 3))
            run_steps(
                spins, slots, energies, betas, lattice.table, lattice.couplings, lattice.anisotropy, waves, magnet,
                plan.relaxations, measured, state["swaps"], state["random"],
            )  # fmt: skip
            if done >= plan.warmup:
                series[done - plan.warmup : done - plan.warmup + count] = measured
            done += count
            state["done"] = np.array(done)
            bar.update(count)
            if kept is not None and ((done // CHUNK) % SAVE_EVERY == 0 or done == total):
                _save(kept, state)
    # Neighbouring temperatures try to exchange at every other step.
    rates = state["swaps"] / max(total / 2, 1)
    return Samples(plan, len(lattice), series, rates, state["spins"][state["slots"][0]])


def random_directions(random: np.random.Generator, *shape: int) -> NDArray[np.float64]:
    """Unit vectors evenly spread over the sphere, shape (*shape, 3)."""
    found: NDArray[np.float64] = random.standard_normal((*shape, 3))
    found /= np.linalg.norm(found, axis=-1, keepdims=True)
    return found


def _begin(lattice: SpinLattice, plan: Plan, start: NDArray[np.float64] | None) -> dict[str, NDArray[Any]]:
    """What a simulation goes on from, and a checkpoint holds."""
    number = len(plan.temperatures)
    random = np.random.default_rng(plan.seed)
    if start is None:
        spins = random_directions(random, number, len(lattice))
    else:
        spins = np.repeat(np.asarray(start, float)[None], number, axis=0)
    return {
        "spins": np.ascontiguousarray(spins), "slots": np.arange(number),
        "swaps": np.zeros(max(number - 1, 1), np.int64),
        "series": np.zeros((plan.steps, number, 3)), "done": np.array(0),
        "random": random.integers(0, 2**63, size=1, dtype=np.uint64),
    }  # fmt: skip


def _fingerprint(
    lattice: SpinLattice,
    plan: Plan,
    waves: NDArray[np.float64],
    magnet: NDArray[np.float64],
    start: NDArray[np.float64] | None,
) -> str:
    digest = hashlib.sha256(repr(plan).encode())
    for array in (lattice.table, lattice.couplings, lattice.anisotropy, waves, magnet, np.array(start is not None)):
        digest.update(np.ascontiguousarray(array).tobytes())
    if start is not None:
        digest.update(np.ascontiguousarray(start).tobytes())
    return digest.hexdigest()[:24]


def _save(path: Path, state: dict[str, NDArray[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as stream:
        np.savez(stream, allow_pickle=False, **state)


def _resume(path: Path, fresh: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What `_save` wrote, of the same names as at the beginning."""
    try:
        with np.load(path, allow_pickle=False) as content:
            kept = {name: content[name] for name in fresh}
        for name, value in fresh.items():  # compiled code reads them without looking at their sizes
            if (kept[name].shape, kept[name].dtype) != (value.shape, value.dtype):
                raise ValueError(f"{name} is {kept[name].dtype} of shape {kept[name].shape}")  # noqa: TRY301
    except (OSError, EOFError, ValueError, KeyError, TypeError, RuntimeError, BadZipFile, zlib.error) as error:
        raise ExchangeError(f"is no checkpoint of a simulation ({error}); remove it", str(path)) from error
    return kept
