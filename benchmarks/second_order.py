"""The body of the network with tensors of second order beside its scalars and vectors (for `order_architecture.py`).

Products are e3nn's general ones: for l = 2 nothing is written out, so times say little.
"""

from __future__ import annotations

import torch
from e3nn import o3
from e3nn.nn import FullyConnectedNet
from torch import nn

from magnetite.order.body import Body
from magnetite.order.config import NetworkConfig

TENSORS = 24
"""Channels of second order."""
HARMONICS = o3.Irreps("0e + 1o + 2e")


class SecondOrderConvolution(nn.Module):
    """As `magnetite.order.body.Convolution`, up to l = 2."""

    def __init__(self, irreps_in: o3.Irreps, config: NetworkConfig) -> None:
        super().__init__()
        self.sizes = (config.scalars, config.vectors, TENSORS)
        self.irreps_out = o3.Irreps(f"{config.scalars}x0e + {config.vectors}x1o + {TENSORS}x2e")
        paths, instructions = [], []
        for i, (mul, ir) in enumerate(irreps_in):
            for j, (_, harmonic) in enumerate(HARMONICS):
                for out in ir * harmonic:
                    if out in self.irreps_out:
                        instructions.append((i, j, len(paths), "uvu", True))
                        paths.append((mul, out))
        summed = o3.Irreps(paths)
        self.product = o3.TensorProduct(
            irreps_in, HARMONICS, summed, instructions, shared_weights=False, internal_weights=False
        )
        self.radial = FullyConnectedNet([config.radial, 32, self.product.weight_numel], torch.nn.functional.silu)
        self.before = o3.Linear(irreps_in, irreps_in)
        gates = config.vectors + TENSORS
        gated = o3.Irreps(f"{config.scalars + gates}x0e + {config.vectors}x1o + {TENSORS}x2e")
        self.after = o3.Linear(summed, gated)
        self.skip = o3.Linear(irreps_in, self.irreps_out)

    def forward(self, x, batch, directions, basis, fade):
        hidden, last = self.radial
        told = self.product(self.before(x)[batch.senders], directions, last(hidden(basis) * fade))
        heard = x.new_zeros(len(x), told.shape[1]).index_add(0, batch.receivers, told)
        scalars, vectors, tensors = self.sizes
        parts = [scalars, vectors, tensors, 3 * vectors, 5 * tensors]
        kept, *gates, first, second = self.after(heard / batch.mean_degree**0.5).split(parts, dim=1)
        pointing = [
            (part.view(len(x), gate.shape[1], -1) * torch.sigmoid(gate)[:, :, None]).flatten(1)
            for part, gate in zip((first, second), gates, strict=True)
        ]
        return self.skip(x) + torch.cat([torch.nn.functional.silu(kept), *pointing], dim=1)


class SecondOrderBody(Body):
    """As `Body`, with the sizes of the tensors among the features."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        irreps = o3.Irreps(f"{config.scalars}x0e")
        self.layers = nn.ModuleList()
        for _ in range(config.layers):
            layer = SecondOrderConvolution(irreps, config)
            self.layers.append(layer)
            irreps = layer.irreps_out
        self.size += TENSORS

    def forward(self, batch):
        x = first = self.embed(torch.cat([self.element(batch.numbers), self.properties[batch.numbers]], dim=1))
        lengths = batch.vectors.norm(dim=1)
        basis, fade = self.basis(lengths), batch.fade(lengths)[:, None]
        directions = o3.spherical_harmonics(HARMONICS, batch.vectors, normalize=True, normalization="component")
        for layer in self.layers:
            x = layer(x, batch, directions, basis, fade)
        scalars, vectors, tensors = x.split([self.config.scalars, 3 * self.config.vectors, 5 * TENSORS], dim=1)
        sizes = [
            (part.view(len(x), -1, width).square().sum(-1) + 1e-6).sqrt()
            for part, width in ((vectors, 3), (tensors, 5))
        ]
        return torch.cat([first, scalars, *sizes], dim=1)
