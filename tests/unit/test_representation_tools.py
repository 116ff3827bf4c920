"""Element similarity, the command line and the leaderboard's bookkeeping."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from magnetite.cli import main
from magnetite.errors import MagnetiteError
from magnetite.evaluation.representations import HEADS, Store, Task, parts, settings_of, spread
from magnetite.representations.elements import embedding
from magnetite.representations.similarity import (
    EMBEDDINGS,
    element_map,
    element_similarity,
    most_alike,
    plot_elements,
    plot_maps,
)
from magnetite.structures import as_crystal

if TYPE_CHECKING:
    from pathlib import Path

    from pymatgen.core import Structure


def test_similarities_are_those_of_the_vectors() -> None:
    vectors = embedding("megnet16").embeddings
    iron, cobalt = vectors["Fe"], vectors["Co"]
    expected = {
        "cosine": iron @ cobalt / np.linalg.norm(iron) / np.linalg.norm(cobalt),
        "pearson": np.corrcoef(iron, cobalt)[0, 1],
        "chebyshev": np.abs(iron - cobalt).max(),
    }
    for metric, value in expected.items():
        table = element_similarity("megnet16", metric)
        assert table.index[0] == "H"
        assert table.loc["Fe", "Co"] == table.loc["Co", "Fe"] == pytest.approx(value)
        assert np.diag(table) == pytest.approx(0 if metric == "chebyshev" else 1, abs=1e-9)
    with pytest.raises(MagnetiteError, match="metric must be one of"):
        element_similarity("megnet16", "spearman")
    with pytest.raises(MagnetiteError, match="no element vectors 'soap'"):
        element_similarity("soap")


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_every_embedding_has_a_map(name: str) -> None:
    before = {symbol: vector.copy() for symbol, vector in embedding(name).embeddings.items()}
    table = element_map(name)
    assert np.isfinite(table[["x", "y"]].to_numpy()).all()
    assert table.loc["Fe", "group"] == table.loc["Co", "group"] != table.loc["O", "group"]
    after = embedding(name).embeddings
    assert all(np.array_equal(before[symbol], after[symbol]) for symbol in before)


def test_our_own_vectors_are_learned_ones() -> None:
    vectors = embedding("order-elements").embeddings
    assert "Fe" in vectors
    assert "Lr" not in vectors  # in no training row
    assert not np.allclose(vectors["Fe"], vectors["O"])


def test_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = embedding("megnet16")
    few = whole.remove_elements(
        [symbol for symbol in whole.element_list if symbol not in "H O F Na Fe Co Ni Gd".split()]
    )
    monkeypatch.setattr("magnetite.representations.similarity.embedding", lambda *_: few)
    titles = [axis.get_title() for axis in plot_elements("megnet16").axes[:4]]
    assert titles == ["megnet16", "megnet16, cosine", "megnet16, pearson", "megnet16, chebyshev"]
    assert [axis.get_title() for axis in plot_maps(("megnet16", "skipatom"), 2).axes] == ["megnet16", "skipatom"]


def test_pictures_without_matplotlib_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MagnetiteError, match="pictures need matplotlib: pip install"):
        plot_maps(("megnet16",))


def test_the_most_alike_come_first() -> None:
    table = element_similarity("order-elements", "pearson")["Fe"].drop("Fe").sort_values(ascending=False)
    found = most_alike("Fe", "order-elements", "pearson", 3)
    assert [symbol for symbol, _ in found] == table.index[:3].tolist()
    assert [value for _, value in found] == pytest.approx(table[:3].tolist())
    near, far = (most_alike("Fe", "magpie-elements", "chebyshev", 90)[place][1] for place in (0, -1))
    assert 0 < near < far
    with pytest.raises(MagnetiteError, match="no vector of Ar"):
        most_alike("Ar", "skipatom")


def test_the_command(
    tmp_path: Path,
    nio: Structure,
    rutile: Structure,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, structure in (("NiO.cif", nio), ("MnF2.cif", rutile)):
        structure.to(filename=str(tmp_path / name))
    (tmp_path / "bad.cif").write_text("nothing")
    files = [str(tmp_path / name) for name in ("NiO.cif", "bad.cif", "MnF2.cif")]
    table, arrays = tmp_path / "x.csv", tmp_path / "x.NPZ"
    assert (
        main(["represent", *files, "--name", "megnet16", "--option", "pooling=mean,max", "-o", str(table), "--quiet"])
        == 2
    )
    assert "bad.cif" in capsys.readouterr().err
    rows = pd.read_csv(table)
    assert rows["path"].tolist() == [files[0], files[2]]
    assert rows.shape == (2, 33)
    assert (
        main(["represent", files[0], files[2], "--name", "soap", "--option", "r_cut=4", "-o", str(arrays), "--quiet"])
        == 0
    )
    with np.load(arrays) as found:
        assert found["values"].shape == (2, len(found["labels"]))
        assert found["paths"].tolist() == [files[0], files[2]]
    assert main(["represent", "--list"]) == 0
    assert "Coulomb" not in capsys.readouterr().err
    similar = tmp_path / "similar.csv"
    assert main(["represent", "--name", "megnet16", "--elements", "--metric", "pearson", "-o", str(similar)]) == 0
    expected = element_similarity("megnet16", "pearson").loc["Fe", "Co"]
    assert pd.read_csv(similar, index_col="element").loc["Fe", "Co"] == pytest.approx(expected, rel=1e-5)
    assert main(["represent", "--name", "megnet16", "--elements", "-o", str(tmp_path / "similar.npz")]) == 2
    assert not (tmp_path / "similar.npz").exists()
    for nothing in (["--option", "l_max=2"], ["--cell", "primitive"], [files[0]]):
        assert main(["represent", "--name", "megnet16", "--elements", *nothing]) == 2
        assert "give no file, --option or --cell" in capsys.readouterr().err
    asked: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("magnetite.representations.represent_many", lambda *_, cell, **__: asked.append(cell) or [])
        assert main(["represent", files[0], "--cell", "primitive", "--quiet"]) == 0
    assert asked == ["primitive"]
    assert main(["represent", files[0], "-o", files[2]]) == 2
    assert "is a structure file that is there" in capsys.readouterr().err
    assert main(["represent"]) == 2
    assert main(["represent", files[0], "--plot", str(tmp_path / "x.png")]) == 2
    assert main(["represent", files[0], "--option", "pooling"]) == 2
    assert "needs KEY=VALUE" in capsys.readouterr().err


def task(nio: Structure, rutile: Structure) -> Task:
    crystals = tuple(as_crystal(s, f"{i}") for i in range(20) for s in (nio, rutile))
    labels, groups = np.tile([0, 1], 20), np.repeat([f"{i}" for i in range(20)], 2)
    split = (np.arange(24), np.arange(24, 40))
    return Task("order", crystals, labels, groups, (split,), np.arange(24, 30))


def test_the_leaderboard_keeps_what_it_has(
    tmp_path: Path, nio: Structure, rutile: Structure, monkeypatch: pytest.MonkeyPatch
) -> None:
    thin, store = task(nio, rutile), Store(tmp_path, progress=False)
    assert {name: len(rows) for name, rows in parts(thin)} == {"validation": 6, "test": 10}
    assert not store.has(thin, "megnet16", {})
    answers = store.answers(thin, "megnet16", {}, "logistic")
    rows = thin.splits[0][1]
    assert (answers[rows] == thin.labels[rows]).all()
    assert (np.delete(answers, rows) == -1).all()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr("magnetite.evaluation.representations.represent_many", refuse)
    table, refused = store.features(thin, "megnet16", {})
    assert refused == 0
    assert (np.abs(table).sum(1) > 0).sum() == len(thin.rows)
    assert (store.answers(thin, "megnet16", {}, "logistic") == answers).all()


def test_what_is_kept_is_of_the_model_that_was_named(tmp_path: Path, nio: Structure, rutile: Structure) -> None:
    weights = files("magnetite.zoo") / "weights"
    for name in ("magnetism.json", "magnetism.safetensors"):
        (tmp_path / name).write_bytes((weights / name).read_bytes())
    own, options = task(nio, rutile), {"model": str(tmp_path / "magnetism.json")}
    store = Store(tmp_path / "kept", progress=False)
    before = store._path(own, "order-embedding", options)
    card = tmp_path / "magnetism.json"
    content = json.loads(card.read_text())
    card.write_text(json.dumps(content | {"sha256": "0" * 64}))
    assert store._path(own, "order-embedding", options) != before


def test_what_is_kept_is_found_by_other_processes() -> None:
    assert not any("0x" in settings_of(head) for head in HEADS)
    assert len({settings_of(head) for head in HEADS}) == len(HEADS)


def test_refused_rows_hold_zeros(tmp_path: Path, nio: Structure, rutile: Structure) -> None:
    whole, store = task(nio, rutile), Store(tmp_path, progress=False)
    table, refused = store.features(whole, "coulomb-matrix", {"n_atoms_max": 7})
    assert refused == 20
    assert not table[::2].any()
    assert table[1::2].any(axis=1).all()


def test_errors_count_groups_not_rows() -> None:
    right = np.repeat(np.arange(50) % 2 == 0, 8)
    each, groups = np.arange(400).astype(str), np.repeat(np.arange(50), 8).astype(str)
    assert spread(right, each) == pytest.approx((0.25 / 400) ** 0.5, rel=0.1)
    assert spread(right, groups) == pytest.approx((0.25 / 50) ** 0.5, rel=0.1)
