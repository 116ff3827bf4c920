"""The classifier of the zoo: samples in, reports (or arrays) out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magnetite.clusters import Cluster, Sample, as_sample
from magnetite.errors import MagnetiteError, StructureError, ZooError
from magnetite.prototypes.classes import StructureClass, classes_of, distinct_names
from magnetite.prototypes.descriptor import Pairs, Soap, describe, find_pairs
from magnetite.prototypes.ensemble import Ensemble, from_tensors
from magnetite.prototypes.reports import TOP, PrototypeReport
from magnetite.zoo.cards import Card
from magnetite.zoo.model import ZooModel

CLOSE_CALL = 0.2
"""Probabilities of the best two classes that differ by less are reported as a close call."""
UNBOUND = 6.0
"""Å; no crystal is held together over more (caesium's atoms are 5.2 Å apart)."""
FEW_PASSES = 100
"""Of fewer passes the mutual information is too small; of a single one it is zero, whatever the sample."""


@dataclass(frozen=True, slots=True, eq=False)
class PreparedSample:
    """What the descriptor needs of a sample, and what the report says of it."""

    pairs: Pairs
    formula: str
    n_atoms: int
    finite: bool
    source: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What the network makes of one sample, in numbers.

    Attributes:
        probabilities: mean over the passes, shape (n_classes,).
        mutual_information: in bits.
        activations: of each hidden layer without dropout under the first view, shape (width,) each.
        descriptor: under the first view, shape (n_inputs,).
    """

    probabilities: NDArray[np.float64]
    mutual_information: float
    activations: tuple[NDArray[np.float32], ...]
    descriptor: NDArray[np.float32]


class _Classifier(ZooModel[PreparedSample, Any]):
    """What reports and arrays have in common."""

    family: ClassVar[str] = "prototypes"
    edges_per_batch: ClassVar[Mapping[str, int]] = {"cpu": 400_000, "cuda": 20_000_000}

    def __init__(self, card: Card, network: Ensemble, device: torch.device) -> None:
        super().__init__(card, device)
        settings = card.settings
        self.network = network
        self.soap = Soap(**settings["soap"])
        self.views = tuple(Soap(**view) for view in settings.get("views", [settings["soap"]]))
        self.classes = classes_of(card)
        self.passes = int(settings["passes"])
        self.seed = int(settings["seed"])

    @classmethod
    def from_weights(cls, card: Card, tensors: dict[str, Tensor], device: torch.device) -> Self:
        """Build the model from its card and tensors.

        Raises:
            ZooError: weights, network and list of classes do not fit.
        """
        network = from_tensors(card.settings["network"], tensors, device)
        if network.config.classes != len(card.settings["classes"]):
            raise ZooError(
                f"the card lists {len(card.settings['classes'])} classes, the network has {network.config.classes}",
                str(card.path),
            )
        return cls(card, network, device)

    def with_passes(self, passes: int | None) -> Self:
        """The same model with another number of passes with dropout; None keeps it.

        Raises:
            MagnetiteError: it is not at least 1.
        """
        if passes is None or passes == self.passes:
            return self
        if not isinstance(passes, int | np.integer) or passes < 1:
            raise MagnetiteError(f"passes must be a whole number, at least 1, not {passes!r}")
        other = copy(self)
        other.passes = int(passes)
        return other

    def with_one_view(self) -> Self:
        """The same model looking at samples under `soap` alone: several times faster, and a little less robust."""
        other = copy(self)
        other.views = (self.soap,)
        return other

    def take(self, structure: Any) -> Sample:
        """A crystal or a finite sample.

        Raises:
            StructureError: it is neither.
        """
        return as_sample(structure)

    def prepare(self, crystal: Sample) -> PreparedSample:
        """Find the neighbours.

        Raises:
            StructureError: atoms coincide, or have no neighbours.
        """
        pairs = find_pairs(crystal, soap=max(self.views, key=lambda view: view.cutoff))
        finite, formula = isinstance(crystal, Cluster), crystal.reduced_formula
        return PreparedSample(pairs, formula, len(crystal), finite, crystal.source)

    def cost(self, prepared: PreparedSample) -> int:
        """Number of edges."""
        return prepared.pairs.n_edges

    def descriptors(self, batch: Sequence[PreparedSample]) -> Tensor:
        """Descriptors of prepared samples under each view, shape (n_views, n, inputs)."""
        pairs = [prepared.pairs for prepared in batch]
        found = {view: describe(pairs, view, self.device) for view in dict.fromkeys(self.views)}
        return torch.stack([found[view] for view in self.views])


class PrototypeModel(_Classifier):
    """Structure type, probability and uncertainty."""

    @torch.inference_mode()
    def predict(self, batch: Sequence[PreparedSample]) -> list[PrototypeReport]:
        """Reports for a batch, in its order."""
        mean, information = self.network.sample_probabilities(self.descriptors(batch), self.passes, self.seed)
        rows, bits = mean.cpu().numpy(), information.cpu().numpy()
        return [self._report(prepared, rows[i], float(bits[i])) for i, prepared in enumerate(batch)]

    def failure(self, error: str, source: str | None) -> PrototypeReport:
        """The report of a sample that could not be classified."""
        return PrototypeReport.failed(error, source, str(self.card))

    def arrays(self) -> PrototypeArrays:
        """The same model answering with numbers."""
        arrays = PrototypeArrays(self.card, self.network, self.device)
        arrays.passes, arrays.views = self.passes, self.views
        return arrays

    def _report(self, prepared: PreparedSample, shares: NDArray[np.float64], bits: float) -> PrototypeReport:
        best = np.argsort(-shares, kind="stable")[:TOP]
        winner = self.classes[best[0]]
        return PrototypeReport(
            formula=prepared.formula,
            prototype=winner.label,
            name=winner.name,
            probability=float(shares[best[0]]),
            top5={self.classes[i].label: float(shares[i]) for i in best},
            mutual_information=bits,
            spacegroup=winner.spacegroup,
            strukturbericht=winner.strukturbericht,
            warnings=tuple(self._cautions(prepared, shares[best], [self.classes[i] for i in best], bits)),
            model=str(self.card),
            source=prepared.source,
        )

    def _cautions(
        self, prepared: PreparedSample, shares: NDArray[np.float64], best: list[StructureClass], bits: float
    ) -> list[str]:
        """What a careful colleague would add to the figures."""
        found, known = [], self.card.settings["domain"]
        if bits > known["information_limit"]:
            found.append(
                f"the passes of the network disagree ({bits:.2f} bits; {known['information_share']:.0%} of the ideal "
                f"structures it learned from stay below {known['information_limit']:.2f}): "
                "strongly defective, or none of the known types"
            )
        if self.passes < FEW_PASSES:
            found.append(
                f"{self.passes} passes of the network are few: below {FEW_PASSES} the mutual information is too small"
            )
        if len(shares) > 1 and shares[0] - shares[1] < CLOSE_CALL:
            found.append(f"close call between {' and '.join(distinct_names(best[:2]))}: take it as a guess")
        if prepared.finite and prepared.n_atoms < known["min_atoms"]:
            found.append(
                f"a finite sample of {prepared.n_atoms} atoms: the network learned from pieces of {known['min_atoms']} "
                "and more; a crystal's cell must be given as periodic"
            )
        if prepared.pairs.nearest > UNBOUND:
            found.append(
                f"the nearest atoms are {prepared.pairs.nearest:.1f} Å apart: types are told at any scale, but this is "
                "a lattice of lone atoms (are the lengths in Å?)"
            )
        if prepared.pairs.left_out:
            found.append(
                f"left out, as if their sites were vacant: {_symbols(prepared.pairs.left_out)} (too few atoms)"
            )
        return found


class PrototypeArrays(_Classifier):
    """The same network answering with `Evaluation` instead of reports, and errors for what cannot be classified."""

    @torch.inference_mode()
    def predict(self, batch: Sequence[PreparedSample]) -> list[Evaluation | MagnetiteError]:
        """Numbers for a batch, in its order."""
        x = self.descriptors(batch)
        mean, information = self.network.sample_probabilities(x, self.passes, self.seed)
        layers = [layer.cpu().numpy() for layer in self.network.activations(x[0])]
        rows, bits, descriptors = mean.cpu().numpy(), information.cpu().numpy(), x[0].cpu().numpy()
        return [
            Evaluation(rows[i], float(bits[i]), tuple(layer[i] for layer in layers), descriptors[i])
            for i in range(len(batch))
        ]

    def failure(self, error: str, source: str | None) -> MagnetiteError:
        """The error in the sample's place."""
        return StructureError(error, source)


def _symbols(numbers: Sequence[int]) -> str:
    from ase.data import chemical_symbols

    return ", ".join(chemical_symbols[z] for z in numbers)
