"""The search for hyperparameters: in the paper's space, resumable, judged on held-out ideal structures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from magnetite.errors import MagnetiteError
from magnetite.prototypes import tuning
from magnetite.prototypes.descriptor import SIZE
from magnetite.prototypes.network import NetworkConfig
from magnetite.prototypes.table import Table

CPU = torch.device("cpu")


@pytest.fixture
def table() -> Table:
    """Three classes far apart, ten rows each."""
    labels = torch.arange(3).repeat_interleave(10)
    x = 0.01 * torch.rand(30, SIZE, generator=torch.Generator().manual_seed(0))
    x[torch.arange(30), labels] += 1
    setting = torch.ones(30)
    return Table(x, labels, 4 * setting, 0.1 * setting, setting)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_search_finds_settings_and_goes_on(table: Table, tmp_path: Path, device: str) -> None:
    optuna = pytest.importorskip("optuna")
    options = {"epochs": 2, "progress": False}
    best = tuning.search(table, tmp_path, torch.device(device), trials=2, **options)
    config = NetworkConfig(**best["config"])
    assert 2 <= len(config.hidden) <= 5
    assert set(config.hidden) <= {256, 512}
    assert 0.01 <= config.dropout <= 0.05
    assert best["batch"] in {64, 128}
    assert 1e-4 <= best["learning_rate"] <= 1e-2
    assert config.classes == 3
    again = tuning.search(table, tmp_path, torch.device(device), trials=3, **options)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "trials.log")))
    study = optuna.load_study(study_name="prototypes", storage=storage)
    assert len(study.trials) == 3, "two were kept and one was added"
    assert study.best_trial.user_attrs["settings"]["learning_rate"] == again["learning_rate"]
    assert study.best_value > 0.3


def test_without_optuna_it_says_what_to_install(table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MagnetiteError, match=r"magnetite\[tune\]"):
        tuning.search(table, tmp_path, CPU, trials=1, epochs=1, progress=False)
