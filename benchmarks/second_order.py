"""The body of the network with tensors of second order beside its scalars and vectors (for `order_architecture.py`).

Tensors are kept as symmetric traceless matrices, the l = 2 of e3nn in other coordinates.
"""

from __future__ import annotations

import torch
from e3nn import o3
from e3nn.nn import FullyConnectedNet
from torch import Tensor, nn

from magnetite.order.body import Body
from magnetite.order.config import NetworkConfig
from magnetite.order.messages import Messages
from magnetite.runtime import Batch

TENSORS = 24
"""Channels of second order, and of what becomes of them."""
SCALE = 7.5**0.5
"""Makes dd − 1/3, for a unit vector d, as long as e3nn's component-normalized harmonics, √5."""


def traceless(outer: Tensor) -> Tensor:
    """The symmetric traceless part, (…, 3, 3, channels)."""
    trace = (outer[..., 0, 0, :] + outer[..., 1, 1, :] + outer[..., 2, 2, :])[..., None, None, :] / 3
    return (outer + outer.transpose(-3, -2)) / 2 - trace * torch.eye(3, device=outer.device)[..., None]


class SecondOrderConvolution(nn.Module):
    """As `magnetite.order.body.Convolution`, up to l = 2; the first of them has scalars alone to start from."""

    def __init__(self, config: NetworkConfig, *, first: bool) -> None:
        super().__init__()
        self.scalars, self.vectors, self.known = config.scalars, config.vectors, 0 if first else config.vectors
        incoming = o3.Irreps(f"{config.scalars}x0e + {self.known}x1o").remove_zero_multiplicities()
        self.messages = Messages(config.scalars, self.known)
        self.radial = FullyConnectedNet(
            [config.radial, 32, self.messages.weights + 6 * TENSORS], torch.nn.functional.silu
        )
        self.before = o3.Linear(incoming, incoming)
        self.few_scalars = nn.Linear(config.scalars, TENSORS, bias=False)
        self.few_vectors = nn.Linear(self.known, TENSORS, bias=False) if self.known else None
        channels = config.scalars + self.known
        gated = o3.Irreps(f"{config.scalars + config.vectors + TENSORS}x0e + {config.vectors}x1o")
        summed = o3.Irreps(f"{channels}x0e + {channels}x1o + {TENSORS}x0e + {2 * TENSORS}x1o")
        self.after = o3.Linear(summed, gated)
        self.tensors_before, self.tensors_after, self.tensors_skip = (
            nn.Linear(TENSORS, TENSORS, bias=False) for _ in range(3)
        )
        self.skip = o3.Linear(incoming, o3.Irreps(f"{config.scalars}x0e + {config.vectors}x1o"))

    def forward(
        self, x: Tensor, tensors: Tensor, batch: Batch, directions: Tensor, basis: Tensor, fade: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Features (n, scalars + 3 · vectors) and tensors (n, 3, 3, TENSORS) after one exchange."""
        hidden, last = self.radial
        weights = last(hidden(basis) * fade)
        own, further = weights.split([self.messages.weights, 6 * TENSORS], dim=1)
        x_before, n = self.before(x), len(x)
        low = self.messages(x_before, batch, directions, own)
        made, turned, kept, contracted, pointing, bent = further.split(TENSORS, dim=1)
        unit = directions / 3**0.5
        square = traceless((unit[:, :, None] * unit[:, None])[..., None]) * SCALE
        scalars = self.few_scalars(x_before[:, : self.scalars])[batch.senders]
        t = self.tensors_before(tensors)[batch.senders]
        second = (scalars * made)[:, None, None] * square + t * kept[:, None, None]
        invariant = (t * square).sum((1, 2)) / 5**0.5 * contracted
        told = [(t * directions[:, None, :, None]).sum(2) / 5**0.5 * pointing[:, None]]
        if self.few_vectors is None:
            told.append(torch.zeros_like(told[0]))
        else:
            v = self.few_vectors(x_before[:, self.scalars :].view(n, -1, 3).transpose(1, 2))[batch.senders]
            second = second + traceless(v[:, :, None] * directions[:, None, :, None]) * turned[:, None, None]
            told.append((square * v[:, None]).sum(2) / 5**0.5 * bent[:, None])
        vectors = torch.cat(told, dim=2).transpose(1, 2).flatten(1)
        high = torch.cat([invariant, vectors], dim=1)
        high = x.new_zeros(n, high.shape[1]).index_add(0, batch.receivers, high)
        second = torch.zeros_like(tensors).index_add(0, batch.receivers, second)
        scale = batch.mean_degree**0.5
        y = self.after(torch.cat([low, high], dim=1) / scale)
        scalars, gates, more, vectors = y.split([self.scalars, self.vectors, TENSORS, 3 * self.vectors], dim=1)
        vectors = vectors.view(n, -1, 3) * torch.sigmoid(gates)[:, :, None]
        update = torch.cat([torch.nn.functional.silu(scalars), vectors.flatten(1)], dim=1)
        second = self.tensors_after(second / scale) * torch.sigmoid(more)[:, None, None]
        return self.skip(x) + update, self.tensors_skip(tensors) + second


class SecondOrderBody(Body):
    """As `Body`, with the sizes of the tensors among the features."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.layers = nn.ModuleList(SecondOrderConvolution(config, first=not n) for n in range(config.layers))
        self.size += TENSORS

    def forward(self, batch: Batch) -> Tensor:
        """Atom features as of `Body`, then the sizes of the tensors; (n_atoms, size)."""
        x = first = self.embed(torch.cat([self.element(batch.numbers), self.properties[batch.numbers]], dim=1))
        tensors = x.new_zeros(len(x), 3, 3, TENSORS)
        lengths = batch.vectors.norm(dim=1)
        basis, fade = self.basis(lengths), batch.fade(lengths)[:, None]
        directions = o3.spherical_harmonics(1, batch.vectors, normalize=True, normalization="component")
        for layer in self.layers:
            x, tensors = layer(x, tensors, batch, directions, basis, fade)
        scalars, vectors = x[:, : self.config.scalars], x[:, self.config.scalars :].view(len(x), -1, 3)
        sizes = [vectors.square().sum(-1), tensors.square().sum((1, 2))]
        return torch.cat([first, scalars, *((size + 1e-6).sqrt() for size in sizes)], dim=1)
