"""The magnetic potential as a calculator: relaxation, dynamics and equations of state by ASE's own drivers."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase.calculators.calculator import Calculator, CalculatorSetupError, all_changes

from magnetite.errors import StructureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from magnetite.potential.model import PotentialModel
    from magnetite.potential.reports import PotentialReport


class SpinPotential(Calculator):
    """Energy, forces, stress and moments from a potential of the zoo.

    Moments are those of ``atoms.set_initial_magnetic_moments``, collinear, (n,), or vectors, (n, 3), in μB. They are
    held (``moments="fixed"``), or relaxed anew at every step (``"relaxed"``) from where the step before left them:
    relaxing atoms and cell then relaxes all three together.

    Attributes:
        report: of the last calculation, with magnetic forces −dE/dm in eV/μB, how far the potential's networks part
            (``energy_spread``, ``force_spread``; None where it has but one) and warnings; None before a calculation.
    """

    implemented_properties = [  # noqa: RUF012 (ASE declares these for instances)
        "energy", "free_energy", "energies", "forces", "stress", "magmom", "magmoms",
    ]  # fmt: skip
    discard_results_on_any_change = True

    def __init__(
        self,
        model: str = "potential-nio",
        *,
        moments: Literal["fixed", "relaxed"] = "fixed",
        tolerance: float = 1e-3,
        device: str = "auto",
        **kwargs: Any,
    ) -> None:
        """Set up; nothing is loaded before the first calculation.

        Args:
            model: a potential's name (see ``magnetite models``) or the path of a card.
            moments: held or relaxed.
            tolerance: of relaxed moments, the largest −dE/dm in eV/μB.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
            kwargs: ASE's own (``atoms``, ``label``, ``directory``).

        Raises:
            CalculatorSetupError: moments are neither fixed nor relaxed.
        """
        if moments not in {"fixed", "relaxed"}:
            raise CalculatorSetupError(f"moments are 'fixed' or 'relaxed', not {moments!r}")
        self.report: PotentialReport | None = None
        self.model_name, self.device, self.moments, self.tolerance = model, device, moments, tolerance
        self._loaded: PotentialModel | None = None
        self._started: Any = None
        self._said: set[str] = set()
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    @property
    def potential(self) -> PotentialModel:
        """The model, loaded when first asked for.

        Raises:
            ZooError: no such model, or not a potential.
        """
        if self._loaded is None:
            from magnetite.potential.model import PotentialModel
            from magnetite.zoo.loading import load_kind

            self._loaded = load_kind(PotentialModel, "a potential", self.model_name, self.device)
        return self._loaded

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Evaluate the potential.

        Raises:
            StructureError: no moments, unknown elements, or no crystal.
            CalculatorSetupError: there are no atoms.
        """
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        self.results, self.report = {}, None
        if self.atoms is None:
            raise CalculatorSetupError("magnetite has no atoms to calculate; call it with atoms once")
        if not self.atoms.has("initial_magmoms"):
            raise StructureError("atoms carry no moments; call set_initial_magnetic_moments", str(self.atoms.symbols))
        initial = self.atoms.get_initial_magnetic_moments()
        item = self.potential.prepare(self.potential.take(self.atoms))
        if self.moments == "relaxed":
            item = self._relax(item, initial)
        report = self.potential.predict([item])[0]
        self._warn(report.warnings)
        collinear = initial.ndim == 1
        magmoms = report.moments[:, 2] if collinear else report.moments
        self.report = report
        self.results = {
            "energy": report.energy, "free_energy": report.energy, "energies": report.energies,
            "forces": report.forces, "magmoms": magmoms,
            "stress": report.stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]],
        }  # fmt: skip
        if collinear:
            self.results["magmom"] = float(magmoms.sum())

    def get_magnetic_forces(self, atoms: Atoms | None = None) -> np.ndarray:
        """−dE/dm in eV/μB, (n, 3)."""
        self.get_property("energy", atoms)
        assert self.report is not None
        forces: np.ndarray = self.report.magnetic_forces
        return forces

    def _relax(self, item: Any, initial: np.ndarray) -> Any:
        """Relax moments, going on from the last ones while the user leaves the initial ones alone."""
        from magnetite.potential.model import with_moments
        from magnetite.potential.relax import relax_moments

        if self._started is not None:
            numbers, before, last = self._started
            if np.array_equal(numbers, item.numbers) and np.array_equal(before, initial):
                item = with_moments(item, last)
        found = relax_moments(self.potential, item, tolerance=self.tolerance)
        self._started = (item.numbers, initial.copy(), found.moments)
        if not found.converged(2 * self.tolerance):
            self._warn((f"moments are not relaxed: −dE/dm up to {found.largest:.1g} eV/μB is left",))
        return with_moments(item, found.moments)

    def _warn(self, objections: tuple[str, ...]) -> None:
        """Say each kind of objection once; molecular dynamics would repeat it at every step."""
        for text in objections:
            kind = text[:12]  # before the numbers
            if kind not in self._said:
                self._said.add(kind)
                warnings.warn(text, stacklevel=3)

    def _get_name(self) -> str:
        return "magnetite-potential"
