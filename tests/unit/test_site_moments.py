"""The readout for |m|: what physics demands of it, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp

from magnetite.datasets.magnetic import VALIDATION_FOLD, Example
from magnetite.elements import property_table
from magnetite.order.config import NetworkConfig
from magnetite.order.moment_training import MOMENTS, MomentTask, grow_moments
from magnetite.order.network import MagnetismNetwork
from magnetite.order.site_moments import LEVELS, SURROUNDINGS, SiteMoments
from magnetite.order.tasks import join
from magnetite.order.weights import from_tensors, to_tensors
from magnetite.runtime import Batch, collate
from magnetite.structures import as_crystal

SMALL = NetworkConfig(scalars=8, vectors=4, layers=1)
CPU = torch.device("cpu")
TOLERANCE = 1e-4


def batch_of(*structures: Structure) -> Batch:
    """The cells as given, without reduction to the primitive cell, in double precision."""
    crystals = [as_crystal(s) for s in structures]
    batch = collate([c.graph for c in crystals], [c.volume / len(c) for c in crystals])
    return type(batch)(**{k: v.double() if v.is_floating_point() else v for k, v in vars(batch).items()})


@pytest.fixture(scope="module")
def network() -> MagnetismNetwork:
    """Random but steep, so that a broken symmetry would show."""
    torch.manual_seed(0)
    network = MagnetismNetwork(replace(SMALL, site_moments=16)).double().eval()
    assert network.site_moments is not None
    for layer in (network.site_moments.site, network.site_moments.crystal, network.site_moments.answer[-1]):
        layer.weight.data *= 4
    return network


def moments(network: MagnetismNetwork, *structures: Structure) -> np.ndarray:
    with torch.no_grad():
        return network(batch_of(*structures))["moment"].numpy()


@pytest.fixture
def crooked(rutile: Structure) -> Structure:
    """Without any symmetry left, so that invariance is not the symmetry's doing."""
    np.random.seed(0)  # noqa: NPY002 (pymatgen's perturb)
    return rutile.copy().perturb(0.15)


def test_rotation_reflection_and_permutation(network: MagnetismNetwork, crooked: Structure) -> None:
    expected = moments(network, crooked)
    assert np.ptp(expected) > 1e-2, "sites differ here, or the test shows nothing"
    turned = crooked.copy()
    turned.apply_operation(SymmOp.from_axis_angle_and_translation([1, 2, 3], 37.0))
    mirrored = crooked.copy()
    mirrored.apply_operation(SymmOp.reflection([0.3, -1, 0.2]))
    for other in (turned, mirrored):
        np.testing.assert_allclose(moments(network, other), expected, atol=TOLERANCE)
    order = np.array([5, 0, 3, 1, 4, 2])
    permuted = Structure.from_sites([crooked[i] for i in order])
    np.testing.assert_allclose(moments(network, permuted), expected[order], atol=TOLERANCE)


def test_a_supercell_repeats_the_moments(network: MagnetismNetwork, crooked: Structure) -> None:
    expected = moments(network, crooked)
    for scaling in ((2, 1, 1), [[1, 1, 0], [-1, 1, 0], [0, 0, 2]]):
        cell = crooked.make_supercell(scaling, in_place=False)
        np.testing.assert_allclose(moments(network, cell), np.repeat(expected, len(cell) // 6), atol=TOLERANCE)


def test_a_batch_answers_as_one_by_one(network: MagnetismNetwork, nio: Structure, crooked: Structure) -> None:
    together = moments(network, nio, crooked)
    apart = np.concatenate([moments(network, nio), moments(network, crooked)])
    np.testing.assert_allclose(together, apart, atol=1e-9)


def test_surroundings_are_those_counted_by_hand(nio: Structure) -> None:
    """Rock salt: an atom of Ni sees 6 O at half the edge, 12 Ni at 1/√2 and 8 O at √3/2 of it, no other kinds."""
    found = SiteMoments(4, 4).double().surroundings(batch_of(nio)).expm1()[0]
    assert found.shape == (SURROUNDINGS,)
    reach, near, far, third = float(found[-1]), 4.177 / 2, 4.177 / 2**0.5, 4.177 * 3**0.5 / 2
    fade = {d: (1 - (d / reach) ** 4) ** 2 for d in (near, far, third)}
    np.testing.assert_allclose(found[:4], [12 * fade[far], 0, 6 * fade[near] + 8 * fade[third], 0], atol=1e-5)
    np.testing.assert_allclose(found[8:12], [(6 - far) * fade[far], 0, (6 - near) * fade[near], 0], atol=1e-5)


def test_the_median_finds_what_it_was_told() -> None:
    module = SiteMoments(4, 4)
    true = torch.tensor([0.0, 0.02, 0.33, 1.0, 2.71, 5.2, 7.9])
    np.testing.assert_allclose(module.targets(true) @ module.levels, true, atol=1e-6)
    np.testing.assert_allclose(module.targets(torch.tensor([9.5])) @ module.levels, [LEVELS[-1]])
    levels = torch.tensor(LEVELS)
    found = module.median((-0.5 * ((levels - true[:, None]) / 0.3) ** 2)[3:5])
    np.testing.assert_allclose(found, true[3:5], atol=0.02)
    either = torch.full((1, len(LEVELS)), -30.0)
    either[0, 0], either[0, LEVELS.index(2.0)] = 0.0, 0.5  # high spin is the likelier
    assert module.median(either).item() == pytest.approx(1.4, abs=0.6)


def test_volumes_of_elements_are_learned() -> None:
    module = SiteMoments(4, 4)
    shares = torch.zeros(4000, len(module.log_volumes))
    shares[:2000, 26] = shares[2000:, 8] = 1
    module.expect_volumes(shares, torch.tensor([30.0, 10.0]).repeat_interleave(2000))
    np.testing.assert_allclose(module.log_volumes[[26, 8]].exp(), [30, 10], rtol=1e-3)


def example(element: str, moment: float, formula: str, fold: int, scale: float) -> Example:
    crystal = as_crystal(Structure(Lattice.cubic(4.2 * scale), [element, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    found = np.array([moment, 0.0], np.float32)
    return Example(
        crystal.graph, crystal.volume / 2, formula, fold, "ggau", 2, -1, found, balanced=True, identity=formula,
        geometry=np.zeros(0),
    )  # fmt: skip


@pytest.fixture
def examples() -> list[Example]:
    known = {"Fe": 4.0, "Mn": 4.6, "Ni": 1.8, "Ti": 0.0}
    return [
        example(z, m, f"{z}{i}", VALIDATION_FOLD if i == 0 else 2 + i % 8, 1 + 0.002 * i)
        for z, m in known.items()
        for i in range(12)
    ]


def test_it_learns_and_travels_with_the_weights(examples: list[Example]) -> None:
    torch.manual_seed(0)
    plain = MagnetismNetwork(SMALL).eval()
    schedule = replace(MOMENTS, epochs=60, learning_rate=1e-2)
    grown = grow_moments(plain, examples, CPU, schedule=schedule, hidden=16)
    held_out = [e for e in examples if e.fold == VALIDATION_FOLD]
    with torch.no_grad():
        output, before = grown(join(held_out)), plain(join(held_out))
    np.testing.assert_allclose(output["moment"], np.concatenate([e.moments for e in held_out]), atol=0.3)
    torch.testing.assert_close(output["order"], before["order"])
    again = from_tensors(grown.config.as_dict(), to_tensors(grown), CPU)
    with torch.no_grad():
        torch.testing.assert_close(again(join(held_out))["moment"], output["moment"])


def test_weights_from_before_it_are_still_read(nio: Structure) -> None:
    torch.manual_seed(0)
    old = MagnetismNetwork(SMALL).eval()
    size = {key: value for key, value in old.config.as_dict().items() if key != "site_moments"}
    again = from_tensors(size, to_tensors(old), CPU)
    assert again.site_moments is None
    crystal = as_crystal(nio)
    batch = collate([crystal.graph], [crystal.volume / len(crystal)])
    with torch.no_grad():
        torch.testing.assert_close(again(batch)["moment"], old.moment(old.body(batch)).squeeze(1))


def test_held_out_formulas_and_unknown_moments_do_not_train(examples: list[Example]) -> None:
    unknown = replace(examples[3], moments=np.full(2, np.nan, np.float32))
    module = SiteMoments(6, 4)
    properties = torch.from_numpy(property_table().copy())
    task = MomentTask(
        [*examples, unknown], module, lambda part: torch.ones(sum(e.graph.n_atoms for e in part), 6), properties, CPU
    )
    drawn = [e for batch in task.batches(0) for e in batch]
    assert len(drawn) == len(examples) - 4
    assert unknown not in drawn
    assert not any(e.fold == VALIDATION_FOLD for e in drawn)
