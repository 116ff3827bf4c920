"""The training table: descriptors of the pristine samples at every setting, computed once and kept on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from tqdm.auto import tqdm

from magnetite.clusters import Cluster, Sample
from magnetite.prototypes.descriptor import Soap, describe_many_settings
from magnetite.prototypes.supercells import Prototype, pristine_samples
from magnetite.whole import whole

CUTOFFS = tuple(round(3.0 + 0.2 * step, 1) for step in range(11))
SIGMAS = (0.08, 0.1, 0.12)
SCALES = (0.95, 1.0, 1.05)
"""Settings of the descriptor that the network learns from (Leitherer 2021, Methods, "Dataset creation")."""
Setting = tuple[Soap, float]
FULL_GRID: tuple[Setting, ...] = tuple((Soap(c, s), scale) for c, s, scale in product(CUTOFFS, SIGMAS, SCALES))
VIEWS = (Soap(), Soap(cutoff=3.2), Soap(), Soap(cutoff=4.8))
"""Settings under which a sample is looked at for a prediction: the paper's cutoff, which counts twice, one a fifth
shorter and one a fifth longer. Where damage makes one of them mislead, the others still see what is there
(`docs/structure-types.md`)."""
USED_GRID: tuple[Setting, ...] = tuple(product(dict.fromkeys(VIEWS), SCALES))
"""All settings, and those of predictions at every scaling."""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of the training table.

    Attributes:
        x: descriptors, shape (n, SIZE), float32.
        labels: place of each row's class in the list of classes, (n,).
        cutoffs, sigmas, scales: the setting of each row, (n,) each.
    """

    x: Tensor
    labels: Tensor
    cutoffs: Tensor
    sigmas: Tensor
    scales: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def pick(self, rows: Tensor) -> Table:
        """Some rows, by their places or a mask."""
        return Table(*(getattr(self, field.name)[rows] for field in fields(self)))

    def at(self, soap: Soap, scale: float | None = None) -> Tensor:
        """Mask of the rows at a setting, or at all scalings of it."""
        found = torch.isclose(self.cutoffs, torch.tensor(soap.cutoff))
        found &= torch.isclose(self.sigmas, torch.tensor(soap.sigma))
        return found if scale is None else found & torch.isclose(self.scales, torch.tensor(scale))

    def views(self, soaps: Sequence[Soap], scale: float | None = None) -> Tensor:
        """Descriptors of all samples at several settings, (n_settings, n_samples, SIZE); at all scalings if None."""
        return torch.stack([self.x[self.at(soap, scale)] for soap in soaps])

    def used(self) -> Table:
        """The rows under the settings of predictions."""
        return self.pick(torch.stack([self.at(view) for view in VIEWS]).any(0))

    def digest(self, network: nn.Module) -> str:
        """A hash of all rows, and of a network with which learning from them begins."""
        known = hashlib.sha256()
        for tensor in (*(getattr(self, field.name) for field in fields(self)), *network.state_dict().values()):
            known.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return known.hexdigest()

    @classmethod
    def join(cls, parts: Sequence[Table]) -> Table:
        """All rows of several tables."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def build_table(
    prototypes: Sequence[Prototype],
    folder: Path,
    *,
    grid: Sequence[Setting] = FULL_GRID,
    first_label: int = 0,
    progress: bool = True,
    rows_of: Callable[[Sample, Sequence[Setting]], Tensor] = describe_many_settings,
) -> Table:
    """Descriptors of all pristine samples of prototypes at all settings; class i is prototype i.

    Each prototype's rows are a file in the folder, so that what is computed is not computed again.

    Args:
        prototypes: in the order of the classes.
        folder: where the rows are kept; made if missing.
        grid: settings.
        first_label: place of the first prototype in the list of classes.
        progress: show a progress bar.
        rows_of: describes a sample at all settings.

    Raises:
        StructureError: a prototype cannot be described.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    bar = tqdm(prototypes, desc="descriptors", unit="class", disable=not progress)
    for label, prototype in enumerate(bar, start=first_label):
        path = folder / f"{_fingerprint(prototype.sample, grid)}.safetensors"
        if path.is_file():
            x = load_file(path)["x"]
        else:
            x = torch.cat([rows_of(variant.sample, grid) for variant in pristine_samples([prototype])])
            with whole(path) as file:
                file.write(save({"x": x}))
        parts.append(_labelled(x, label, grid))
    return Table.join(parts)


def _labelled(x: Tensor, label: int, grid: Sequence[Setting]) -> Table:
    """Rows of one prototype: all settings of its first sample, then of its second, and so on."""
    samples = len(x) // len(grid)
    columns = torch.tensor([(soap.cutoff, soap.sigma, scale) for soap, scale in grid]).repeat(samples, 1)
    return Table(x, torch.full((len(x),), label), *columns.unbind(1))


def _fingerprint(sample: Sample, grid: Sequence[Setting]) -> str:
    """What the rows depend on."""
    arrays = [sample.positions] if isinstance(sample, Cluster) else [sample.lattice, sample.frac_coords]
    digest = hashlib.sha256(repr([(soap.cutoff, soap.sigma, scale) for soap, scale in grid]).encode())
    for array in (*arrays, sample.numbers):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:24]
