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
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import embedding_bag, pad

from magnetite.clusters import Cluster
from magnetite.prototypes.angular import orders_of, products, to_harmonics
from magnetite.prototypes.pairs import Pairs, find_pairs
from magnetite.prototypes.radial import L_MAX, N_MAX, SIZE, STENCIL, SWITCH, Soap, radial_table
from magnetite.structures import Crystal

__all__ = ["SIZE", "Pairs", "Soap", "describe", "describe_many_settings", "find_pairs"]

BLOCK = 64
"""Vectors summed at a time; each pair of species is filled up to a multiple of it."""
BLOCKS_PER_PASS = {"cpu": 128, "cuda": 16384}
"""Blocks at a time: on a CPU, what stays in the cache; on a GPU, what fills it without exhausting memory."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Vectors of several pairs of species in blocks of `BLOCK`, filled up with vectors without weight.

    Attributes:
        vectors: in scaled units, (3, n_blocks * BLOCK).
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
    *,
    scale: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Descriptors of many samples at once.

    Args:
        pairs: what `find_pairs` found with the same settings, or larger reach.
        soap: settings of the descriptor; the default ones if None.
        device: where to compute.
        scale: extrinsic scaling, on top of that of `find_pairs`.
        dtype: of the work; float32 agrees with float64 to 1e-6.

    Returns:
        Shape (n_samples, SIZE), on the device.
    """
    soap, device = soap or Soap(), torch.device(device)
    out = torch.zeros(len(pairs), SIZE, dtype=dtype, device=device)
    if not pairs:
        return out
    parts = [_within(part, soap.cutoff * scale) for found in pairs for part in found.parts]
    same = torch.from_numpy(np.concatenate([found.same for found in pairs]))
    spectra = torch.zeros(len(parts), N_MAX, N_MAX, L_MAX + 1, dtype=torch.float64, device=device)
    for parity in (0, 1):
        # Opposite vectors between atoms of the same species cancel for odd l.
        chosen = torch.arange(len(parts)) if parity == 0 else torch.nonzero(~same)[:, 0]
        if len(chosen):
            blocks = _blocks([parts[place] for place in chosen.tolist()], dtype)
            sums = _sums(blocks, len(chosen), soap, scale, parity, device)
            spectra[chosen.to(device)] += _power_spectra(sums, parity)
    shares = torch.from_numpy(np.concatenate([found.shares for found in pairs])).to(device)
    owners = torch.from_numpy(np.repeat(np.arange(len(pairs)), [len(found.ends) for found in pairs])).to(device)
    return out.index_add_(0, owners, (_as_gap(spectra) * shares[:, None]).to(dtype))


def describe_many_settings(
    sample: Crystal | Cluster, settings: Sequence[tuple[Soap, float]], device: torch.device | str = "cpu"
) -> Tensor:
    """Descriptors of one sample under many settings, with one neighbour search.

    Ideal structures repeat the same few vectors many times over; each is computed once.

    Args:
        sample: a crystal in any cell, or a finite sample.
        settings: settings of the descriptor, each with an extrinsic scaling.
        device: where to compute.

    Returns:
        Shape (n_settings, SIZE), on the device.

    Raises:
        StructureError: as `find_pairs`.
    """
    if not settings:
        return torch.zeros(0, SIZE, device=device)
    reach = max(soap.cutoff * scale for soap, scale in settings)
    pairs = find_pairs(sample, soap=Soap(cutoff=reach)).merged()
    return torch.cat([describe([pairs], soap, device, scale=scale) for soap, scale in settings])


def _within(
    part: tuple[NDArray[np.float64], NDArray[np.float64] | None], reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Those vectors, and their counts, that are shorter than the reach; the others weigh nothing."""
    vectors, counts = part
    near = np.einsum("ij,ij->i", vectors, vectors) < reach**2
    if near.all():
        return part
    return vectors[near], None if counts is None else counts[near]


def _blocks(parts: Sequence[tuple[NDArray[np.float64], NDArray[np.float64] | None]], dtype: torch.dtype) -> Blocks:
    """Blocks of listed vectors, on the CPU."""
    sizes = np.array([len(vectors) for vectors, _ in parts])
    numbers = -(-sizes // BLOCK)
    starts = np.concatenate(([0], np.cumsum(numbers)[:-1])) * BLOCK
    total = int(numbers.sum()) * BLOCK
    placed = torch.zeros(3, total, dtype=dtype)
    placed[2] = 1  # some direction
    weights = torch.zeros(total, dtype=dtype)
    for start, size, (vectors, counts) in zip(starts.tolist(), sizes.tolist(), parts, strict=True):
        placed[:, start : start + size] = torch.from_numpy(vectors).T
        weights[start : start + size] = 1 if counts is None else torch.from_numpy(counts)
    return Blocks(placed, weights, torch.from_numpy(np.repeat(np.arange(len(parts)), numbers)))


def _sums(blocks: Blocks, n: int, soap: Soap, scale: float, parity: int, device: torch.device) -> Tensor:
    """Sums of R_nl(r) Y_l'm(r̂) over each pair of species for all l, l' of one parity, in double precision.

    Returns:
        Shape (n, Σ (2l' + 1), number of l * N_MAX).
    """
    dtype = blocks.vectors.dtype
    table = _table(soap, parity, dtype, device)
    harmonics = to_harmonics(parity, device)
    sums = torch.zeros(n, len(harmonics), table.shape[1], dtype=torch.float64, device=device)
    step = BLOCKS_PER_PASS["cpu" if device.type == "cpu" else "cuda"]
    for start in range(0, len(blocks.owners), step):
        chosen = slice(start * BLOCK, (start + step) * BLOCK)
        vectors, counts = blocks.vectors[:, chosen].to(device), blocks.counts[chosen].to(device)
        r = vectors.square().sum(dim=0).sqrt()
        angular = products(vectors / r, parity).view(len(harmonics), -1, BLOCK).transpose(0, 1)
        radial = _radial(r / scale, counts, soap, table).view(-1, BLOCK, table.shape[1])
        sums.index_add_(0, blocks.owners[start : start + step].to(device), (angular @ radial).to(sums.dtype))
    return harmonics.T @ sums


def _radial(r: Tensor, counts: Tensor, soap: Soap, table: Tensor) -> Tensor:
    """Rows of the table at r, interpolated, with the switch at the cutoff, (n, columns of the table)."""
    fade = ((r - soap.cutoff + SWITCH) / SWITCH).clamp(0, 1)
    weight = counts * (0.5 + 0.5 * torch.cos(torch.pi * fade))
    node, weights = _stencil((r / soap.step).clamp(max=soap.cutoff / soap.step))
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


@lru_cache(maxsize=256)
def _table(soap: Soap, parity: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The radial functions of the l of one parity on a grid, (n_nodes, number of l * N_MAX)."""
    table = torch.from_numpy(radial_table(soap)[:, parity::2])
    return table.reshape(len(table), -1).to(device, dtype)


def _power_spectra(sums: Tensor, parity: int) -> Tensor:
    """Σ_m c_alm c_blm / √(2l + 1) for the l of one parity, zero for the others, (n, N_MAX, N_MAX, L_MAX + 1)."""
    spectra = sums.new_zeros(len(sums), N_MAX, N_MAX, L_MAX + 1)
    row = 0
    for place, order in enumerate(orders_of(parity)):
        c = sums[:, row : row + 2 * order + 1, place * N_MAX : (place + 1) * N_MAX]
        spectra[..., order] = c.transpose(1, 2) @ c / np.sqrt(2 * order + 1)
        row += 2 * order + 1
    return spectra


def _as_gap(spectra: Tensor) -> Tensor:
    """Normalised, in the order of GAP: n, then n' ≤ n, then l, and its zero at the end, (n, SIZE)."""
    a, b = torch.tril_indices(N_MAX, N_MAX, device=spectra.device)
    twice = torch.where(a == b, 1.0, np.sqrt(2)).to(spectra)
    flat = (spectra[:, a, b] * twice[:, None]).flatten(1)
    return pad(flat / flat.norm(dim=1, keepdim=True), (0, 1))
