"""What neighbours tell an atom: the tensor product of scalars and vectors with direction, summed over neighbours.

The same as `e3nn.o3.TensorProduct` with paths "uvu" and harmonics "0e + 1o" followed by a sum, which the tests hold it
against. Written out, since for l ≤ 1 the products are a few multiplications, and e3nn's general ones took a large
part of the whole prediction.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from magnetite.runtime import Batch

_DOT = 3**-0.5
"""e3nn's normalization of the product of two vectors."""


class Messages(nn.Module):
    """Weighted products of neighbours' features with 1 and with the direction to them.

    Attributes:
        scalars: channels that come in, and again as many that go out and as many vectors.
        vectors: likewise.
        weights: that each edge brings.
    """

    def __init__(self, scalars: int, vectors: int) -> None:
        super().__init__()
        self.scalars, self.vectors = scalars, vectors
        self.weights = 2 * (scalars + vectors)

    def forward(self, x: Tensor, batch: Batch, directions: Tensor, weights: Tensor) -> Tensor:
        """Sums over the neighbours of each atom.

        Args:
            x: features of the atoms, (n, scalars + 3 · vectors).
            batch: who hears whom.
            directions: from receiver to sender, of length √3, (n_edges, 3).
            weights: (n_edges, `weights`).

        Returns:
            scalars + vectors invariant sums, then as many vectors, (n, 4 · (scalars + vectors)).
        """
        n, channels = len(x), self.scalars + self.vectors
        by_axis = x[:, self.scalars :].view(n, self.vectors, 3).transpose(1, 2)  # long rows are fast to multiply
        told = torch.cat([x[:, : self.scalars], by_axis.flatten(1)], dim=1)[batch.senders]
        scalars, vectors = told[:, : self.scalars], told[:, self.scalars :].view(len(told), 3, self.vectors)
        sizes = [self.scalars, self.scalars, self.vectors, self.vectors]
        plain, turned, kept, dotted = torch.split(weights, sizes, dim=1)
        turned, dotted = scalars * turned, dotted * _DOT

        def heard() -> Iterator[Tensor]:
            """What each edge tells, first invariants, then axis by axis, so that little of it is there at once."""
            along = sum(vectors[:, axis] * directions[:, axis, None] for axis in range(3))
            yield torch.cat([scalars * plain, along * dotted], dim=1)
            for axis in range(3):
                yield torch.cat([turned * directions[:, axis, None], vectors[:, axis] * kept], dim=1)

        invariant, *pointing = [x.new_zeros(n, channels).index_add(0, batch.receivers, told) for told in heard()]
        return torch.cat([invariant, torch.stack(pointing, dim=2).flatten(1)], dim=1)
