"""What neighbours tell an atom is e3nn's tensor product, and turns as it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from e3nn import o3

from magnetite.order.messages import Messages

ATOMS, EDGES = 5, 40


@pytest.fixture
def edges() -> SimpleNamespace:
    """Who hears whom, as a batch says it; the last atom hears nobody."""
    torch.manual_seed(0)
    return SimpleNamespace(
        senders=torch.randint(ATOMS, (EDGES,)),
        receivers=torch.randint(ATOMS - 1, (EDGES,)).sort().values,
        vectors=torch.randn(EDGES, 3, dtype=torch.double),
    )


def directions(vectors: torch.Tensor) -> torch.Tensor:
    return o3.spherical_harmonics(1, vectors, normalize=True, normalization="component")


@pytest.mark.parametrize(("scalars", "vectors"), [(6, 0), (6, 4)])
def test_it_is_the_tensor_product_of_e3nn(edges: SimpleNamespace, scalars: int, vectors: int) -> None:
    irreps = o3.Irreps(f"{scalars}x0e + {vectors}x1o")
    out = o3.Irreps(f"{scalars}x0e + {vectors}x0e + {scalars}x1o + {vectors}x1o")
    paths = [(0, 0, 0, "uvu", True), (0, 1, 2, "uvu", True), (1, 0, 3, "uvu", True), (1, 1, 1, "uvu", True)]
    product = o3.TensorProduct(irreps, "0e + 1o", out, paths, shared_weights=False, internal_weights=False).double()
    ours = Messages(scalars, vectors)
    x = torch.randn(ATOMS, irreps.dim, dtype=torch.double)
    weights = torch.randn(EDGES, ours.weights, dtype=torch.double)
    harmonics = o3.spherical_harmonics("0e + 1o", edges.vectors, normalize=True, normalization="component")
    expected = x.new_zeros(ATOMS, out.dim).index_add(0, edges.receivers, product(x[edges.senders], harmonics, weights))
    found = ours(x, edges, directions(edges.vectors), weights)
    torch.testing.assert_close(found, expected)
    assert not found[-1].any()


def test_it_turns_with_the_crystal(edges: SimpleNamespace) -> None:
    ours, turn = Messages(6, 4), o3.rand_matrix(dtype=torch.double)
    came, went = o3.Irreps("6x0e + 4x1o"), o3.Irreps("10x0e + 10x1o")
    x = torch.randn(ATOMS, came.dim, dtype=torch.double)
    weights = torch.randn(EDGES, ours.weights, dtype=torch.double)
    for one in (turn, -turn):
        before, after = (irreps.D_from_matrix(one) for irreps in (came, went))
        turned = ours(x @ before.T, edges, directions(edges.vectors @ one.T), weights)
        expected = ours(x, edges, directions(edges.vectors), weights) @ after.T
        torch.testing.assert_close(turned, expected, rtol=0, atol=1e-4)  # e3nn's matrices are of single precision
