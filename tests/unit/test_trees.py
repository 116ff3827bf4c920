"""The trees as tensors against scikit-learn's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pymatgen.core import Composition, Lattice, Structure
from sklearn.ensemble import HistGradientBoostingClassifier

import magnetite
from magnetite.datasets.magnetic import MAX_TRAINING_ATOMS, TEST_FOLD, VALIDATION_FOLD, Example, trainable
from magnetite.elements import property_table
from magnetite.order.growing import TREE_WEIGHTS, TREES, outside_rows, tree_share
from magnetite.order.network import MagnetismNetwork
from magnetite.order.trees import Trees, counts, descriptor, with_none
from magnetite.runtime import Batch, collate
from magnetite.structures import as_crystal
from magnetite.sublattice import GEOMETRY_NAMES, magnetic_geometry


def batch_of(*structures: Structure) -> Batch:
    crystals = [as_crystal(s) for s in structures]
    geometries = [magnetic_geometry(c) for c in crystals]
    return collate([c.graph for c in crystals], [c.volume / len(c) for c in crystals], geometries)


def test_they_answer_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 7)).round(2)
    y = (x[:, 0] * x[:, 1] + x[:, 2] + rng.normal(size=2000)) > 0
    x = x.astype(np.float32).astype(float)  # as the descriptor comes
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0).fit(x, y)
    other = HistGradientBoostingClassifier(max_iter=20, random_state=1).fit(x[:900], y[:900])
    unseen = rng.normal(size=(500, 7)).round(2).astype(np.float32).astype(float)
    got = Trees.from_boosting([model])(torch.from_numpy(unseen)).numpy()
    np.testing.assert_allclose(got, model.decision_function(unseen), atol=1e-6)
    got = Trees.from_boosting([model, other])(torch.from_numpy(unseen)).numpy()
    mean = (model.decision_function(unseen) + other.decision_function(unseen)) / 2
    np.testing.assert_allclose(got, mean, atol=1e-6)
    np.testing.assert_allclose(got, Trees.from_boosting([model, other], (70, 99, 40))(torch.from_numpy(unseen)).numpy())


def test_a_threshold_between_two_neighbours_is_not_rounded_past_the_upper_one() -> None:
    low = np.float32(1.0)
    high = np.nextafter(low, np.float32(2.0))
    x = np.repeat([[float(low)], [float(high)]], 50, axis=0)
    y = np.repeat([False, True], 50)
    model = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(x, y)
    got = Trees.from_boosting([model])(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(got > 0, y)


def test_descriptor_says_what_it_says(nio: Structure, rutile: Structure) -> None:
    table = torch.from_numpy(property_table().copy())
    both = descriptor(batch_of(nio, rutile), table)
    columns = table.shape[1]
    np.testing.assert_allclose(both[0, :columns], (table[28] + table[8]) / 2, atol=1e-5)
    shares = both[1, 4 * columns : 4 * columns + 104]
    assert shares[25] == pytest.approx(1 / 3, abs=1e-6)
    assert shares[9] == pytest.approx(2 / 3, abs=1e-6)
    sizes, geometry = both[:, : -len(GEOMETRY_NAMES)], both[:, -len(GEOMETRY_NAMES) :]
    assert sizes[1, -10] == pytest.approx(np.log(rutile.volume / 6), abs=1e-5)
    assert sizes[:, -5].tolist() == [8, 6]
    assert sizes[:, -4].tolist() == [4, 2]
    np.testing.assert_allclose(geometry[1], magnetic_geometry(as_crystal(rutile)), atol=1e-5)


@pytest.mark.parametrize(
    ("formula", "electrons", "by_highest", "by_lowest"),
    [
        ("Na1 Cl1", 8, 0, 0),
        ("K1 O2", 13, -3, -3),  # a superoxide: holes
        ("Ba1 F3", 23, -1, -1),
        ("Mn1 F2", 21, 5, 0),  # Mn7+ would leave five electrons, Mn2+ none
        ("Gd1 N1", 8, 0, 0),  # the 4f shell is not counted
        ("Sr2 Li1 Pb1", 9, 5, 5),
    ],
)
def test_charge_balance(formula: str, electrons: int, by_highest: int, by_lowest: int) -> None:
    """Outer electrons of the cell, and those left over with the highest and the lowest charges; by hand."""
    composition = Composition(formula)
    species = [str(element) for element, n in composition.items() for _ in range(int(n))]
    places = np.random.default_rng(0).random((len(species), 3))
    found = counts(batch_of(Structure(Lattice.cubic(7), species, places)))[0]
    anions = max(composition.items(), key=lambda item: item[0].X)[1]
    assert found[-3:].tolist() == [electrons, by_highest, by_lowest]
    assert found[:4].tolist() == pytest.approx(
        [electrons / len(species), by_highest / anions, by_lowest / anions, electrons % 2]
    )


def test_what_they_have_a_say_in(nio: Structure) -> None:
    """With a Hubbard U they share out the magnets alone; without one they have a say in NM, too."""
    network = magnetite.load(device="cpu").network
    assert network.trees is not None
    assert network.ggau_trees is not None
    assert network.none_trees is not None
    iron = Structure(Lattice.cubic(2.866), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]]).get_primitive_structure()
    batch = batch_of(nio.get_primitive_structure(), iron)
    with torch.no_grad():
        mixed = network(batch)["order"].softmax(1)
        bare = replace(network.config, trees=None, ggau_trees=None, none_trees=None, relatives=None)
        alone = MagnetismNetwork(bare).eval()
        grown = ("trees.", "ggau_trees.", "none_trees.", "relatives.")
        alone.load_state_dict({k: v for k, v in network.state_dict().items() if not k.startswith(grown)})
        plain = alone(batch)["order"].softmax(1)
        table = network.described(batch)
        own = [trees(row[None])[0] for trees, row in zip((network.ggau_trees, network.trees), table, strict=True)]
        share = torch.sigmoid(torch.stack(own)).float()
        none = torch.sigmoid(network.none_trees(table[1:])).float()
    config = network.config
    weight, none_weight = torch.tensor([config.ggau_tree_weight, config.tree_weight]), config.none_weight
    torch.testing.assert_close(mixed[0, 0], plain[0, 0])
    torch.testing.assert_close(mixed[1:, 0], (1 - none_weight) * plain[1:, 0] + none_weight * none)
    assert 0 < none_weight < 1
    expected = (1 - weight) * plain[:, 1] / (plain[:, 1] + plain[:, 2]) + weight * share
    torch.testing.assert_close(mixed[:, 1] / (mixed[:, 1] + mixed[:, 2]), expected)


def test_trees_without_a_branch_answer_alike() -> None:
    """As they grow on fewer rows than two leaves need."""
    x, y = np.arange(12.0)[:, None], np.arange(12) % 3 == 0
    model = HistGradientBoostingClassifier(**TREES).fit(x, y)
    got = Trees.from_boosting([model])(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(got, model.decision_function(x), atol=1e-6)


def test_trees_for_nm_learn_from_cells_that_networks_leave_out() -> None:
    dense = Example(
        as_crystal(Structure(Lattice.cubic(3), ["Fe"], [[0, 0, 0]])).graph, 27.0, "FeX", 5, "other", 2, -1,
        np.zeros(1, np.float32), balanced=False, identity="dense", geometry=np.zeros(0),
    )  # fmt: skip
    large = replace(dense.graph, numbers=np.full(MAX_TRAINING_ATOMS + 1, 26))
    kept = [
        dense,
        replace(dense, volume_per_atom=1000.0),
        replace(dense, graph=large),
        replace(dense, stratum="quiet", order=0),
    ]
    assert [trainable(e) for e in kept] == [True, False, False, True]
    left_out = [
        replace(dense, fold=TEST_FOLD),
        replace(dense, fold=VALIDATION_FOLD),
        replace(dense, order=-1),
        replace(dense, stratum="ggau"),
        replace(dense, stratum="measured"),
    ]
    assert outside_rows([*kept, *left_out]) == kept


def test_trees_count_no_more_than_they_are_seen_to_know() -> None:
    is_afm = np.arange(400) % 2 == 0
    knows = np.where(is_afm, 0.9, 0.1)
    guesses = np.random.default_rng(0).uniform(0.3, 0.7, 400)
    assert tree_share(guesses, knows, is_afm) == max(TREE_WEIGHTS)
    assert tree_share(knows, guesses, is_afm) == min(TREE_WEIGHTS)


def test_opinions_are_averaged_and_never_certain() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0], [30.0, 0.0, 0.0], [-60.0, 0.0, 1.0]])
    plain = logits.softmax(1)
    mixed = with_none(logits, torch.tensor([0.2, 1.0, 0.0]), 0.5)
    assert mixed.isfinite().all()
    p = mixed.softmax(1)
    torch.testing.assert_close(p[:, 0], (plain[:, 0] + torch.tensor([0.2, 1.0, 0.0])) / 2, atol=1e-6, rtol=0)
    torch.testing.assert_close(p[:, 1] / p[:, 2], plain[:, 1] / plain[:, 2])
