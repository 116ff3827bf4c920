"""Learning to name hidden elements: what is read, that it is learned, and that training starts from it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from magnetite.datasets.magnetic import TEST_FOLD, hash_fold
from magnetite.graphs import Graph
from magnetite.order import pretraining
from magnetite.order.config import NetworkConfig
from magnetite.order.pretraining import MaskedElements, pretrain, read_unlabelled
from magnetite.structures import as_crystal
from magnetite.training import Schedule

CPU = torch.device("cpu")
SMALL = NetworkConfig(scalars=16, vectors=4, layers=1, dropout=0.0)
METALS = {"Mg": 4.2, "Ca": 4.8, "Sr": 5.2}
QUIET = {"progress": False, "log": lambda _: None}


def rocksalt(metal: str, length: float) -> dict[str, object]:
    lattice = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * length / 2
    return {"lattice": lattice.tolist(), "species": [metal, "O"], "frac_coords": [[0] * 3, [0.5] * 3]}


@pytest.fixture
def graphs() -> list[Graph]:
    """Oxides whose metal the length of the bond tells."""
    rng = np.random.default_rng(0)
    metals = rng.choice(list(METALS), 300)
    return [as_crystal(rocksalt(m, METALS[m] * rng.uniform(0.99, 1.01))).primitive[0].graph for m in metals]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretraining, "WATCHED", 100)
    monkeypatch.setattr(pretraining, "BATCH_EDGES", 300)


@pytest.mark.usefixtures("few")
def test_hidden_elements_are_learned(graphs: list[Graph], tmp_path: Path, device: str) -> None:
    schedule = Schedule(epochs=12, learning_rate=2e-2, ema=0.9)
    body = pretrain(graphs, tmp_path, torch.device(device), SMALL, schedule=schedule, **QUIET)
    scores = [json.loads(line)["score"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert scores[0] < 0.7
    assert scores[-1] > 0.8, "but where both atoms of a cell are hidden"
    again = pretrain(graphs, tmp_path, torch.device(device), SMALL, schedule=schedule, **QUIET)
    assert all(torch.equal(a, b) for a, b in zip(body.parameters(), again.parameters(), strict=True))


def test_the_answer_is_hidden_and_nothing_else(graphs: list[Graph]) -> None:
    torch.manual_seed(0)
    batch, hidden = MaskedElements(graphs, CPU)._hide(graphs)
    numbers = torch.from_numpy(np.concatenate([graph.numbers for graph in graphs]))
    assert (batch.numbers[hidden] == 0).all()
    assert torch.equal(batch.numbers[~hidden], numbers[~hidden])
    assert float(hidden.double().mean()) == pytest.approx(pretraining.HIDDEN, abs=0.05)


def test_only_formulas_that_train_are_read(tmp_path: Path) -> None:
    formulas = [(m, n) for m in METALS for n in range(1, 30)]
    rows = []
    for metal, n in formulas:
        row = rocksalt(metal, METALS[metal])
        row["species"] = [metal, "O"] * n
        row["lattice"] = (np.array(row["lattice"]) * [[n], [1], [1]]).tolist()
        row["frac_coords"] = [[(i + x) / n, x, x] for i in range(n) for x in (0, 0.5)]
        rows.append({"id": f"x-{metal}-{n}", **row})
    rows.append({"id": "coincident", **rocksalt("Mg", 0.3)})
    write(tmp_path / "mp_structures_unlabelled.jsonl.gz", rows)
    (tmp_path / "dft_magnetic").mkdir()
    write(tmp_path / "dft_magnetic" / "TRAIN_merker_like_ggau.jsonl.gz", [{"formula": "MgO", "fold": TEST_FOLD}])
    found = read_unlabelled(tmp_path, progress=False)
    read = {int(max(graph.numbers)) for graph in found}
    expected = {z for m, z in (("Ca", 20), ("Sr", 38)) if hash_fold(f"{m}O") > 1}
    assert read == expected, "MgO is of the test fold"
    assert len(found) == 15 * len(expected), "of at most 30 atoms as the file has them"
    assert all(graph.n_atoms == 2 for graph in found), "primitive"


def write(path: Path, rows: list[dict[str, object]]) -> None:
    with gzip.open(path, "wt") as handle:
        handle.writelines(json.dumps(row) + "\n" for row in rows)
