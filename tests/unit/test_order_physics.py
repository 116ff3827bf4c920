"""What physics demands: invariances, smoothness, batching."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp
from pymatgen.io.ase import AseAtomsAdaptor

import magnetite
from magnetite.api import load_order_model
from magnetite.dropout import thinned
from magnetite.graphs import build_graph
from magnetite.order.domain import Domain, packing
from magnetite.order.network import Companion, MagnetismNetwork
from magnetite.runtime import collate
from magnetite.structures import as_crystal

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def network() -> MagnetismNetwork:
    """The shipped network in double precision; a random one is too flat to show a broken symmetry."""
    network = deepcopy(magnetite.load(device="cpu").network).double()
    # Trees count the atoms of the primitive cell; these tests skip the reduction to it.
    network.trees, network.k_trees = None, torch.nn.ModuleList()
    return network


def answers(network: MagnetismNetwork, *structures: Structure) -> dict[str, np.ndarray]:
    """Outputs for the cells as given, without reduction to the primitive cell."""
    crystals = [as_crystal(s) for s in structures]
    batch = collate([c.graph for c in crystals], [c.volume / len(c) for c in crystals])
    batch = type(batch)(**{k: v.double() if v.is_floating_point() else v for k, v in vars(batch).items()})
    with torch.no_grad():
        return {name: value.numpy() for name, value in network(batch).items()}


def shaken(structure: Structure, seed: int = 0) -> Structure:
    """Without any symmetry left, so that invariance is not the symmetry's doing; every atom 0.15 Å off."""
    steps = np.random.default_rng(seed).normal(size=(len(structure), 3))
    moved = structure.copy()
    for site, step in enumerate(steps):
        moved.translate_sites([site], 0.15 * step / np.linalg.norm(step), frac_coords=False)
    return moved


def layer(height: float, tilt: float = 0.0, bottom: float = 1.0) -> Structure:
    """FeCl2, one layer of the bulk, in a cell so high."""
    lattice = Lattice([[3.5, 0, 0], [-1.75, 3.031, 0], [tilt, 0.3 * tilt, height]])
    coords = [[0, 0, bottom + 1.35], [0, 2.0207, bottom + 2.7], [1.75, 1.0103, bottom]]
    return Structure(lattice, ["Fe", "Cl", "Cl"], coords, coords_are_cartesian=True)


@pytest.mark.parametrize("model", ["magnetism", "magnetism-best"])
def test_it_does_not_matter_how_much_vacuum_is_beside_a_layer(model: str) -> None:
    given = [layer(15), layer(15, bottom=13.5), layer(20), layer(35), layer(35, tilt=9), layer(80)]
    open_above = AseAtomsAdaptor.get_atoms(layer(6, bottom=0))
    open_above.pbc = [True, True, False]
    first, *others = magnetite.analyze_many([*given, open_above], model=model, device="cpu")
    assert first.in_domain
    assert any("in vacuum" in warning for warning in first.warnings)
    for other in others:
        assert other.probabilities == pytest.approx(first.probabilities, abs=TOLERANCE)
        assert other.site_moments == pytest.approx(first.site_moments, abs=1e-3)
        assert other.warnings == first.warnings
    (bulk,) = magnetite.analyze_many([layer(6)], model=model, device="cpu")
    assert not any("in vacuum" in warning for warning in bulk.warnings)


def test_atoms_and_molecules_in_boxes_stay_outside_the_domain() -> None:
    box = Structure(Lattice.cubic(15), ["O", "O"], [[0.5, 0.5, 0.5], [0.5, 0.5, 0.58]])
    report = magnetite.analyze_magnetism(box, device="cpu")
    assert not report.in_domain
    assert any("Å³ per atom" in warning for warning in report.warnings)


@pytest.mark.parametrize("seed", [0, 1])
def test_rotation_inversion_and_translation(network: MagnetismNetwork, corundum: Structure, seed: int) -> None:
    structure = shaken(corundum, seed)
    expected = answers(network, structure)
    turned = structure.copy()
    turned.apply_operation(SymmOp.from_axis_angle_and_translation([1, 2, 3], 37.0))
    turned.translate_sites(range(len(turned)), [0.13, 0.71, 0.29])
    mirrored = structure.copy()
    mirrored.apply_operation(SymmOp.reflection([0.3, -1, 0.2]))
    for other in (turned, mirrored):
        for name, value in answers(network, other).items():
            np.testing.assert_allclose(value, expected[name], atol=TOLERANCE, err_msg=name)


def test_permutation_carries_the_moments_along(network: MagnetismNetwork, rutile: Structure) -> None:
    structure = shaken(rutile)
    order = np.array([5, 0, 3, 1, 4, 2])
    expected, got = answers(network, structure), answers(network, Structure.from_sites([structure[i] for i in order]))
    np.testing.assert_allclose(got["order"], expected["order"], atol=TOLERANCE)
    np.testing.assert_allclose(got["moment"], expected["moment"][order], atol=TOLERANCE)
    assert np.ptp(expected["moment"][:2]) > 1e-3, "the two Mn differ here, or the test shows nothing"


def test_supercell_gives_the_same_answer_without_reduction(network: MagnetismNetwork, rutile: Structure) -> None:
    structure = shaken(rutile)
    expected = answers(network, structure)
    for scaling in ((2, 1, 1), [[1, 1, 0], [-1, 1, 0], [0, 0, 2]]):
        got = answers(network, structure.make_supercell(scaling, in_place=False))
        np.testing.assert_allclose(got["order"], expected["order"], atol=TOLERANCE)
        np.testing.assert_allclose(got["zero_k"], expected["zero_k"], atol=TOLERANCE)


def test_answers_change_smoothly_with_positions(network: MagnetismNetwork, nio: Structure) -> None:
    """Also where atoms pass each other in the order of neighbours, as all do near a perfect lattice."""
    moved = nio.copy()
    moved.translate_sites([0], [1e-5, 0, 0], frac_coords=False)
    np.testing.assert_allclose(answers(network, moved)["order"], answers(network, nio)["order"], atol=1e-4)


def test_a_batch_answers_as_one_by_one(
    network: MagnetismNetwork, nio: Structure, rutile: Structure, corundum: Structure
) -> None:
    together = answers(network, nio, rutile, corundum)
    for index, structure in enumerate((nio, rutile, corundum)):
        np.testing.assert_allclose(together["order"][index], answers(network, structure)["order"][0], atol=1e-10)


def test_geometry_matters_beyond_density(network: MagnetismNetwork, rutile: Structure) -> None:
    moved = rutile.copy()
    moved.translate_sites([0], [0.2, 0, 0], frac_coords=False)
    assert np.abs(answers(network, moved)["order"] - answers(network, rutile)["order"]).max() > 0.05


def test_edges_fade_to_nothing_at_the_reach() -> None:
    graph = build_graph(np.eye(3) * 3.0, np.zeros((1, 3)), np.array([26]))
    lengths = torch.tensor(np.linalg.norm(graph.vectors, axis=1))
    fade = collate([graph], [27.0]).fade(torch.full((graph.n_edges,), float(graph.reach[0])))
    assert (fade == 0.0).all()
    assert (lengths < float(graph.reach[0])).all()


@pytest.mark.parametrize("scaling", [(2, 1, 1), (1, 2, 2), [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]])
def test_shipped_model_gives_a_supercell_the_same_report(corundum: Structure, scaling: object) -> None:
    expected = magnetite.analyze_magnetism(corundum, device="cpu")
    got = magnetite.analyze_magnetism(corundum.make_supercell(scaling, in_place=False), device="cpu")
    for name, value in expected.probabilities.items():
        assert got.probabilities[name] == pytest.approx(value, abs=TOLERANCE)
    assert got.zero_k_probability == pytest.approx(expected.zero_k_probability, abs=TOLERANCE)
    assert got.formula == expected.formula


def test_moments_on_the_input_are_ignored(nio: Structure) -> None:
    """Time reversal flips moments; the model must not look at them at all."""
    plain = magnetite.analyze_magnetism(nio, device="cpu")
    for sign in (1, -1):
        decorated = nio.copy(site_properties={"magmom": [sign * 2.0] * 4 + [0.0] * 4})
        assert magnetite.analyze_magnetism(decorated, device="cpu") == plain


def test_gradients_are_to_be_had_after_a_prediction_too(nio: Structure) -> None:
    """Thinned networks are drawn once, here by a prediction, which runs without gradients."""
    thinned.cache_clear()
    magnetite.analyze_magnetism(nio, device="cpu")
    model = load_order_model(device="cpu")
    prepared = model.prepare(as_crystal(nio))
    batch = collate([prepared.graph], [prepared.volume_per_atom], [prepared.geometry])
    batch.vectors.requires_grad_()
    model.network(batch)["information"].sum().backward()
    assert batch.vectors.grad.abs().sum() > 0


def test_disagreement_comes_from_dropout_and_from_further_bodies(
    network: MagnetismNetwork, corundum: Structure, rutile: Structure
) -> None:
    both = answers(network, corundum, rutile)["information"]
    assert (both > 0).all()
    np.testing.assert_allclose(answers(network, rutile)["information"], both[1:], rtol=1e-6)
    sure = deepcopy(network)
    sure.config = replace(network.config, dropout=0.0)
    np.testing.assert_allclose(answers(sure, corundum)["information"], 0, atol=1e-6)
    sceptic = Companion(network.config).double().eval()
    sceptic.load_state_dict({k: v for k, v in network.state_dict().items() if k.startswith(("body.", "order."))})
    with torch.no_grad():
        sceptic.order.logits[-1].bias[0] += 20.0  # non-magnetic, whatever it is
    sure.companions.append(sceptic)
    assert answers(sure, corundum)["information"][0] > 0.5, "one bit where two sure networks contradict each other"


@pytest.mark.parametrize(
    ("order", "zero_k", "warned"),
    [
        ([0.1, 0.1, 0.8], 0.1, True),
        ([0.1, 0.1, 0.8], 0.6, False),
        ([0.1, 0.8, 0.1], 0.1, False),
        ([0.1, 0.05, 0.85], 0.1, False),  # a sure ferromagnet, of which that probability says nothing
    ],
)
def test_a_ferromagnet_with_another_wave_vector_than_zero_contradicts_itself(
    order: list[float], zero_k: float, warned: bool, nio: Structure
) -> None:
    model = magnetite.load(device="cpu")
    prepared = model.prepare(as_crystal(nio))
    moments = np.ones(len(nio), np.float32)
    report = model._report(prepared, np.array(order), zero_k, moments, bits=0.0, distance=0.0)
    assert any("FM contradicts the propagation vector" in warning for warning in report.warnings) is warned


@pytest.mark.parametrize(
    ("elements", "n_atoms", "order", "said"),
    [
        ("Fe O", 30, [0.1, 0.2, 0.7], []),
        ("Fe O", 31, [0.1, 0.2, 0.7], ["rarely tried"]),
        ("Fe O", 31, [0.1, 0.7, 0.2], []),
        ("Fe S", 30, [0.1, 0.2, 0.7], ["check antiferromagnetic alternatives"]),
        ("Fe S", 30, [0.1, 0.7, 0.2], []),
        ("Fe O", 4, [0.1, 0.6, 0.3], ["close call between AFM and FM"]),
        ("Tb N", 2, [0.1, 0.8, 0.1], ["4f electrons of Tb were frozen"]),
        ("Xe F", 2, [0.8, 0.1, 0.1], ["few training structures hold Xe ("]),
    ],
)
def test_reports_say_what_a_careful_colleague_would(
    elements: str, n_atoms: int, order: list[float], said: list[str]
) -> None:
    found = load_order_model(device="cpu")._cautions(n_atoms, frozenset(elements.split()), np.array(order), 0.9)
    assert len(found) == len(said)
    assert all(words in text for words, text in zip(said, found, strict=True))


@pytest.mark.parametrize(
    ("order", "uncertainty"), [([1, 0, 0], 0), ([1 / 3] * 3, 1), ([0.5, 0, 0.5], np.log(2) / np.log(3))]
)
def test_uncertainty_is_the_share_of_the_largest_entropy(
    order: list[float], uncertainty: float, nio: Structure
) -> None:
    model = load_order_model(device="cpu")
    prepared = model.prepare(as_crystal(nio))
    report = model._report(prepared, np.array(order), 0.9, np.ones(8, np.float32), bits=0.0, distance=0.0)
    assert report.uncertainty == pytest.approx(uncertainty)


def test_nearest_distances_are_shares_of_the_covalent_ones(nio: Structure) -> None:
    np.testing.assert_allclose(packing(as_crystal(nio).graph), 4.177 / 2 / (1.24 + 0.66), rtol=1e-6)
    lonely = Structure(Lattice.cubic(14), ["Fe"], [[0, 0, 0]])
    assert packing(as_crystal(lonely).graph).tolist() == [np.inf]


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        (4.177, ""),
        (2.1, "atoms closer than any"),
        (10.2, "atoms farther apart than"),
        (14.0, "atoms without neighbours"),
    ],
)
def test_strange_distances_are_outside_the_training_domain(edge: float, said: str, nio: Structure) -> None:
    domain = load_order_model(device="cpu").domain
    found = domain.objections(build_graph(np.eye(3) * edge, nio.frac_coords, np.array(nio.atomic_numbers)), 0.0)
    assert [text[: len(said)] for text in found] == [said] * bool(said)
    (unlike,) = domain.objections(as_crystal(nio).graph, domain.distance_limit + 0.1)
    assert unlike == "composition and geometry are unlike the training data"


@pytest.mark.parametrize("kind", ["magnetism", "magnetism-best"])
def test_far_atoms_are_magnets_if_their_shells_are_open(kind: str) -> None:
    lone = {s: Structure(Lattice.cubic(12), [s], [[0, 0, 0]]) for s in ("He", "Ne", "Ar", "Mg", "Ti", "Fe", "Cu", "C")}
    found = {symbol: magnetite.analyze_magnetism(crystal, model=kind) for symbol, crystal in lone.items()}
    assert {symbol: report.is_magnetic for symbol, report in found.items()} == {
        "He": False, "Ne": False, "Ar": False, "Mg": False, "Ti": True, "Fe": True, "Cu": True, "C": True,
    }  # fmt: skip
    assert not any(report.in_domain for report in found.values())


def test_a_molecule_in_a_box_is_a_guess() -> None:
    """Its atoms have neighbours enough, but no training crystal of the networks is so empty."""
    water = np.array([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
    for edge, empty in ((6.6, False), (6.8, True)):
        box = Structure(Lattice.cubic(edge), ["O", "H", "H"], water, coords_are_cartesian=True)
        said = [text for text in magnetite.analyze_magnetism(box).warnings if "Å³ per atom" in text]
        assert said == ["outside the training domain: 105 Å³ per atom, where networks learned from at most 100"] * empty


def test_the_domain_holds_the_share_it_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    spread = np.geomspace(0.1, 10, 40)
    train, unseen = (rng.normal(size=(n, 40)).astype(np.float32) * spread for n in (500, 200))
    packings = np.append(rng.uniform(0.8, 1.2, 1000), np.inf)
    domain = Domain.fit(train, unseen, packings, share=0.9)
    assert np.mean(domain.distance(unseen) <= domain.distance_limit) == pytest.approx(0.9, abs=0.01)
    assert domain.distance(train).max() < 0.05
    assert domain.packing_limits == pytest.approx((0.8, 1.2), abs=0.01)
    near = np.linalg.norm((unseen[:, None] - train) @ domain.projection, axis=2).min(axis=1)
    np.testing.assert_allclose(domain.distance(unseen), near, atol=0.02)
    again = Domain.from_tensors(domain.tensors(), domain.settings())
    np.testing.assert_array_equal(again.distance(unseen), domain.distance(unseen))
