"""The study of the 2022 paper: its parts on rows counted by hand, and the whole of it on toy data."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from magnetite.cli import main
from magnetite.errors import DataError
from magnetite.evaluation.paper import reference
from magnetite.evaluation.paper.boosting import stacked
from magnetite.evaluation.paper.compositions import MODELS, compositions
from magnetite.evaluation.paper.experiment import compare
from magnetite.evaluation.paper.features import tree_table, with_cell, without_edges
from magnetite.evaluation.paper.propagation import Classifiers
from magnetite.evaluation.paper.rows import Rows, from_arrays, read_rows, to_arrays
from magnetite.evaluation.paper.settings import Settings
from magnetite.evaluation.paper.subsets import ORDER_RATIO, balanced_subset, split
from magnetite.evaluation.paper.tables import markdown, mean_and_range, per_element, scores
from magnetite.evaluation.paper.threshold import relabel
from magnetite.evaluation.paper.work import Work
from magnetite.order import train
from magnetite.order.config import NetworkConfig
from magnetite.order.network import MagnetismNetwork
from magnetite.order.trees import EXTENSIVE
from magnetite.sublattice import GEOMETRY_NAMES

TINY = Settings(models=2, repeats=1, epochs=1, boosting_rounds=4, forest_trees=4, composition_epochs=1)
METALS = {"NM": ("Sc", "Y", "Nb"), "AFM": ("Ni", "Mn", "Cr"), "FM": ("Fe", "Co", "V")}
ANIONS = ("O", "F", "S", "Se", "N", "Cl", "Br", "Te", "P", "C")
ROCKSALT = [[0, 2, 2], [2, 0, 2], [2, 2, 0]]
CAESIUM = [[3, 0, 0], [0, 3, 0], [0, 0, 3]]


def cell(metal: str, anion: str, lattice: list[list[int]], strain: float) -> dict[str, object]:
    return {
        "lattice": (np.array(lattice) * strain).tolist(),
        "species": [metal, anion],
        "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]],
    }


@pytest.fixture(scope="module")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder: two polymorphs of 90 binaries with computed orders, and 60 binaries with refined ones."""
    folder = tmp_path_factory.mktemp("data")
    orders, compounds = [], []
    for number, (label, metal, anion) in enumerate(
        (label, metal, anion) for label, metals in METALS.items() for metal, anion in product(metals, ANIONS)
    ):
        for form, lattice in enumerate((ROCKSALT, CAESIUM)):
            fine = "FiM" if label == "FM" and form else label
            orders.append(
                {
                    "id": f"mp-{number}-{form}", "mp_id": f"mp-{number}-{form}", "formula": f"{metal}{anion}",
                    "label": label, "ordering4": fine, "net_ratio": {"FM": 1.0, "FiM": 0.01}.get(fine, 0.0),
                    "label_source": "absent+CHGNet tier A" if label == "NM" else "dft_magmoms",
                    "nsites_original": 4 if label == "AFM" else 2, "balanced": True, "fold": number % 10,
                    **cell(metal, anion, lattice, 1 + number / 900),
                }
            )  # fmt: skip
    for number, (metal, anion) in enumerate(
        product(("Mn", "Fe", "Co", "Cr", "Ni", "V"), ("As", "Sb", "I", "Bi", "Ge"))
    ):
        for form, lattice in enumerate((ROCKSALT, CAESIUM)):
            zero = (number + form) % 2 == 0
            compounds.append(
                {
                    "id": f"{number}.{form}", "reduced_formula": f"{metal}{anion}", "usable": True, "merker_like": True,
                    "order": "AFM" if number % 3 else "FM", "zero_k": zero, "n_atoms_magcell": 2 if zero else 4,
                    "parent_cell": cell(metal, anion, lattice, 1 + number / 300),
                }
            )  # fmt: skip
    for name, rows in {
        "dft_magnetic/TRAIN_merker_like_ggau": orders,
        "dft_magnetic/mp_magmoms_kitchin": [],
        "magndata/magndata": compounds,
    }.items():
        path = folder / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def toy_rows(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Rows]:
    return read_rows(toy_data, range(10), Work(tmp_path_factory.mktemp("rows")), progress=False)


def test_the_whole_study_from_the_command_line(
    toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mpltern")
    monkeypatch.setattr("magnetite.evaluation.paper.settings.QUICK", TINY)
    command = ["evaluate", "--paper", "--quick", "--quiet", "--device", "cpu", "--data", str(toy_data)]
    assert main([*command, "--out", str(tmp_path)]) == 0
    assert "paper-2022.md" in capsys.readouterr().out
    text = (tmp_path / "paper-2022.md").read_text()
    for what in ("Fig. 4", "Table 1", "Table 2", "Fig. 5", "Fig. 6", "Fig. 7", "Table 3", "Figs. 8 and 9", "Table 4"):
        assert what in text
    assert "nan" not in text
    shown = {line.split("](")[1].rstrip(")") for line in text.splitlines() if line.startswith("![")}
    assert len(shown) >= 7
    for name in shown:
        assert 1_000 < (tmp_path / name).stat().st_size < 150_000, name
    # Nothing is trained a second time, and nothing that was kept is changed by being read.
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npz")}
    monkeypatch.setattr("magnetite.evaluation.paper.readouts.fit", None)
    monkeypatch.setattr("magnetite.evaluation.paper.compositions.fit", None)
    assert main([*command, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "paper-2022.md").read_text() == text
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npz")} == before


@pytest.mark.parametrize("split", ["test", "validation"])
def test_the_table_of_the_shipped_model(
    toy_data: Path, split: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "read_examples", partial(train.read_examples, sets=("ggau", "measured")))
    assert main(["evaluate", "--data", str(toy_data), "--split", split, "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    for name, rows in (("order accuracy", 18), ("order calibration error", 18), ("zero k accuracy", 60)):
        (line,) = [line for line in printed.splitlines() if line.startswith(f"{name}  ")]
        assert 0 <= float(line.removeprefix(name).split()[0]) <= 1
        assert f" {rows} rows" in line


def test_paper_needs_a_place_to_write_to(toy_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--paper", "--data", str(toy_data)]) == 2
    assert main(["evaluate", "--quick", "--data", str(toy_data)]) == 2
    assert main(["evaluate", "--paper", "--json", "--out", "docs", "--data", str(toy_data)]) == 2
    assert "--out" in capsys.readouterr().err
    assert main(["evaluate", "--paper", "--split", "validation", "--out", "docs", "--data", str(toy_data)]) == 2
    assert "of the test split" in capsys.readouterr().err
    assert main(["evaluate", "--model", "xyzzy", "--data", str(toy_data)]) == 2
    assert "no model is called 'xyzzy'" in capsys.readouterr().err


def test_rows_survive_being_kept(toy_rows: tuple[Rows, Rows]) -> None:
    orders, compounds = toy_rows
    assert (len(orders), len(compounds)) == (180, 60)
    again = from_arrays(to_arrays(orders.examples))
    for one, other in zip(orders.examples, again, strict=True):
        for name in ("formula", "fold", "order", "zero_k", "balanced", "identity", "tier", "volume_per_atom"):
            assert getattr(one, name) == getattr(other, name)
        for name in ("numbers", "senders", "receivers", "vectors", "reach"):
            np.testing.assert_array_equal(getattr(one.graph, name), getattr(other.graph, name))
            assert getattr(one.graph, name).dtype == getattr(other.graph, name).dtype
        np.testing.assert_array_equal(one.moments, other.moments)
        np.testing.assert_array_equal(one.geometry, other.geometry)
    assert set(orders.system) == {"cubic"}
    assert set(orders.label_cell[orders.label == 1]) == {4}
    assert set(orders.ordering) == {"NM", "AFM", "FM", "FiM"}
    assert orders[orders.test].fold.max() == 0


def test_work_is_done_once_and_a_broken_result_is_named(tmp_path: Path) -> None:
    work, calls = Work(tmp_path), []

    def make() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"x": np.arange(3)}

    assert work.kept("a", make)["x"].tolist() == Work(tmp_path).kept("a", make)["x"].tolist() == [0, 1, 2]
    assert len(calls) == 1
    assert work.total > 0
    (tmp_path / "a.npz").write_bytes(b"half a file")
    with pytest.raises(DataError, match="remove it"):
        Work(tmp_path).kept("a", make)


def test_subsets_have_the_ratio_that_is_asked_for() -> None:
    label = np.repeat([0, 1, 2, -1], [60, 100, 900, 50])
    chosen = balanced_subset(label, ORDER_RATIO, seed=0)
    assert [int((label[chosen] == c).sum()) for c in (0, 1, 2, -1)] == [60, 50, 60, 0]
    assert len(set(chosen.tolist())) == len(chosen)
    assert len(balanced_subset(label, ORDER_RATIO, seed=0, share=0.5)) == 85
    assert len(balanced_subset(label, ORDER_RATIO, seed=0, most=34)) == 34
    assert set(chosen.tolist()) != set(balanced_subset(label, ORDER_RATIO, seed=1).tolist())


def test_splits_by_group_share_no_formula_and_random_ones_do() -> None:
    groups = np.array([f"f{i // 3}" for i in range(300)])
    for by_group in (True, False):
        train, test = split(groups, by_group=by_group, test=0.2, seed=0)
        assert sorted([*train, *test]) == list(range(300))
        assert bool(set(groups[train]) & set(groups[test])) != by_group


def test_stacking_does_what_the_network_does() -> None:
    network = MagnetismNetwork(NetworkConfig(scalars=8, vectors=2, layers=1, ggau_tree_weight=0.7))
    logits, odds = torch.randn(5, 3).double(), torch.randn(5).double()
    network.trees = lambda _: odds  # type: ignore[assignment]
    expected = network._with_trees(logits, torch.zeros(5, 1), torch.ones(5).bool()).softmax(1).detach().numpy()
    found = stacked(logits.softmax(1).numpy(), torch.sigmoid(odds).numpy(), 0.7)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_thresholds_are_on_the_ratio_to_the_up_moments() -> None:
    label = np.array([0, 1, 2, 2, 2])
    net = np.array([0.0, 0.0, 0.02, 0.2, 1.0])  # over the sum; over the up moments 0, 0, 0.039, 0.333, 1
    assert relabel(label, net, 0.0).tolist() == [0, 1, 2, 2, 2]
    assert relabel(label, net, 0.03).tolist() == [0, 1, 2, 2, 2]
    assert relabel(label, net, 0.05).tolist() == [0, 1, 1, 2, 2]


def test_another_cell_changes_only_the_numbers_of_atoms_and_electrons(toy_rows: tuple[Rows, Rows]) -> None:
    rows = toy_rows[0][np.arange(4)]
    table = tree_table(rows.examples)
    thrice, twice = (with_cell(table, rows.atoms, copies * rows.atoms) for copies in (3, 2))
    end = table.shape[1] - len(GEOMETRY_NAMES)
    extensive = np.arange(end - EXTENSIVE, end)
    changed = np.flatnonzero((thrice != table).any(0))
    assert set(changed) <= set(extensive)
    np.testing.assert_array_equal(thrice[:, extensive], 3 * table[:, extensive])
    assert set(table[:, extensive[0]]) == {2.0}
    odd = extensive[0] - 1
    np.testing.assert_array_equal(thrice[:, odd], table[:, odd])
    assert not twice[:, odd].any()


def test_examples_without_edges_keep_their_atoms(toy_rows: tuple[Rows, Rows]) -> None:
    whole = toy_rows[0].examples[0]
    bare = without_edges(whole)
    assert bare.graph.n_edges == 0 < whole.graph.n_edges
    assert replace(bare, graph=whole.graph).identity == whole.identity
    np.testing.assert_array_equal(bare.graph.numbers, whole.graph.numbers)


def test_the_papers_choice_of_threshold_flatters() -> None:
    rng = np.random.default_rng(0)
    noise = Classifiers([rng.random(20) for _ in range(50)], [rng.permutation([0, 1] * 10) for _ in range(50)])
    assert noise.accuracies.mean() == pytest.approx(0.5, abs=0.05)
    assert noise.flattered.mean() > 0.58
    assert (noise.flattered >= noise.accuracies).all()
    certain = Classifiers([np.array([0.2, 0.4])], [np.array([0, 1])])
    assert (certain.accuracies[0], certain.flattered[0], certain.auc[0]) == (0.5, 1.0, 1.0)


def test_compositions_and_their_models(toy_rows: tuple[Rows, Rows]) -> None:
    table = compositions(toy_rows[0])
    np.testing.assert_allclose(table[:, :118].sum(1), 1)
    assert table[0, 20] == 0.5  # Sc
    for inputs, build in MODELS.values():
        assert build()(torch.from_numpy(table[:5, :inputs])).shape == (5, 3)
    assert set(MODELS) == set(reference.COMPOSITION)


def test_tables_counted_by_hand() -> None:
    found = scores([np.array([0, 0, 1, 2])], [np.array([0, 1, 1, 2])], 3)
    np.testing.assert_allclose(found, [[1, 0.5, 2 / 3], [0.5, 1, 2 / 3], [1, 1, 1]])
    accuracies, counts = per_element([["Fe", "O"], ["Fe"], ["O"]], np.array([1.0, 0.5, 0.0]), least=2)
    assert accuracies == {"Fe": 0.75, "O": 0.5}
    assert counts == {"Fe": 2, "O": 2}
    assert mean_and_range(np.array([0.5, 0.7])) == "0.600 (0.500–0.700)"
    assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --: |\n| 1 | 2 |"
    truth, answer = np.array([1, 1, 1, 2]), np.eye(3)[[1, 1, 0, 1]]
    compared = compare("x", truth, answer)
    assert (compared.accuracy, compared.balanced, compared.always_afm, compared.called_nm) == (0.5, 1 / 3, 0.75, 0.25)
