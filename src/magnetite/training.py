"""The one training loop: every model family brings its batches, its loss and its validation.

After every epoch the whole state goes to ``checkpoint.safetensors`` and the metrics to
``metrics.jsonl`` in the run's folder; the same call on the same folder continues from there.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from tqdm.auto import tqdm

from magnetite.errors import DataError
from magnetite.lock import locked
from magnetite.optimizers import OptimizerName, make_optimizer, restore, state_tensors
from magnetite.whole import whole

Work = TypeVar("Work")
CHECKPOINT = "checkpoint.safetensors"
"""The file of a run's folder that training continues from."""
LOCK = "lock"
METRICS = "metrics.jsonl"
"""The file of a run's folder with a line for every epoch."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes:
        epochs: passes over what the task draws for an epoch.
        learning_rate: peak of the one-cycle schedule.
        warmup: share of the steps in which the rate rises.
        weight_decay: decoupled, a step and learning rate.
        ema: decay per step of the averaged weights that are validated and shipped.
        clip: largest norm of the gradient.
        seed: of the draws and the initial weights.
        optimizer: as `make_optimizer` knows them.
    """

    epochs: int = 20
    learning_rate: float = 1.5e-3
    warmup: float = 0.1
    weight_decay: float = 0.02
    ema: float = 0.998
    clip: float = 2.0
    seed: int = 0
    optimizer: OptimizerName = "adamw"

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < math.inf:
            raise DataError(f"a learning rate is a positive number, not {self.learning_rate}")
        if not 0 <= self.weight_decay < math.inf:
            raise DataError(f"a weight decay is 0 or a positive number, not {self.weight_decay}")

    def rate(self, progress: float) -> float:
        """Learning rate at a share 0–1 of the run."""
        if progress < self.warmup:
            return self.learning_rate * (0.05 + 0.95 * progress / self.warmup)
        turn = (progress - self.warmup) / (1 - self.warmup)
        return self.learning_rate * (0.001 + 0.999 * 0.5 * (1 + math.cos(math.pi * turn)))


class Task(Protocol, Generic[Work]):
    """What a model family brings to the loop."""

    def batches(self, epoch: int) -> list[list[Work]]:
        """The epoch's batches of examples, the same for the same epoch and seed."""

    def loss(self, model: nn.Module, batch: list[Work]) -> Tensor:
        """Mean loss of a batch."""

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Metrics on the validation split; ``score`` is the one to raise."""


def fit(
    model: nn.Module,
    task: Task[Work],
    schedule: Schedule,
    folder: Path,
    *,
    data: str = "",
    progress: bool = True,
    log: Callable[[str], None] = tqdm.write,
) -> nn.Module:
    """Train a model, or continue training it, and return its averaged copy.

    Args:
        model: on its device; changed in place. Parameters that do not require gradients stay as they are.
        task: batches, loss and validation.
        schedule: length and rates.
        folder: where the checkpoint and the metrics go; made if missing.
        data: a hash of what is learned from; a run that learned from something else is not continued.
        progress: show a bar for each epoch, on a terminal.
        log: receives one line an epoch.

    Raises:
        DataError: the folder holds the run of another schedule, network or of other data, or a damaged checkpoint;
            there is nothing to learn from; or the loss is no finite number, and the folder keeps the epochs before.
        MagnetiteError: another process trains in the folder.
        KeyboardInterrupt: passed on; finished epochs are kept in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / LOCK, folder):
        return _fit(model, task, schedule, folder, data, progress, log)


def _fit(
    model: nn.Module,
    task: Task[Work],
    schedule: Schedule,
    folder: Path,
    data: str,
    progress: bool,
    log: Callable[[str], None],
) -> nn.Module:
    torch.manual_seed(schedule.seed)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = make_optimizer(schedule.optimizer, parameters, schedule.weight_decay)
    averaged = deepcopy(model).requires_grad_(requires_grad=False)
    done = _resume(folder, model, averaged, optimizer, schedule, data)
    _forget(folder / METRICS, done)
    for epoch in range(done, schedule.epochs):
        torch.manual_seed(schedule.seed * 10_000 + epoch)  # dropout and noise repeat after a resume
        batches = task.batches(epoch)
        if not batches:
            raise DataError("there is nothing to learn from: no row trains", str(folder))
        started, losses = time.perf_counter(), 0.0
        model.train()
        for step, batch in enumerate(
            tqdm(batches, desc=f"epoch {epoch + 1}", disable=not progress or None, leave=False)
        ):
            rate = schedule.rate((epoch + step / len(batches)) / schedule.epochs)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad()
            loss = task.loss(model, batch)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, schedule.clip)
            optimizer.step()
            _average(
                averaged,
                model,
                min(schedule.ema, (1 + epoch * len(batches) + step) / (10 + epoch * len(batches) + step)),
            )
            losses += _finite(float(loss.detach()), epoch, schedule, folder)
        averaged.eval()
        metrics = task.validate(averaged)
        line = {
            "epoch": epoch + 1, "loss": losses / len(batches), **metrics,
            "rate": rate, "seconds": time.perf_counter() - started,
        }  # fmt: skip
        with (folder / METRICS).open("a") as handle:
            handle.write(json.dumps(line) + "\n")
        log("  ".join(f"{key} {value:.4g}" for key, value in line.items()))
        _save(folder, model, averaged, optimizer, schedule, data, epoch + 1)
    return averaged.eval()


def _finite(loss: float, epoch: int, schedule: Schedule, folder: Path) -> float:
    if not math.isfinite(loss):
        raise DataError(
            f"the loss is {loss} in epoch {epoch + 1}: a learning rate of {schedule.learning_rate:g} is too large, or "
            "the data has extreme values",
            str(folder),
        )
    return loss


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)


def _save(
    folder: Path,
    model: nn.Module,
    averaged: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    data: str,
    done: int,
) -> None:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"averaged.{name}": value for name, value in averaged.state_dict().items()}
    tensors |= {f"optimizer.{name}": value for name, value in state_tensors(optimizer).items()}
    metadata = {"epoch": str(done), "schedule": json.dumps(asdict(schedule)), "data": data, "trained": _trained(model)}
    with whole(folder / CHECKPOINT) as file:
        file.write(save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, metadata))


def _resume(
    folder: Path,
    model: nn.Module,
    averaged: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule,
    data: str,
) -> int:
    path = folder / CHECKPOINT
    if not path.is_file():
        return 0
    metadata, tensors = read_checkpoint(path)
    other_settings = DataError("holds a run with other settings; choose another folder", str(folder))
    if Schedule(**json.loads(metadata["schedule"])) != schedule:
        raise other_settings
    if metadata.get("data", data) != data:
        raise DataError("holds a run that learned from other data; choose another folder", str(folder))
    try:
        model.load_state_dict(_under("model.", tensors))
        averaged.load_state_dict(_under("averaged.", tensors))
    except RuntimeError as error:
        raise DataError("holds a run of another network; choose another folder", str(folder)) from error
    # Checkpoints of former versions do not say which parameters were trained.
    if metadata.get("trained", _trained(model)) != _trained(model):
        raise other_settings
    try:
        restore(optimizer, _under("optimizer.", tensors))
    except (IndexError, KeyError, RuntimeError) as error:
        raise other_settings from error
    return int(metadata["epoch"])


def _forget(path: Path, done: int) -> None:
    """Drop lines of epochs after those in the checkpoint: a run that stopped between both files does them again."""
    lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
    if len(lines) > done:
        with whole(path) as file:
            file.writelines(lines[:done])


def read_checkpoint(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What `fit` says of a checkpoint, as ``epoch`` and ``schedule``, and its tensors.

    Raises:
        DataError: it is damaged, or none of `fit`'s.
    """
    try:
        with safe_open(path, "pt") as handle:
            metadata = handle.metadata() or {}
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 (not a mapping)
    except SafetensorError as error:
        raise DataError(f"checkpoint is damaged ({error}); delete it to start afresh", str(path)) from error
    if not {"epoch", "schedule"} <= metadata.keys():
        raise DataError("is no checkpoint of a training run", str(path))
    return metadata, tensors


def _trained(model: nn.Module) -> str:
    """Names of the parameters that are trained, as text."""
    return json.dumps([name for name, parameter in model.named_parameters() if parameter.requires_grad])


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
