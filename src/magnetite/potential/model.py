"""A potential of the zoo: crystals with moments in, energies and derivatives out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from ase.data import chemical_symbols
from numpy.typing import NDArray
from torch import Tensor

from magnetite.errors import StructureError
from magnetite.potential.batch import SpinBatch, Surroundings, collate, surroundings
from magnetite.potential.canting import SMALL_CANTING, canting
from magnetite.potential.committee import Committee, Spread
from magnetite.potential.derivatives import Derivatives
from magnetite.potential.reports import Objection, PotentialReport
from magnetite.potential.taking import SpinCrystal, as_spin_crystal
from magnetite.potential.weights import from_tensors
from magnetite.zoo.cards import Card
from magnetite.zoo.model import ZooModel

SLACK = (0.002, 0.05)
"""μB by which |m| may leave the trained range before it is said: half its width, within these."""
VOLUME_SLACK = 0.02
"""Share by which the volume may leave it."""


class PotentialModel(ZooModel[Surroundings, PotentialReport]):
    """Energy, forces, stress and −dE/dm.

    Attributes:
        network: one or several, in double precision, since relaxations and second derivatives ask for it.
    """

    family: ClassVar[str] = "potential"

    def __init__(self, card: Card, network: Committee, device: torch.device) -> None:
        super().__init__(card, device)
        self.network = network
        self.carrying = {chemical_symbols[z] for z in network.magnetic_numbers}
        self.ranges = {str(symbol): tuple(values) for symbol, values in card.settings["moment_ranges"].items()}
        # Cards of former versions do not say it.
        self.usual_canting = float(card.settings.get("usual_canting", np.inf))

    @classmethod
    def from_weights(cls, card: Card, tensors: dict[str, Tensor], device: torch.device) -> Self:
        """Build the model from its card and tensors."""
        members = int(card.settings.get("members", 1))
        return cls(card, from_tensors(card.settings["network"], tensors, device, members), device)

    def take(self, structure: Any) -> SpinCrystal:
        """The door in.

        Raises:
            StructureError: no structure that can be used, or no moments on it.
        """
        return as_spin_crystal(structure)

    def prepare(self, crystal: Any) -> Surroundings:
        """Find the neighbours; the cell is taken as it is, with vacuum where it is open.

        Raises:
            StructureError: an element that the potential does not know, or atoms coincide.
        """
        taken = as_spin_crystal(crystal)
        unknown = sorted(taken.crystal.elements - self.card.elements)
        if unknown:
            raise StructureError(
                f"{self.card.name} does not know {', '.join(unknown)}, only {', '.join(sorted(self.card.elements))}",
                taken.crystal.source,
            )
        return surroundings(taken.crystal, taken.moments, self.network.config.cutoff, taken.volume)

    def cost(self, prepared: Surroundings) -> int:
        """Number of edges."""
        return len(prepared.receivers)

    def collate(self, items: Sequence[Surroundings]) -> SpinBatch:
        """A batch in the network's precision, on its device."""
        config = self.network.config
        return collate(items, config.places, config.cutoff).to(self.device, self.network.inverse_scales.dtype)

    def predict(self, batch: Sequence[Surroundings]) -> list[PotentialReport]:
        """Reports for a batch, in its order."""
        crystals = self.collate(batch)
        found, spread = self.network.consult(crystals)
        atoms = found.atoms + self.network.references[crystals.species]
        bounds = np.cumsum([0, *(len(item) for item in batch)])
        return [
            self._report(item, found, spread, atoms, slice(bounds[number], bounds[number + 1]), number)
            for number, item in enumerate(batch)
        ]

    def _report(
        self, item: Surroundings, found: Derivatives, spread: Spread | None, atoms: Tensor, part: slice, number: int
    ) -> PotentialReport:
        energies = atoms[part].double().cpu().numpy()
        apart = on_atoms = None
        if spread is not None:
            apart, on_atoms = float(spread.energies[number]), spread.forces[part].cpu().numpy()
        return PotentialReport(
            energy=float(energies.sum()),
            energies=energies,
            forces=found.forces[part].cpu().numpy(),
            stress=found.stress[number].cpu().numpy(),
            moments=item.moments,
            magnetic_forces=found.magnetic[part].cpu().numpy(),
            warnings=(*self.objections(item), *self._disagreement(apart, on_atoms)),
            model=str(self.card),
            source=item.source,
            energy_spread=apart,
            force_spread=on_atoms,
        )

    def _disagreement(self, apart: float | None, on_atoms: NDArray[np.float64] | None) -> tuple[Objection, ...]:
        """Whether networks part more than they usually do on frames that none of them learned from."""
        if apart is None or on_atoms is None:
            return ()
        usual, energy, atom = self.card.settings["usual_spread"], apart / len(on_atoms), int(on_atoms.argmax())
        told = (
            ("energies", energy / usual["energy"], f"energies of its networks differ by {1e3 * energy:.2g} meV/atom"),
            (
                "forces",
                on_atoms[atom] / usual["forces"],
                f"forces of its networks on atom {atom} differ by {on_atoms[atom]:.2g} eV/Å",
            ),
        )
        return tuple(
            Objection(f"{text}, {times:.1f} times what is usual: far from what was trained", kind, times)
            for kind, times, text in told
            if times > 1
        )

    def objections(self, item: Surroundings) -> tuple[Objection, ...]:
        """Where moments, the angles between them or the volume leave the range that was trained."""
        lengths = np.linalg.norm(item.moments, axis=1)
        found = []
        for number in np.unique(item.numbers):
            symbol = chemical_symbols[number]
            low, high = self.ranges[symbol]
            of = lengths[item.numbers == number]
            slack = float(np.clip((high - low) / 2, *SLACK))
            beyond = max(of.max() - high, low - of.min()) / slack
            if symbol in self.carrying and beyond > 1:
                text = (
                    f"|m| of {symbol} from {of.min():.3f} to {of.max():.3f} μB leaves the trained range "
                    f"{low:.3f}–{high:.3f} μB"
                )
                found.append(Objection(text, f"|m| of {symbol}", beyond))
        angle, allowed = canting(item), max(self.usual_canting, SMALL_CANTING)
        if angle > allowed:
            text = (
                f"neighbours' moments are turned by {angle:.1f}° against one another, by "
                f"{self.usual_canting:.1f}° at most on nineteen of twenty frames that were trained: what turning them "
                "costs is a guess"
            )
            found.append(Objection(text, "canting", angle / allowed))
        return (*found, *self._strange_volume(item))

    def _strange_volume(self, item: Surroundings) -> tuple[Objection, ...]:
        settings = self.card.settings
        if np.isinf(item.volume):
            text = f"a cluster: {self.card.name} was trained on crystals alone"
            return () if settings.get("clusters") else (Objection(text, "volume"),)
        low, high = settings.get("volume_range", (0.0, np.inf))
        volume = item.volume / len(item)
        beyond = max(volume / high - 1, 1 - volume / low if low else 0.0) / VOLUME_SLACK
        if beyond > 1:
            text = f"volume of {volume:.2f} Å³/atom leaves the trained range {low:.2f}–{high:.2f} Å³/atom"
            return (Objection(text, "volume", beyond),)
        return ()

    def objections_to_turning(self) -> tuple[str, ...]:
        """Whether what small turns of moments cost is a guess: nothing that was trained had them turned."""
        if self.usual_canting > SMALL_CANTING:
            return ()
        text = (
            f"trained on collinear moments (neighbours are turned by {self.usual_canting:.1f}° at most on nineteen of "
            "twenty frames): second derivatives across them are a guess, and exchange constants with them"
        )
        return (text,)

    def failure(self, error: str, source: str | None) -> PotentialReport:
        """The report of a crystal that could not be evaluated."""
        return PotentialReport.failed(error, source, str(self.card))


def with_moments(item: Surroundings, moments: np.ndarray) -> Surroundings:
    """The same crystal with other moments in μB, (n, 3)."""
    return replace(item, moments=np.asarray(moments, dtype=float))
