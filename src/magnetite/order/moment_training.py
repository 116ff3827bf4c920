"""Training of the readout for |m|: every structure with known moments, on the features of a finished body.

The body and its own step to |m| see a draw of structures an epoch, chosen for the order task. Here all of them count,
each site that can carry a moment or does; of the others, which are nearly all zero, a sample stands for the rest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from magnetite.datasets.magnetic import HELD_OUT, VALIDATION_FOLD, Example, select, trainable
from magnetite.elements import CAN_CARRY, MAX_ATOMIC_NUMBER
from magnetite.evaluation.figures import CARRIES, moment_figures
from magnetite.order.network import MagnetismNetwork
from magnetite.order.site_moments import SiteMoments
from magnetite.order.tasks import FrozenAtoms, join
from magnetite.runtime import EDGES_PER_BATCH, by_edges
from magnetite.training import Schedule, fit

MOMENTS = Schedule(epochs=8, learning_rate=2e-3)
HIDDEN = 192
QUIET_SHARE, QUIET_WEIGHT = 0.1, 3.0
"""Share of the sites without and without reason for a moment that train, and the weight of each."""
STRUCTURES = 600
"""In one batch."""
_SAMPLE = 2_000
"""Structures that the mean and spread of the inputs are taken from."""

Atoms = Callable[[Sequence[Example]], Tensor]


@dataclass(frozen=True, slots=True)
class _Sites:
    """Inputs and targets of the sites of one structure that train: see `SiteMoments.logits`."""

    site: Tensor
    crystal: Tensor
    numbers: Tensor
    moments: Tensor
    weights: Tensor


class MomentTask:
    """|m| of each site, against DFT.

    Args:
        examples: of all splits; the splits are chosen here.
        module: what learns; its standardisation is set here.
        atoms: features of the atoms of examples, one after another, (n_atoms, features).
        properties: element table.
        device: where the module runs.
        seed: of the draws.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        module: SiteMoments,
        atoms: Atoms,
        properties: Tensor,
        device: torch.device,
        seed: int = 0,
    ) -> None:
        self.device, self.seed = device, seed
        self.validation = select(examples, lambda e: e.fold == VALIDATION_FOLD and has_moments(e))
        self.train = training_examples(examples)
        self.atoms, self.properties = atoms, properties
        counts = torch.stack(
            [torch.bincount(torch.from_numpy(e.graph.numbers), minlength=MAX_ATOMIC_NUMBER + 1) for e in self.train]
        )
        volumes = torch.tensor([e.volume_per_atom for e in self.train])
        module.expect_volumes((counts / counts.sum(1, keepdim=True)).to(device), volumes.to(device))
        self._held_out = [
            self._inputs(part, module)
            for part in by_edges(self.validation, lambda e: e.graph.n_edges, EDGES_PER_BATCH[device.type])
        ]
        rng = np.random.default_rng(seed)
        self._sites: dict[Example, _Sites] = {}
        for part in by_edges(self.train, lambda e: e.graph.n_edges, EDGES_PER_BATCH[device.type]):
            self._sites.update(self._chosen(part, module, rng))
        sample = [self._sites[self.train[i]] for i in rng.permutation(len(self.train))[:_SAMPLE]]
        module.standardise(
            torch.cat([s.site for s in sample]).float().to(device),
            torch.stack([s.crystal for s in sample]).float().to(device),
        )

    @torch.no_grad()
    def _inputs(self, part: Sequence[Example], module: SiteMoments) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Arguments of `SiteMoments.logits` for all atoms, on the CPU, in half precision where they are not whole."""
        batch = join(part).to(self.device)
        site, crystal = module.inputs(self.atoms(part), batch, self.properties)
        return site.half().cpu(), crystal.half().cpu(), batch.owners.cpu(), batch.numbers.cpu()

    def _chosen(
        self, part: Sequence[Example], module: SiteMoments, rng: np.random.Generator
    ) -> list[tuple[Example, _Sites]]:
        """The sites of some structures that train."""
        site, crystal, _, numbers = self._inputs(part, module)
        moments = torch.from_numpy(np.concatenate([e.moments for e in part]))
        matters = torch.tensor(CAN_CARRY)[numbers] | (moments > CARRIES)
        drawn = torch.from_numpy(rng.random(len(moments)) < QUIET_SHARE)
        trains = moments.isfinite() & (matters | drawn)
        weights = torch.where(matters, 1.0, QUIET_WEIGHT)
        found, start = [], 0
        for index, example in enumerate(part):
            own = torch.arange(start, start + example.graph.n_atoms)
            start += example.graph.n_atoms
            own = own[trains[own]]
            found.append((example, _Sites(site[own], crystal[index].clone(), numbers[own], moments[own], weights[own])))
        return found

    def batches(self, epoch: int) -> list[list[Example]]:
        """All structures in a new order."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.train))
        return [[self.train[i] for i in part] for part in np.array_split(order, max(1, len(order) // STRUCTURES))]

    def loss(self, model: nn.Module, batch: list[Example]) -> Tensor:
        """Cross-entropy of the distribution over |m|, mean over sites by weight."""
        assert isinstance(model, SiteMoments)
        sites = [self._sites[e] for e in batch]
        owners = torch.repeat_interleave(torch.arange(len(sites)), torch.tensor([len(s.numbers) for s in sites]))
        site, numbers = torch.cat([s.site for s in sites]), torch.cat([s.numbers for s in sites])
        moments, weights = (
            torch.cat(x).to(self.device) for x in ([s.moments for s in sites], [s.weights for s in sites])
        )
        logits = self._logits(model, site, torch.stack([s.crystal for s in sites]), owners, numbers)
        loss = -(model.targets(moments) * logits.log_softmax(1)).sum(1)
        return (loss * weights).sum() / weights.sum()

    def _logits(self, model: SiteMoments, site: Tensor, crystal: Tensor, owners: Tensor, numbers: Tensor) -> Tensor:
        site, crystal = site.to(self.device).float(), crystal.to(self.device).float()
        return model.logits(site, crystal, owners.to(self.device), numbers.to(self.device))

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Errors on unseen formulas; ``score`` is that of magnetic sites, negative."""
        assert isinstance(model, SiteMoments)
        with torch.no_grad():
            found = [model.median(self._logits(model, *inputs)).cpu() for inputs in self._held_out]
        if not found:
            return {}
        figures = moment_figures(self.validation, torch.cat(found).numpy())
        score = figures.get("moment_mae_magnetic", figures["moment_mae"])
        return {"score": -score.value, **{name: f.value for name, f in figures.items()}}


def has_moments(example: Example) -> bool:
    """Whether |m| of some site is known."""
    return bool(np.isfinite(example.moments).any())


def training_examples(examples: Sequence[Example]) -> list[Example]:
    """Those that the readout learns from."""
    return select(examples, lambda e: e.fold not in HELD_OUT and trainable(e) and has_moments(e))


def grow_moments(
    network: MagnetismNetwork,
    examples: Sequence[Example],
    device: torch.device,
    *,
    schedule: Schedule = MOMENTS,
    hidden: int = HIDDEN,
    atoms: Atoms | None = None,
) -> MagnetismNetwork:
    """The network with a readout for |m| of its own, trained on its features; as it is if no moments are known.

    Args:
        network: a trained network; stays as it is.
        examples: all examples; the splits are chosen here.
        device: where the network runs.
        schedule: of the training.
        hidden: width of the readout.
        atoms: features of the atoms of examples, where they are known already.
    """
    if not training_examples(examples):
        return network
    torch.manual_seed(schedule.seed)
    grown = MagnetismNetwork(replace(network.config, site_moments=hidden)).to(device)
    module = grown.site_moments
    assert module is not None
    if atoms is None:
        validation = select(examples, lambda e: e.fold == VALIDATION_FOLD and has_moments(e))
        atoms = FrozenAtoms(network, training_examples(examples) + validation, device)
    task = MomentTask(examples, module, atoms, network.body.properties, device, schedule.seed)
    with tempfile.TemporaryDirectory() as folder:  # a few minutes: not worth continuing
        trained = fit(module, task, schedule, Path(folder), progress=False)
    old = {name: value for name, value in network.state_dict().items() if not name.startswith("site_moments.")}
    grown.load_state_dict(old | {f"site_moments.{name}": value for name, value in trained.state_dict().items()})
    return grown.eval()
