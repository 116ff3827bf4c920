"""The Bayesian network: repeatable, indifferent to company, with an uncertainty that means something."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from magnetite.errors import ZooError
from magnetite.prototypes import ensemble as module
from magnetite.prototypes.ensemble import Ensemble, from_tensors, thinned, to_tensors
from magnetite.prototypes.network import NetworkConfig, PrototypeNetwork

CONFIG = NetworkConfig(inputs=12, classes=5, hidden=(32, 16), dropout=0.2, gain=2.0, members=3)


@pytest.fixture
def network() -> Ensemble:
    torch.manual_seed(0)
    return Ensemble(CONFIG).eval()


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(7, 12, generator=torch.Generator().manual_seed(1))


def naive(network: Ensemble, x: torch.Tensor, passes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The formulas of the paper, one pass and one sample at a time, in double precision."""
    network = network.double()
    masks = thinned((12, 32, 16), CONFIG.dropout, passes, seed)
    p = np.zeros((passes, len(x), CONFIG.classes))
    with torch.no_grad():
        for t in range(passes):
            member = network.members[t % CONFIG.members]
            for i, row in enumerate(x.double()):
                h = row * CONFIG.gain * masks[0][t]
                for layer, mask in zip(member.hidden, masks[1:], strict=True):
                    h = torch.relu(layer(h)) * mask[t]
                p[t, i] = torch.softmax(member.head(h), 0)
    network.float()
    mean = p.mean(0)
    entropy = -(p * np.log2(p)).sum(2).mean(0)
    return mean, -(mean * np.log2(mean)).sum(1) - entropy


def test_the_mean_and_the_information_are_those_of_the_paper(network: Ensemble, x: torch.Tensor) -> None:
    mean, information = network.sample_probabilities(x, 50, seed=3)
    expected_mean, expected_information = naive(network, x, 50, 3)
    assert mean.numpy() == pytest.approx(expected_mean, abs=1e-6)
    assert information.numpy() == pytest.approx(expected_information, abs=1e-5)
    assert mean.sum(1).numpy() == pytest.approx(np.ones(7))
    assert (information >= 0).all()
    assert information.max() > 0.001, "passes differ"


def test_answers_repeat_and_do_not_depend_on_company(
    network: Ensemble, x: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean, information = network.sample_probabilities(x, 40)
    again = network.sample_probabilities(x.flip(0), 40)
    assert torch.allclose(again[0].flip(0), mean, atol=1e-7)
    one = network.sample_probabilities(x[3:4], 40)
    assert torch.allclose(one[0][0], mean[3], atol=1e-7)
    monkeypatch.setitem(module.ROWS_AT_ONCE, "cpu", 5)
    pieces = network.sample_probabilities(x, 40)
    assert torch.allclose(pieces[0], mean, atol=1e-7)
    assert torch.allclose(pieces[1], information, atol=1e-6)
    other = network.sample_probabilities(x, 40, seed=1)
    assert not torch.allclose(other[0], mean, atol=1e-4)


def test_a_network_that_leaves_nothing_out_has_no_doubt(x: torch.Tensor) -> None:
    sure = Ensemble(NetworkConfig(12, 5, (8,), dropout=0.0)).eval()
    mean, information = sure.sample_probabilities(x, 10)
    assert information.abs().max() < 1e-5
    assert torch.allclose(mean.float(), torch.softmax(sure(x), 1), atol=1e-6)


def test_masks_keep_the_mean_and_the_rate() -> None:
    masks = thinned((400,), 0.25, 500, 0)
    assert masks[0].unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert float(masks[0].mean()) == pytest.approx(1.0, abs=0.01)


def test_activations_are_what_the_layers_make(network: Ensemble, x: torch.Tensor) -> None:
    first, second = network.activations(x)
    assert first.shape == (7, 32)
    assert second.shape == (7, 16)
    member = network.members[0]
    assert isinstance(member, PrototypeNetwork)
    assert torch.allclose(member.head(second), member(x), atol=1e-6)


def test_members_that_disagree_are_a_doubt(x: torch.Tensor) -> None:
    torch.manual_seed(0)
    pair = Ensemble(NetworkConfig(12, 5, (8,), dropout=0.0, members=2)).eval()
    with torch.no_grad():
        for place, member in enumerate(pair.members):
            member.head.bias[place] += 10.0
    mean, information = pair.sample_probabilities(x, 10)
    assert mean[:, :2].numpy() == pytest.approx(np.full((7, 2), 0.5), abs=0.01)
    assert information.numpy() == pytest.approx(np.ones(7), abs=0.01), "one bit: which of two to believe"
    assert torch.allclose(pair(x).exp().double(), mean, atol=1e-6)


def test_views_share_the_passes(network: Ensemble, x: torch.Tensor) -> None:
    mean, information = network.sample_probabilities(x, 60)
    twice = network.sample_probabilities(torch.stack([x, x]), 60)
    assert torch.allclose(twice[0], mean, atol=1e-7)
    assert torch.allclose(twice[1], information, atol=1e-6)
    away = 20 * (1 - x)
    other, alone = network.sample_probabilities(away, 6_000)
    both, doubt = network.sample_probabilities(torch.stack([x, away]), 6_000)
    assert torch.allclose(both, (network.sample_probabilities(x, 6_000)[0] + other) / 2, atol=5e-3)
    assert (doubt > (information + alone) / 2).all(), "views that differ are a doubt"


def test_training_drops_and_prediction_does_not(network: Ensemble, x: torch.Tensor) -> None:
    assert torch.equal(network(x), network(x))
    network.train()
    assert not torch.equal(network(x), network(x))


def test_weights_travel_as_tensors(network: Ensemble, x: torch.Tensor) -> None:
    again = from_tensors(CONFIG.as_dict(), to_tensors(network), torch.device("cpu"))
    assert torch.allclose(again(x), network(x), atol=5e-3), "half precision"
    assert next(again.parameters()).dtype == torch.float32
    assert not any(p.requires_grad for p in again.parameters())
    with pytest.raises(ZooError, match="do not fit"):
        from_tensors({**CONFIG.as_dict(), "classes": 6}, to_tensors(network), torch.device("cpu"))
    with pytest.raises(ZooError, match="do not fit"):
        from_tensors(CONFIG.as_dict(), {}, torch.device("cpu"))
