"""The descriptor of structure types: SOAP averaged over all pairs of species, batched in torch.

After Leitherer 2021 (Supplementary Methods): for each ordered pair of species, coefficients
c_nlm = Σ R_nl(r) Y_lm(r̂) over all pairs of atoms, power spectrum p_abl = Σ_m c_alm c_blm / √(2l + 1),
normalised; then the mean over the pairs of species.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from e3nn.o3 import spherical_harmonics
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag

from magnetite.prototypes.pairs import Pairs, find_pairs
from magnetite.prototypes.radial import L_MAX, N_MAX, SIZE, STENCIL, SWITCH, Soap, radial_table

__all__ = ["SIZE", "Pairs", "Soap", "describe", "find_pairs"]

BLOCK = 64
"""Vectors summed at a time; each pair of species is filled up to a multiple of it."""
BLOCKS_PER_PASS = {"cpu": 64, "cuda": 8192}
"""Blocks at a time: on a CPU, what stays in the cache; on a GPU, what fills it without exhausting memory."""
ALL_L = tuple(range(L_MAX + 1))
EVEN_L = tuple(range(0, L_MAX + 1, 2))


@dataclass(frozen=True, eq=False)
class Blocks:
    """Vectors of several pairs of species in blocks of `BLOCK`, filled up with vectors without weight.

    Attributes:
        vectors: in scaled units, (n_blocks * BLOCK, 3).
        counts: how often each vector counts, zero for what fills up, (n_blocks * BLOCK,).
        owners: pair of species of each block, (n_blocks,).
    """

    vectors: Tensor
    counts: Tensor
    owners: Tensor


def describe(
    pairs: Sequence[Pairs],
    soap: Soap | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Descriptors of many samples at once.

    Args:
        pairs: what `find_pairs` found with the same settings.
        soap: settings of the descriptor; the default ones if None.
        device: where to compute.
        dtype: of the coefficients; float32 agrees with float64 to 1e-6.

    Returns:
        Shape (n_samples, SIZE), on the device.
    """
    soap, device = soap or Soap(), torch.device(device)
    out = torch.zeros(len(pairs), SIZE, dtype=dtype, device=device)
    for same in (True, False):
        parts = [
            (sample, found.vectors[start:end], None if found.counts is None else found.counts[start:end], share)
            for sample, found in enumerate(pairs)
            for start, end, share, kind in zip((0, *found.ends[:-1]), found.ends, found.shares, found.same, strict=True)
            if kind == same
        ]
        if not parts:
            continue
        orders = EVEN_L if same else ALL_L
        blocks = _blocks([part[1] for part in parts], [part[2] for part in parts], dtype)
        sums = _coefficients(blocks, len(parts), soap, orders, device)
        spectra = _power_spectra(sums, orders).to(dtype)
        shares = torch.tensor([part[3] for part in parts], dtype=dtype, device=device)
        owners = torch.tensor([part[0] for part in parts], device=device)
        out.index_add_(0, owners, spectra * shares[:, None])
    return out


def _blocks(
    vectors: Sequence[NDArray[np.float64]], counts: Sequence[NDArray[np.float64] | None], dtype: torch.dtype
) -> Blocks:
    """Blocks of listed vectors, on the CPU."""
    sizes = np.array([len(v) for v in vectors])
    numbers = -(-sizes // BLOCK)
    starts = np.concatenate(([0], np.cumsum(numbers)[:-1])) * BLOCK
    total = int(numbers.sum()) * BLOCK
    placed = torch.zeros(total, 3, dtype=dtype)
    placed[:, 2] = 1  # some direction
    weights = torch.zeros(total, dtype=dtype)
    for start, size, v, count in zip(starts.tolist(), sizes.tolist(), vectors, counts, strict=True):
        placed[start : start + size] = torch.from_numpy(v)
        weights[start : start + size] = 1 if count is None else torch.from_numpy(count)
    owners = torch.from_numpy(np.repeat(np.arange(len(vectors)), numbers))
    return Blocks(placed, weights, owners)


def _coefficients(blocks: Blocks, n: int, soap: Soap, orders: tuple[int, ...], device: torch.device) -> Tensor:
    """Sums of R_nl(r) Y_lm(r̂) over each pair of species, (n, N_MAX, number of (l, m)), in double precision."""
    dtype = blocks.vectors.dtype
    sums = torch.zeros(n, N_MAX, sum(2 * order + 1 for order in orders), dtype=torch.float64, device=device)
    step = BLOCKS_PER_PASS["cpu" if device.type == "cpu" else "cuda"]
    for start in range(0, len(blocks.owners), step):
        chosen = slice(start * BLOCK, (start + step) * BLOCK)
        vectors, counts = blocks.vectors[chosen].to(device), blocks.counts[chosen].to(device)
        radial = _radial(vectors.norm(dim=1), counts, soap, orders, dtype)
        angular = spherical_harmonics(list(orders), vectors, normalize=True, normalization="integral")
        radial, angular = radial.view(-1, BLOCK, radial.shape[1]), angular.view(-1, BLOCK, angular.shape[1])
        parts, column = [], 0
        for place, order in enumerate(orders):
            of_l = radial[..., place * N_MAX : (place + 1) * N_MAX].transpose(1, 2)
            parts.append(of_l @ angular[..., column : column + 2 * order + 1])
            column += 2 * order + 1
        owners = blocks.owners[start : start + step].to(device)
        sums.index_add_(0, owners, torch.cat(parts, dim=2).to(sums.dtype))
    return sums


def _radial(r: Tensor, counts: Tensor, soap: Soap, orders: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """R_nl(r), with the switch at the cutoff, by cubic interpolation, (n, len(orders) * N_MAX)."""
    fade = ((r - soap.cutoff + SWITCH) / SWITCH).clamp(0, 1)
    weight = counts * (0.5 + 0.5 * torch.cos(torch.pi * fade))
    node, weights = _stencil((r / soap.step).clamp(max=soap.cutoff / soap.step))
    table = _table(soap, orders, dtype, r.device)
    return embedding_bag(node, table, mode="sum", per_sample_weights=weights * weight[:, None])


def _stencil(x: Tensor) -> tuple[Tensor, Tensor]:
    """The four nodes around x, and Lagrange's weights of them, (n, 4) each."""
    left = x.floor()
    t = x - left
    before, after, beyond = t + 1, t - 1, t - 2
    weights = torch.stack(
        [t * after * beyond / -6, before * after * beyond / 2, before * t * beyond / -2, before * t * after / 6], dim=1
    )
    return left.long()[:, None] + torch.arange(STENCIL, device=x.device), weights


@lru_cache(maxsize=64)
def _table(soap: Soap, orders: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    table = torch.from_numpy(radial_table(soap)[:, list(orders)])
    return table.reshape(len(table), -1).to(device, dtype)


def _power_spectra(sums: Tensor, orders: tuple[int, ...]) -> Tensor:
    """Normalised power spectra, in the order of GAP, (n, SIZE)."""
    spectra = sums.new_zeros(len(sums), N_MAX, N_MAX, L_MAX + 1)
    column = 0
    for order in orders:
        c = sums[..., column : column + 2 * order + 1]
        spectra[..., order] = c @ c.transpose(1, 2) / np.sqrt(2 * order + 1)
        column += 2 * order + 1
    a, b = torch.tril_indices(N_MAX, N_MAX, device=sums.device)
    twice = torch.where(a == b, 1.0, np.sqrt(2)).to(sums)
    flat = (spectra[:, a, b] * twice[:, None]).flatten(1)
    return torch.nn.functional.pad(flat / flat.norm(dim=1, keepdim=True), (0, 1))
