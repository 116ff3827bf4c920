"""The training loop: it learns, resumes as if never stopped, and keeps what is finished."""

from __future__ import annotations

import json
import shutil
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from magnetite.cli import main
from magnetite.datasets.curie import curie_formulas
from magnetite.datasets.magnetic import Example, hash_fold
from magnetite.errors import DataError, MagnetiteError
from magnetite.evaluation.order import measure
from magnetite.graphs import Graph
from magnetite.order import train
from magnetite.order.calibration import Calibration, fit_temperature
from magnetite.order.card import PRETRAINED
from magnetite.order.config import NetworkConfig
from magnetite.order.finish import export_run
from magnetite.order.growing import grow_k_trees
from magnetite.order.network import MagnetismNetwork
from magnetite.order.tasks import CONFIRMED, OrderTask, evaluate, k_fold, out_of_fold
from magnetite.order.train import load_stage, train_order, was_pretrained
from magnetite.structures import as_crystal
from magnetite.sublattice import magnetic_geometry
from magnetite.training import CHECKPOINT, Schedule, fit
from magnetite.zoo.cards import Card

CPU = torch.device("cpu")
SMALL = NetworkConfig(scalars=16, vectors=4, layers=1, dropout=0.0)


def slope(model: nn.Module) -> float:
    return float(model(torch.ones(1, 1)) - model(torch.zeros(1, 1)))


class Line:
    """y = 2x, a task that any optimizer learns."""

    def batches(self, epoch: int) -> list[list[float]]:
        return np.random.default_rng(epoch).normal(size=(20, 8)).tolist()

    def loss(self, model: nn.Module, batch: list[float]) -> Tensor:
        x = torch.tensor(batch)[:, None]
        return (model(nn.functional.dropout(x, 0.1)) - 2 * x).square().mean()

    def validate(self, model: nn.Module) -> dict[str, float]:
        return {"score": -abs(slope(model) - 2)}


class Interrupted(Line):
    """Ctrl-C in the fourth epoch."""

    def batches(self, epoch: int) -> list[list[float]]:
        if epoch == 3:
            raise KeyboardInterrupt
        return super().batches(epoch)


def line_model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(1, 3), nn.Linear(3, 1))


SCHEDULE = Schedule(epochs=6, learning_rate=0.1, ema=0.9, weight_decay=0.0)


def test_it_learns_and_logs(tmp_path: Path) -> None:
    trained = fit(line_model(), Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
    assert slope(trained) == pytest.approx(2, abs=0.3)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == list(range(1, 7))
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_what_was_good(tmp_path: Path) -> None:
    class Broken(Line):
        def batches(self, epoch: int) -> list[list[float]]:
            return super().batches(epoch) if epoch < 2 else [[float("nan")]]

    with pytest.raises(DataError, match="loss is nan in epoch 3"):
        fit(line_model(), Broken(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
    trained = fit(line_model(), Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
    assert slope(trained) == pytest.approx(2, abs=0.3)
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == SCHEDULE.epochs


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    class Nothing(Line):
        def batches(self, epoch: int) -> list[list[float]]:  # noqa: ARG002
            return []

    with pytest.raises(DataError, match="nothing to learn from"):
        fit(line_model(), Nothing(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)


def test_a_run_that_trained_other_parameters_is_refused(tmp_path: Path) -> None:
    fit(line_model(), Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
    held = line_model()
    held[0].bias.requires_grad_(requires_grad=False)
    with pytest.raises(DataError, match="other settings"):
        fit(held, Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)


@pytest.mark.parametrize("optimizer", ["adamw", "soap"])
def test_a_resumed_run_ends_exactly_where_an_uninterrupted_one_does(optimizer: str, tmp_path: Path) -> None:
    schedule = replace(SCHEDULE, optimizer=optimizer)
    whole = fit(line_model(), Line(), schedule, tmp_path / "whole", progress=False, log=lambda _: None)

    with pytest.raises(KeyboardInterrupt):
        fit(line_model(), Interrupted(), schedule, tmp_path / "cut", progress=False, log=lambda _: None)
    resumed = fit(line_model(), Line(), schedule, tmp_path / "cut", progress=False, log=lambda _: None)
    assert torch.equal(resumed[0].weight, whole[0].weight)
    assert torch.equal(resumed[1].weight, whole[1].weight)
    assert len((tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()) == SCHEDULE.epochs


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    fit(line_model(), Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
    with pytest.raises(DataError, match="other data"):
        fit(line_model(), Line(), SCHEDULE, tmp_path, data="others", progress=False, log=lambda _: None)
    with pytest.raises(DataError, match="other settings"):
        fit(line_model(), Line(), replace(SCHEDULE, seed=1), tmp_path, progress=False, log=lambda _: None)
    with pytest.raises(DataError, match="another network"):
        fit(nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1)), Line(), SCHEDULE, tmp_path, log=lambda _: None)


def test_epochs_that_no_checkpoint_holds_are_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    quiet = {"progress": False, "log": lambda _: None}
    monkeypatch.setattr("magnetite.training.whole", full)
    with pytest.raises(OSError, match="No space left"):
        fit(line_model(), Line(), SCHEDULE, tmp_path, **quiet)
    monkeypatch.undo()
    for _ in range(2):  # the same folder from the start, as after the checkpoint was deleted
        fit(line_model(), Line(), SCHEDULE, tmp_path, **quiet)
        lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
        assert [line["epoch"] for line in lines] == list(range(1, 7))
        (tmp_path / CHECKPOINT).unlink()


def test_an_unfinished_stage_is_no_companion(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(line_model(), Interrupted(), SCHEDULE, tmp_path / "order", progress=False, log=lambda _: None)
    with pytest.raises(DataError, match="'order' is not finished"):
        load_stage(tmp_path, "order", CPU, SMALL)
    fit(line_model(), Line(), SCHEDULE, tmp_path / "order", progress=False, log=lambda _: None)
    with pytest.raises(DataError, match="'order' is of another network"):
        load_stage(tmp_path, "order", CPU, SMALL)


@pytest.mark.skipif(sys.platform == "win32", reason="no locks there")
def test_two_do_not_train_in_one_folder(tmp_path: Path) -> None:
    class Twice(Line):
        def batches(self, epoch: int) -> list[list[float]]:
            with pytest.raises(MagnetiteError, match="being written by another process"):
                fit(line_model(), Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
            return super().batches(epoch)

    fit(line_model(), Twice(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors", "metrics.jsonl"}


@pytest.mark.parametrize("kept", [0, 500, -100])
def test_a_damaged_checkpoint_is_named(kept: int, tmp_path: Path) -> None:
    fit(line_model(), Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"checkpoint\.safetensors: checkpoint is damaged .* delete it"):
        fit(line_model(), Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(DataError, match="no checkpoint of a training run"):
        fit(line_model(), Line(), SCHEDULE, tmp_path, progress=False, log=lambda _: None)


def example(number: int, metal: str, length: float, order: int, zero_k: int, stratum: str) -> Example:
    """A rocksalt whose order and k the metal decides."""
    lattice = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) * length / 2
    crystal = as_crystal({"lattice": lattice, "species": [metal, "O"], "frac_coords": [[0] * 3, [0.5] * 3]})
    moments = np.array([2.0 * (order > 0), 0.0], np.float32)
    formula = f"{metal}O{number}"
    return Example(
        crystal.graph,
        crystal.volume / 2,
        formula,
        hash_fold(formula),
        stratum,
        order,
        zero_k,
        moments,
        balanced=True,
        identity=formula,
        geometry=magnetic_geometry(crystal),
    )


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    kinds = [
        ("Zn", 0, -1, "ggau"),
        ("Ni", 1, -1, "ggau"),
        ("Fe", 2, -1, "ggau"),
        ("Mn", 1, 0, "measured"),
        ("Co", 2, 1, "measured"),
    ]
    kinds += [("Fe", 2, -1, "other"), ("Ti", 0, -1, "other"), ("Ni", 1, -1, "other")]
    return [example(n, m, 4.1 + n / 500, o, k, s) for n in range(24) for m, o, k, s in kinds]


@pytest.mark.filterwarnings("ignore:F-score is ill-defined")  # a tiny split may lack a class
def test_the_whole_training_of_the_order_model(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    place = torch.device(device)
    monkeypatch.setattr("magnetite.order.tasks.BATCH_EDGES", 600)
    quiet = {"progress": False, "log": lambda _: None}
    schedule = Schedule(epochs=8, learning_rate=1e-2, ema=0.9)
    network = train_order(examples, tmp_path, place, config=SMALL, schedule=schedule, **quiet)
    body = load_stage(tmp_path, "body", place, SMALL).body
    for name, value in network.body.named_parameters():
        assert torch.equal(body.get_parameter(name), value), "the body is frozen in the second stage"
    held_out = [e for e in examples if e.fold == 0 and e.stratum == "ggau"]
    predicted = evaluate(network, held_out, place)["order"].argmax(1)
    assert (predicted == [e.order for e in held_out]).mean() > 0.9

    import magnetite

    sceptic = deepcopy(network)
    with torch.no_grad():
        sceptic.order.logits[-1].bias[0] += 20.0
    card = export_run(network, examples, tmp_path / "model", place, companions=[sceptic], pretrained=[1])
    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.15), ["Fe", "O"], [[0, 0, 0], [0.5] * 3])
    answer = magnetite.analyze_magnetism(structure, model=str(card), device=device)
    assert answer.label == "FM"
    assert answer.model == str(Card.read(card))
    unknown = magnetite.analyze_magnetism(
        structure.replace_species({"Fe": "U"}, in_place=False), model=str(card), device=device
    )
    assert not unknown.in_domain
    assert any("U not in the training data" in warning for warning in unknown.warnings)
    best = magnetite.analyze_magnetism(structure, model=str(card.with_name("magnetism-best.json")), device=device)
    assert answer.probabilities["NM"] < 0.3
    assert best.probabilities["NM"] > 0.3, "the companion, which calls everything NM, was asked as well"
    assert best.site_moments == pytest.approx(answer.site_moments)
    told = [
        PRETRAINED in Card.read(card.with_name(name)).content["split"] for name in (card.name, "magnetism-best.json")
    ]
    assert told == [False, True], "only the companion began without labels"


@pytest.mark.filterwarnings("ignore:F-score is ill-defined")
def test_training_starts_from_what_was_learned_without_labels(examples: list[Example], tmp_path: Path) -> None:
    def graphs() -> list[Graph]:
        asked.append(1)
        return [e.graph for e in examples] * 20

    asked: list[int] = []
    options = {"config": SMALL, "progress": False, "log": lambda _: None, "unlabelled": graphs}
    still = Schedule(epochs=1, learning_rate=1e-9)
    assert not was_pretrained(tmp_path)
    train_order(examples, tmp_path, CPU, schedule=still, **options)
    assert was_pretrained(tmp_path)
    saved = load_file(tmp_path / "pretraining" / "checkpoint.safetensors")
    begun = load_stage(tmp_path, "body", CPU, SMALL).body
    for name, value in begun.named_parameters():
        assert torch.allclose(saved[f"averaged.body.{name}"], value, atol=1e-5)
    train_order(examples, tmp_path, CPU, schedule=still, **options)
    assert len(asked) == 1, "a run that has begun does not read them again"
    shutil.rmtree(tmp_path / "body")
    with pytest.raises(DataError, match="begun with --pretrain"):
        train_order(examples, tmp_path, CPU, schedule=still, **options | {"unlabelled": None})
    train_order(examples, tmp_path / "plain", CPU, schedule=still, **options | {"unlabelled": None})
    with pytest.raises(DataError, match="begun without --pretrain"):
        train_order(examples, tmp_path / "plain", CPU, schedule=still, **options)


def test_too_few_examples_are_refused_before_hours_of_training(
    examples: list[Example], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train.check_enough([replace(e, balanced=True) for e in examples])
    with pytest.raises(DataError, match="no NM of other chemistry, no balanced magnets of"):
        train.check_enough([e for e in examples if (e.fold or e.stratum != "ggau") and "Ti" not in e.formula])
    with pytest.raises(DataError, match="no compounds of several formulas with zero propagation vector"):
        train.check_enough([replace(e, balanced=True, zero_k=min(e.zero_k, 0)) for e in examples])
    with pytest.raises(DataError, match="no example in the test fold to measure on"):
        measure(MagnetismNetwork(SMALL), [], Calibration(), CPU)
    (tmp_path / "magndata").mkdir()
    (tmp_path / "magndata" / "magndata.jsonl").touch()
    assert main(["train", "propagation", "--data", str(tmp_path), "--run", str(tmp_path / "run")]) == 2
    assert "magndata: has too few usable rows" in capsys.readouterr().err
    monkeypatch.setattr(train, "read_examples", lambda _: [])
    assert main(["train", "order", "--data", str(tmp_path), "--run", str(tmp_path / "run")]) == 2
    assert "too few examples; there are no NM of GGA+U chemistry" in capsys.readouterr().err


def test_splits_never_share_a_formula(examples: list[Example]) -> None:
    task = OrderTask(examples, CPU)
    trained = {e.formula for pool in task.pools.values() for e in pool}
    assert trained
    assert not trained & {e.formula for e in task.validation}
    assert not trained & {e.formula for e in examples if e.fold == 0}


def test_measured_curie_temperatures_decide_what_confirms_and_what_contradicts(examples: list[Example]) -> None:
    """A computed ferromagnet with a Curie temperature is confirmed, a computed antiferromagnet with one is left out."""
    others = [replace(e, stratum="other", fold=5, has_curie=i % 2 == 0) for i, e in enumerate(examples)]
    draws = {("other", 0): 9, ("other", 1): 9, ("other", 2): 9, CONFIRMED: 9}
    pools = OrderTask(others, CPU, draws=draws).pools
    assert pools[CONFIRMED]
    assert all(e.has_curie and e.order == 2 for e in pools[CONFIRMED])
    assert pools["other", 1]
    assert not any(e.has_curie for key, pool in pools.items() if key[0] == "other" for e in pool)


def test_curie_table_is_read(tmp_path: Path) -> None:
    text = "wChemicalFormula\twListOfElements\twListOfElementsQ\twCurieTemperature\n"
    text += "Fe2\tFe;\t2;\t1043 K;1044 K;\nCo0.5Fe0.5\t\t\t900 K;\nMnO\t\t\t;\nFe3-xO4\t\t\t10 K;\n"
    (tmp_path / "t.tsv").write_text(text)
    assert curie_formulas(tmp_path) == {"Fe", "Fe0.5Co0.5"}  # a solid solution matches no ordered crystal
    assert curie_formulas(tmp_path / "missing") == frozenset()


def test_each_member_is_measured_on_what_it_never_saw(examples: list[Example]) -> None:
    compounds = [e for e in examples if e.zero_k >= 0]
    logits = np.arange(5 * len(compounds), dtype=np.float32).reshape(-1, 5)
    expected = [logits[i, k_fold(e.formula, 5)] for i, e in enumerate(compounds)]
    np.testing.assert_array_equal(out_of_fold(compounds, logits), expected)


def test_the_held_out_member_never_saw_the_label(examples: list[Example]) -> None:
    """With the labels of one fold turned over, its own member answers as before, and the others do not."""
    compounds = [e for e in examples if e.zero_k >= 0]
    turned = [replace(e, zero_k=1 - e.zero_k) if k_fold(e.formula, 5) == 2 else e for e in compounds]
    before, after = (
        evaluate(grow_k_trees(MagnetismNetwork(SMALL), rows, CPU), compounds, CPU)["zero_k"]
        for rows in (compounds, turned)
    )
    np.testing.assert_array_equal(before[:, 2], after[:, 2])
    assert (before != after).any(axis=0).tolist() == [True, True, False, True, True]


def test_temperature_repairs_overconfidence() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3))
    labels = np.array([rng.choice(3, p=np.exp(row) / np.exp(row).sum()) for row in logits])
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.1)


def test_elements_always_train() -> None:
    assert hash_fold("Fe") not in (0, 1)
    assert hash_fold("O2") not in (0, 1)
    assert len({hash_fold(f"Fe{n}O") for n in range(100)}) == 10


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (["--run", "{file}"], "is a file; --run names a folder"),
        (["--run", "{file}/run"], "cannot be written (Not a directory)"),
        (["--run", "r", "--companion", "typo"], "typo: no checkp"),
        (["--run", "r", "--companion", "r"], "r: is asked for twice"),
        (["--run", "r", "--companion", "a", "--companion", "./a"], "a: is asked for twice"),
        (["--run", "r", "--device", "warp"], "device 'warp' is not available"),
    ],
)
def test_the_command_refuses_before_the_data_are_read(
    more: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "read_examples", lambda _: pytest.fail("data were read first"))
    file = tmp_path / "file"
    file.touch()
    arguments = [text.replace("{file}", str(file)) for text in more]
    assert main(["train", "order", "--data", str(tmp_path), *arguments]) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(("given", "name"), [([], "own-propagation"), (["--name", "mine"], "mine")])
def test_what_is_trained_has_a_name_of_its_own(
    given: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr("magnetite.propagation.train.train_propagation", lambda *_, **k: said.append(k))
    arguments = ["--data", str(tmp_path), "--run", str(tmp_path / "run"), "--seed", "5"]
    assert main(["train", "propagation", *arguments, *given]) == 0
    assert said == [{"name": name, "seed": 5}]  # reports of a model called as one that ships would pass for that one's


def test_options_reach_the_training_of_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, Any] = {}
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(train, "read_examples", lambda _: [])
    monkeypatch.setattr(train, "check_enough", lambda _: None)
    monkeypatch.setattr(train, "load_stage", lambda folder, *_: folder.name)
    monkeypatch.setattr(train, "was_pretrained", lambda folder: folder.name == "b")
    monkeypatch.setattr(train, "train_order", lambda *_, **options: said.update(options))
    monkeypatch.setattr("magnetite.order.finish.export_run", lambda *_, **options: said.update(options))
    command = ["train", "order", "--data", str(tmp_path), "--run", str(tmp_path / "run")]
    assert main(command) == 0
    assert said == {
        "schedule": train.BODY, "unlabelled": None, "compiled": False, "companions": [], "pretrained": [],
        "name": "own-magnetism",
    }  # fmt: skip
    options = "--epochs 3 --seed 5 --threads 2 --compile --pretrain --name mine --companion a --companion b"
    assert main([*command, *options.split()]) == 0
    assert callable(said.pop("unlabelled"))
    assert said == {
        "schedule": replace(train.BODY, epochs=3, seed=5), "compiled": True, "companions": ["a", "b"],
        "pretrained": [2], "name": "mine",
    }  # fmt: skip
    assert threads == [2]


@pytest.mark.parametrize(
    ("given", "trained", "said"),
    [
        ("--data d", "train.train_from_data", {}),
        ("--data d --damage", "toughen.train_with_damage", {}),
        ("--data d --tune 4 --tune-epochs 2", "tuning.tune_and_train", {"trials": 4, "epochs": 2}),
        ("--add a=b.cif --name mine", "extend.add_classes", {"name": "mine"}),
    ],
)
def test_options_reach_the_training_of_classifiers(
    given: str, trained: str, said: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from magnetite.prototypes import extend, train

    found: dict[str, Any] = {}
    asked: list[tuple[str, str]] = []
    usual = extend.FINE_TUNING if "--add" in given else train.SCHEDULE
    monkeypatch.setattr(f"magnetite.prototypes.{trained}", lambda *_, **options: found.update(options))
    monkeypatch.setattr("magnetite.api.load_classifier", lambda *told: asked.append(told))
    monkeypatch.setattr(extend, "parse_addition", lambda text: text)
    options = ["--run", str(tmp_path / "run"), "--epochs", "3", "--seed", "5", "--device", "cpu"]
    assert main(["train", "prototypes", *given.split(), *options]) == 0
    assert found == said | {"schedule": replace(usual, epochs=3, seed=5)}
    assert asked == ([("prototypes", "cpu")] if "--add" in given else [])


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("order --cutoff 4", "--cutoff is for potential"),
        ("order --tune-epochs 5", "--tune-epochs is for prototypes"),
        ("prototypes --name mine", "--name goes with --add"),
        ("prototypes --from mine.json", "--from goes with --add"),
        ("prototypes --damage --tune 3", "it takes no --tune"),
        ("prototypes --add a=b.cif", "it takes no --data, --tune or --damage"),
        ("prototypes --tune-epochs 5", "--tune-epochs goes with --tune"),
        ("potential --pretrain", "--pretrain is for order"),
        ("potential --add a=b.cif", "--add is for prototypes"),
        ("propagation --epochs 3", "propagation has no --epochs"),
        ("propagation --device cpu", "propagation learns on the CPU: it has no --device"),
        ("propagation --free-magnetic-scale", "--free-magnetic-scale is for potential"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    command: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *command.split(), "--data", str(tmp_path), "--run", str(tmp_path / "run")]) == 2
    assert reason in capsys.readouterr().err
