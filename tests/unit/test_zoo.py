"""The zoo: cards that validate, weights that are what the card says, names that are close."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import magnetite
from magnetite.api import load_classifier, load_order_model
from magnetite.errors import DeviceError, MagnetiteError, ZooError
from magnetite.order.weights import from_tensors, to_tensors
from magnetite.zoo import DEFAULT_MODEL, Card, available, find_card
from magnetite.zoo import registry as registry_module

if TYPE_CHECKING:
    from pymatgen.core import Structure

MAX_WHEEL_WEIGHTS = 20e6


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the default model's card and weights."""
    card = find_card(DEFAULT_MODEL)
    shutil.copy(card.weights, tmp_path)
    return Path(shutil.copy(card.path, tmp_path))


def test_shipped_cards_are_valid_and_small() -> None:
    names = available()
    assert DEFAULT_MODEL in names
    cards = [find_card(name) for name in names]
    files = {card.weights for card in cards}  # cards may share one
    assert sum(path.stat().st_size for path in files) < MAX_WHEEL_WEIGHTS


def test_a_wrong_name_is_answered_with_the_closest() -> None:
    with pytest.raises(ZooError, match="did you mean 'magnetism'"):
        magnetite.load("magnetisim")
    with pytest.raises(ZooError, match=r"'xyzzy'; there are: magnetism, magnetism-best, "):
        magnetite.load("xyzzy")


def test_a_card_by_its_path_and_nothing_else() -> None:
    path = find_card(DEFAULT_MODEL).path
    assert magnetite.load(path, "cpu") is magnetite.load(str(path), "cpu")
    for wrong in (None, 5):
        with pytest.raises(ZooError, match="named by text or the path"):
            magnetite.load(wrong, "cpu")
    for wrong in ("a" * 5000, "", "../weights/magnetism"):
        with pytest.raises(ZooError, match="no model is called"):
            magnetite.load(wrong, "cpu")


def test_the_same_model_is_loaded_once() -> None:
    assert magnetite.load(device="cpu") is magnetite.load(DEFAULT_MODEL, "cpu")


def test_a_card_that_has_changed_is_a_model_of_its_own(copy: Path) -> None:
    before = magnetite.load(copy, "cpu")
    content = json.loads(copy.read_text())
    copy.write_text(json.dumps(content | {"version": "9.9.9"}))
    assert str(magnetite.load(copy, "cpu").card) == "magnetism 9.9.9"
    assert str(before.card) == f"magnetism {content['version']}"


def test_loading_leaves_the_random_numbers_of_others_alone(copy: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2).tolist()
    torch.manual_seed(3)
    magnetite.load(copy)
    assert torch.rand(2).tolist() == expected


def test_damaged_weights_are_refused_before_parsing(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = copy.with_name("magnetism.safetensors")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    monkeypatch.setattr("magnetite.zoo.loading.parse_safetensors", lambda _: pytest.fail("parsed before the check"))
    with pytest.raises(ZooError, match=r"not those of the card"):
        magnetite.load(str(copy), device="cpu")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"family": "nonsense"}, "unknown model family"),
        ({"sha256": "0" * 63}, "card is not valid: sha256"),
        ({"weights": "../x.safetensors"}, "card is not valid: weights"),
        ({"weights": "missing.safetensors"}, "weights cannot be read"),
        ({"weights": "."}, "card is not valid: weights"),
        ({"extra": 1}, "card is not valid: card: Additional properties"),
        ({"settings": list(range(9999))}, "card is not valid: settings: ….{,200}$"),
    ],
)
def test_broken_cards_say_what_is_wrong(copy: Path, change: dict[str, object], reason: str) -> None:
    copy.write_text(json.dumps(json.loads(copy.read_text()) | change))
    with pytest.raises(ZooError, match=reason):
        magnetite.load(str(copy), device="cpu")


@pytest.mark.parametrize(
    ("name", "part", "value", "reason"),
    [
        ("magnetism", "network", {"scalars": 7}, "do not fit"),
        ("potential-nio", "network", {"hidden": 7}, "do not fit"),
        ("potential-nio", "network", {"numbers": [8, 999]}, "settings are not those of a model of potential"),
        ("potential-nio", "network", {"radial": 10**30}, "settings are not those of a model of potential"),
        ("potential-nio", "moment_ranges", [1], "settings are not those of a model of potential"),
        ("prototypes", "network", {"members": 99}, "do not fit"),
        ("prototypes", "soap", {"size": 9}, "settings are not those of a model of prototypes"),
        ("prototypes", "passes", "many", "settings are not those of a model of prototypes"),
        ("propagation", "trees", [7, 7], "do not fit"),
    ],
)
def test_settings_that_do_not_fit_the_weights_are_refused(
    name: str, part: str, value: object, reason: str, tmp_path: Path
) -> None:
    """In one line that names the card: torch lists every tensor that differs."""
    card = find_card(name)
    shutil.copy(card.weights, tmp_path)
    changed = card.settings[part] | value if isinstance(value, dict) else value
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(card.content | {"settings": card.settings | {part: changed}}))
    with pytest.raises(ZooError, match=rf"^[^\n]*mine\.json: [^\n]*{reason}[^\n]{{,250}}$"):
        magnetite.load(path, device="cpu")


@pytest.mark.parametrize("data", [b"", b"weights" * 9, b"\xff" * 99])
def test_weights_that_are_no_safetensors(data: bytes, copy: Path) -> None:
    copy.with_name("magnetism.safetensors").write_bytes(data)
    content = json.loads(copy.read_text()) | {"sha256": hashlib.sha256(data).hexdigest()}
    copy.write_text(json.dumps(content))
    with pytest.raises(ZooError, match="weights are not safetensors"):
        magnetite.load(copy, device="cpu")


@pytest.mark.parametrize("family", ["order", "potential", "prototypes", "propagation"])
def test_a_card_without_its_settings_is_broken(family: str, copy: Path) -> None:
    copy.write_text(json.dumps(json.loads(copy.read_text()) | {"family": family, "settings": {}}))
    with pytest.raises(ZooError, match=f"settings are not those of a model of {family}|do not fit"):
        magnetite.load(str(copy), device="cpu")


def test_a_changed_card_is_read_again(copy: Path) -> None:
    first = magnetite.load(str(copy), device="cpu")
    copy.write_text(json.dumps(json.loads(copy.read_text()) | {"elements": ["Fe"]}))
    assert magnetite.load(str(copy), device="cpu").card.elements == {"Fe"}
    assert len(first.card.elements) > 1


def test_a_card_that_is_not_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(ZooError, match=r"cannot be read .*No such file"):
        Card.read(path)
    path.write_text("{")
    with pytest.raises(ZooError, match="cannot be read"):
        Card.read(path)
    path.write_text("[" * 100_000)
    with pytest.raises(ZooError, match=r"cannot be read .*recursion"):
        Card.read(path)


def offer(monkeypatch: pytest.MonkeyPatch, offered: Any, *names: str) -> None:
    """As if another package had entry points of these names."""
    points = [EntryPoint(name, "tests.theirs:card", registry_module.ENTRY_POINT_GROUP) for name in names]
    monkeypatch.setattr(EntryPoint, "load", lambda _: offered)
    monkeypatch.setattr(
        registry_module, "entry_points", lambda name=None, **_: [p for p in points if name in (None, p.name)]
    )


@pytest.mark.parametrize("called", [False, True])
def test_models_of_other_packages_come_through_the_entry_point(
    called: bool, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, (lambda: str(copy)) if called else copy, "theirs")
    assert "theirs" in available()
    model = magnetite.load("theirs", device="cpu")
    assert model.card.path == copy
    assert load_order_model("theirs", "cpu") is model


def test_no_other_package_takes_the_place_of_a_model_that_ships(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = find_card(DEFAULT_MODEL).path
    offer(monkeypatch, copy, DEFAULT_MODEL)
    assert available()[DEFAULT_MODEL] == find_card(DEFAULT_MODEL).path == own


@pytest.mark.parametrize("offered", [None, lambda: 1 / 0])
def test_an_entry_point_that_fails_is_named(offered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, offered, "theirs")
    with pytest.raises(ZooError, match=r"entry point tests\.theirs:card of model 'theirs' failed"):
        magnetite.load("theirs", device="cpu")


@pytest.mark.parametrize("name", ["prototypes", "propagation", "potential-fe"])
def test_a_model_of_another_family_is_not_asked_for_the_order(name: str, nio: Structure) -> None:
    for ask in (magnetite.analyze_magnetism, magnetite.analyze_many):
        with pytest.raises(ZooError, match=f"{name}: is a model of .*, not of magnetic order; try 'magnetism'"):
            ask(nio, model=name, device="cpu")


def test_weights_round_trip_without_generated_constants() -> None:
    model = magnetite.load(device="cpu")
    tensors = to_tensors(model.network)
    assert not [name for name in tensors if "_compiled" in name or "output_mask" in name or "_w3j" in name]
    again = from_tensors(model.card.settings["network"], tensors, torch.device("cpu"))
    for name, value in to_tensors(again).items():
        assert torch.equal(value, tensors[name]), name


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_missing_gpu_is_an_error_not_a_fallback() -> None:
    for load in (magnetite.load, load_order_model, load_classifier):
        with pytest.raises(DeviceError, match="not available"):
            load(device="cuda")


@pytest.mark.parametrize("device", ["warp", "meta", None])
def test_an_unknown_device(device: Any) -> None:
    with pytest.raises(DeviceError, match=f"device {device!r} is not"):
        magnetite.load(device=device)


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(ZooError("reason", "source")))
    assert isinstance(error, MagnetiteError)
    assert (error.reason, error.source, str(error)) == ("reason", "source", "source: reason")


def test_importing_the_package_stays_light() -> None:
    code = "import sys, magnetite; print([m for m in ('torch', 'e3nn', 'matminer', 'sklearn') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
