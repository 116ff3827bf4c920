"""The order and propagation-vector model of the zoo: crystals in, reports out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from ase.data import chemical_symbols
from numpy.typing import NDArray
from torch import Tensor

from magnetite.datasets.magnetic import MAX_TRAINING_VOLUME, chemical_cell
from magnetite.elements import FROZEN_4F, U_METALS, is_ggau
from magnetite.graphs import Graph
from magnetite.order.calibration import Calibration
from magnetite.order.domain import Domain
from magnetite.order.network import MagnetismNetwork
from magnetite.order.weights import from_tensors
from magnetite.reports import CLASSES, SURE, MagnetismReport
from magnetite.runtime import collate
from magnetite.structures import Crystal
from magnetite.sublattice import magnetic_geometry
from magnetite.vacuum import FELT
from magnetite.zoo.cards import Card
from magnetite.zoo.model import ZooModel

CLOSE_CALL = 0.7
"""A most probable class below this is reported as a close call."""
LARGE_CELL = 30
"""Sites above which the share of AFM labels drops for lack of calculations, not of antiferromagnets."""
NOT_ZERO = 0.3
"""Probability of k = 0 below which FM is contradicted: of such crystals of the validation fold that neutrons know,
two in three are antiferromagnets (asked the trees for k that did not learn from them)."""

IN_VACUUM = f"a layer or wire in vacuum, of which {FELT:g} Å count: nearly all training crystals fill their cells"


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCrystal:
    """A crystal's `chemical_cell` as a graph, and what the report needs of the original."""

    graph: Graph
    volume_per_atom: float
    geometry: NDArray[np.float64]
    places: NDArray[np.int64]
    crystal: Crystal

    @property
    def in_vacuum(self) -> bool:
        """Whether empty space beside it was left out."""
        return self.crystal.volume > 1.001 * self.volume_per_atom * len(self.crystal)


class OrderModel(ZooModel[PreparedCrystal, MagnetismReport]):
    """Magnetic order, zero propagation vector and |m| from one pass of one network."""

    family: ClassVar[str] = "order"

    def __init__(self, card: Card, network: MagnetismNetwork, domain: Domain, device: torch.device) -> None:
        super().__init__(card, device)
        self.network, self.domain = network, domain
        self.calibration = Calibration.from_settings(card.settings["calibration"])
        self._sparse_elements = dict(card.settings["sparse_elements"])

    @classmethod
    def from_weights(cls, card: Card, tensors: dict[str, Tensor], device: torch.device) -> Self:
        """Build the model from its card and tensors."""
        domain = Domain.from_tensors(tensors, card.settings["domain"])
        return cls(card, from_tensors(card.settings["network"], tensors, device), domain, device)

    def prepare(self, crystal: Crystal) -> PreparedCrystal:
        """Reduce to the chemical cell and find the neighbours.

        Raises:
            StructureError: atoms coincide.
        """
        cell, places = chemical_cell(crystal)
        return PreparedCrystal(cell.graph, cell.volume / len(cell), magnetic_geometry(cell), places, crystal)

    def cost(self, prepared: PreparedCrystal) -> int:
        """Number of edges."""
        return prepared.graph.n_edges

    @torch.inference_mode()
    def predict(self, batch: Sequence[PreparedCrystal]) -> list[MagnetismReport]:
        """Reports for a batch, in its order."""
        joined = collate([p.graph for p in batch], [p.volume_per_atom for p in batch], [p.geometry for p in batch]).to(
            self.device
        )
        output = self.network(joined)
        order = self.calibration.order(output["ggau"].cpu().numpy(), output["order"].cpu().numpy())
        zero_k = self.calibration.zero_k_probability(output["zero_k"].cpu().numpy())
        moments = np.split(
            output["moment"].clamp(min=0).cpu().numpy(), np.cumsum([p.graph.n_atoms for p in batch])[:-1]
        )
        bits = output["information"].cpu().numpy()
        distances = self.domain.distance(output["features"].cpu().numpy())
        return [
            self._report(p, order[i], float(zero_k[i]), moments[i][p.places], float(bits[i]), float(distances[i]))
            for i, p in enumerate(batch)
        ]

    def failure(self, error: str, source: str | None) -> MagnetismReport:
        """The report of a crystal that could not be predicted."""
        return MagnetismReport.failed(error, source, str(self.card))

    def _report(
        self,
        prepared: PreparedCrystal,
        order: NDArray[np.float64],
        zero_k: float,
        moments: NDArray[np.float32],
        bits: float,
        distance: float,
    ) -> MagnetismReport:
        elements = prepared.crystal.elements
        unknown = sorted(elements - self.card.elements)
        objections = [f"{', '.join(unknown)} not in the training data"] if unknown else []
        objections += self.domain.objections(prepared.graph, distance)
        if prepared.volume_per_atom > MAX_TRAINING_VOLUME:
            dense = f"networks learned from at most {MAX_TRAINING_VOLUME:g}"
            objections.append(f"{prepared.volume_per_atom:.0f} Å³ per atom, where {dense}")
        uncertainty = float(-(order * np.log(np.clip(order, 1e-12, 1))).sum() / np.log(len(order)))
        return MagnetismReport(
            formula=prepared.crystal.reduced_formula,
            probabilities={name: float(p) for name, p in zip(CLASSES, order, strict=True)},
            zero_k_probability=None if np.isnan(zero_k) else zero_k,
            uncertainty=min(max(uncertainty, 0.0), 1.0),
            mutual_information=bits,
            in_domain=not objections,
            warnings=(
                *(f"outside the training domain: {o}" for o in objections),
                *([IN_VACUUM] if prepared.in_vacuum else []),
                *self._cautions(prepared.graph.n_atoms, elements, order, zero_k),
            ),
            model=str(self.card),
            site_moments=tuple(float(m) for m in moments),
            source=prepared.crystal.source,
            species=tuple(chemical_symbols[z] for z in prepared.crystal.numbers),
        ).remember(prepared.crystal)

    def _cautions(self, n_atoms: int, elements: frozenset[str], order: NDArray[np.float64], zero_k: float) -> list[str]:
        """What a careful colleague would add to the figures."""
        found = []
        first, second = np.argsort(order)[::-1][:2]
        if order[first] < CLOSE_CALL:
            found.append(f"close call between {CLASSES[first]} and {CLASSES[second]}: take it as a guess")
        frozen = sorted(FROZEN_4F & elements)
        if frozen:
            found.append(
                f"the 4f electrons of {', '.join(frozen)} were frozen in the training calculations: "
                "their order at low temperature and their moments are not to be relied on"
            )
        sparse = {e: n for e, n in self._sparse_elements.items() if e in elements}
        if sparse:
            counts = ", ".join(f"{e} ({n} structures)" for e, n in sorted(sparse.items()))
            found.append(f"few training structures hold {counts}")
        if CLASSES[first] == "FM" and n_atoms > LARGE_CELL:
            found.append(
                f"primitive cells of more than {LARGE_CELL} sites were rarely tried in antiferromagnetic orders "
                "in the training data: FM is the default there"
            )
        elif CLASSES[first] == "FM" and not is_ggau(elements):
            found.append(
                f"outside oxides and fluorides of {', '.join(sorted(U_METALS))} most FM labels come from calculations "
                "that tried no other order: check antiferromagnetic alternatives"
            )
        afm, fm = (order[CLASSES.index(name)] for name in ("AFM", "FM"))
        if CLASSES[first] == "FM" and zero_k < NOT_ZERO and fm < SURE * (afm + fm):
            found.append(
                f"FM contradicts the propagation vector, which is probably not zero (P(k = 0) {zero_k:.2f}): the one "
                "is learned from calculations, the other from experiments"
            )
        return found
