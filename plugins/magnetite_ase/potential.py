"""The magnetic potential as a calculator: relaxation, dynamics and equations of state by ASE's own drivers."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase.calculators.calculator import Calculator, CalculatorSetupError, InputError, all_changes

from magnetite.errors import StructureError
from magnetite.potential.taking import has_volume
from magnetite_ase.continuation import Continuation
from magnetite_ase.said import Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ase import Atoms

    from magnetite.potential.model import PotentialModel
    from magnetite.potential.reports import Objection, PotentialReport


class SpinPotential(Calculator):
    """Energy, forces, stress and moments from a potential of the zoo.

    Moments are those of ``atoms.set_initial_magnetic_moments``, collinear, (n,), or vectors, (n, 3), in μB. They are
    held (``moments="fixed"``), or relaxed anew at every step (``"relaxed"``): within a trajectory from where the step
    before left them, so that relaxing atoms and cell relaxes all three together, and else from the initial ones.

    Where atoms are not periodic, nothing acts from one side of the cell to the other, however little vacuum it has.
    Stress is per the cell's volume; clusters have none.

    Attributes:
        report: of the last calculation, with magnetic forces −dE/dm in eV/μB, how far the potential's networks part
            (``energy_spread``, ``force_spread``; None where it has but one) and warnings; None before a calculation.
    """

    implemented_properties = [  # noqa: RUF012 (ASE declares these three for instances)
        "energy", "free_energy", "energies", "forces", "stress", "magmom", "magmoms",
    ]  # fmt: skip
    default_parameters = {  # noqa: RUF012
        "model": "potential-nio", "moments": "fixed", "tolerance": 1e-3, "device": "auto",
    }  # fmt: skip
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
            InputError: there is no such parameter.
            CalculatorSetupError: moments are neither fixed nor relaxed, or the tolerance is not above 0.
        """
        self.report: PotentialReport | None = None
        self._loaded: PotentialModel | None = None
        self._continuation, self._said = Continuation(), Said()
        super().__init__(model=model, moments=moments, tolerance=tolerance, device=device, **kwargs)  # type: ignore[no-untyped-call]

    @property
    def moments(self) -> Literal["fixed", "relaxed"]:
        """Whether they are held or relaxed; `set` changes it."""
        found: Literal["fixed", "relaxed"] = self.parameters["moments"]
        return found

    def set(self, **kwargs: Any) -> dict[str, Any]:
        """Change parameters; the next question is answered anew.

        Raises:
            InputError: there is no such parameter.
            CalculatorSetupError: moments are neither fixed nor relaxed, or the tolerance is not above 0.
        """
        unknown = sorted(kwargs.keys() - self.default_parameters.keys())
        if unknown:
            raise InputError(f"magnetite has no parameter {unknown[0]!r}; it has {', '.join(self.default_parameters)}")
        if kwargs.get("moments", "fixed") not in {"fixed", "relaxed"}:
            raise CalculatorSetupError(f"moments are 'fixed' or 'relaxed', not {kwargs['moments']!r}")
        if not (isinstance(kwargs.get("tolerance", 1.0), Real) and 0 < kwargs.get("tolerance", 1.0) < np.inf):
            raise CalculatorSetupError(f"tolerance is in eV/μB and above 0, not {kwargs['tolerance']!r}")
        changed: dict[str, Any] = super().set(**kwargs)  # type: ignore[no-untyped-call]
        return changed

    def reset(self) -> None:
        """Forget the model, the last calculation and what was said of it."""
        super().reset()  # type: ignore[no-untyped-call]
        self.report = self._loaded = None
        self._continuation, self._said = Continuation(), Said()

    @property
    def potential(self) -> PotentialModel:
        """The model, loaded when first asked for.

        Raises:
            ZooError: no such model, or not a potential.
        """
        if self._loaded is None:
            from magnetite.potential.model import PotentialModel
            from magnetite.zoo.loading import load_kind

            self._loaded = load_kind(PotentialModel, "a potential", self.parameters["model"], self.parameters["device"])
        return self._loaded

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Evaluate the potential.

        Raises:
            StructureError: no moments, unknown elements, or no structure that can be used.
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
            item = self._relax(item, self.atoms if atoms is None else atoms)
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
        # A layer whose cell has no height, or a cluster: there is nothing that stress is per.
        if not has_volume(self.atoms):
            del self.results["stress"]
        if collinear:
            self.results["magmom"] = float(magmoms.sum())

    def get_magnetic_forces(self, atoms: Atoms | None = None) -> np.ndarray:
        """−dE/dm in eV/μB, (n, 3)."""
        self.get_property("energy", atoms)
        assert self.report is not None
        forces: np.ndarray = self.report.magnetic_forces.copy()
        return forces

    def _relax(self, item: Any, atoms: Atoms) -> Any:
        """Relax moments, within a trajectory from where the step before left them."""
        from magnetite.potential.model import with_moments
        from magnetite.potential.relax import relax_moments
        from magnetite.potential.reports import Objection

        last = self._continuation.moments(atoms)
        start = item if last is None else with_moments(item, last)
        tolerance = self.parameters["tolerance"]
        found = relax_moments(self.potential, start, tolerance=tolerance, meant=item.moments)
        self._continuation.leave(atoms, found.moments)
        if not found.converged(2 * tolerance):
            text = f"moments are not relaxed: −dE/dm up to {found.largest:.1g} eV/μB is left"
            self._warn((Objection(text, "relaxation", found.largest / tolerance),))
        return with_moments(item, found.moments)

    def _warn(self, objections: Iterable[Objection]) -> None:
        assert self.atoms is not None
        for text in self._said.news(self.atoms.numbers, objections):
            warnings.warn(text, stacklevel=3)

    def _get_name(self) -> str:
        return "magnetite-potential"
