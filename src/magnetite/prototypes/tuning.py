"""Search for hyperparameters by the tree-structured Parzen estimator, as in the paper but with optuna.

The search space is the paper's (Supplementary Methods, "Hyperparameter optimization"): 2 to 5 hidden
layers of 256 or 512 units, batches of 64 or 128, learning rate 1e-4 to 1e-2, dropout 0.01 to 0.05.
Trials are judged on held-out ideal structures alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm.auto import tqdm

from magnetite.errors import MagnetiteError
from magnetite.prototypes.descriptor import SIZE
from magnetite.prototypes.network import NetworkConfig
from magnetite.prototypes.table import Table, build_table
from magnetite.prototypes.tasks import ClassifyTask
from magnetite.prototypes.train import GAIN, MEMBERS, SCHEDULE, read_classes, train_from_data, train_prototypes
from magnetite.training import Schedule

if TYPE_CHECKING:
    import optuna


def search(
    table: Table,
    run: Path,
    device: torch.device,
    *,
    trials: int,
    epochs: int,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """The best hyperparameters found; the trials are kept in ``RUN/trials.log`` and continued.

    Args:
        table: rows of all classes.
        run: folder; each trial has its own in it.
        device: where to train.
        trials: how many in all, with those of an interrupted search.
        epochs: length of a trial.
        seed: of the search.
        progress: show progress bars.

    Returns:
        Keys ``config`` (of `NetworkConfig`), ``batch`` and ``learning_rate``.

    Raises:
        MagnetiteError: optuna is not installed.
    """
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
        from optuna.trial import TrialState
    except ImportError as error:
        raise MagnetiteError("the search needs optuna: pip install 'magnetite[tune]'") from error

    run.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(run / "trials.log")))
    study = optuna.create_study(
        study_name="prototypes", storage=storage, direction="maximize", load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed),
    )  # fmt: skip

    def objective(trial: optuna.Trial) -> float:
        found = suggest(trial, int(table.labels.max()) + 1)
        schedule = replace(SCHEDULE, epochs=epochs, learning_rate=found["learning_rate"], seed=seed)
        folder = run / f"trial-{trial.number}"
        network = train_prototypes(
            table, folder, device, config=NetworkConfig(**found["config"]), schedule=schedule,
            batch=found["batch"], refit=None, progress=progress, log=_silent,
        )  # fmt: skip
        trial.set_user_attr("settings", found)
        return ClassifyTask(table, device, folder).validate(network)["score"]

    done = len([trial for trial in study.trials if trial.state == TrialState.COMPLETE])
    with tqdm(total=trials, initial=done, desc="trials", disable=not progress) as bar:
        study.optimize(objective, n_trials=max(0, trials - done), callbacks=[lambda *_: bar.update()])
    best: dict[str, Any] = dict(study.best_trial.user_attrs["settings"])
    best["config"]["hidden"] = tuple(best["config"]["hidden"])
    return best


def suggest(trial: optuna.Trial, classes: int) -> dict[str, Any]:
    """A point of the search space."""
    layers = trial.suggest_int("layers", 2, 5)
    hidden = tuple(trial.suggest_categorical(f"width {layer}", (256, 512)) for layer in range(layers))
    config = NetworkConfig(SIZE, classes, hidden, trial.suggest_float("dropout", 0.01, 0.05), GAIN)
    return {
        "config": asdict(config),
        "batch": trial.suggest_categorical("batch", (64, 128)),
        "learning_rate": trial.suggest_float("learning rate", 1e-4, 1e-2, log=True),
    }


def tune_and_train(
    data: Path, run: Path, device: torch.device, *, trials: int, epochs: int, schedule: Schedule, progress: bool = True
) -> Path:
    """Search, then train the best at full length; returns the card's path.

    Raises:
        DataError: the prototypes are missing or broken.
        MagnetiteError: optuna is not installed.
    """
    table = build_table(read_classes(data), run / "descriptors", progress=progress)
    best = search(table, run / "search", device, trials=trials, epochs=epochs, seed=schedule.seed, progress=progress)
    schedule = replace(schedule, learning_rate=best["learning_rate"])
    return train_from_data(
        data, run, device, schedule=schedule, config=NetworkConfig(**{**best["config"], "members": MEMBERS}),
        batch=best["batch"], progress=progress,
    )  # fmt: skip


_silent: Callable[[str], None] = lambda _: None  # noqa: E731 (a log that goes nowhere)
