"""The calculator: standard moments where the prediction defines them, and the whole report beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.calculator import (
    Calculator,
    CalculatorSetupError,
    InputError,
    PropertyNotImplementedError,
    all_changes,
)

from magnetite.zoo import DEFAULT_MODEL
from magnetite_ase.annotations import annotate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from magnetite.reports import MagnetismReport


class MagnetismCalculator(Calculator):
    """Predicts magnetism from coordinates; initial moments and charges on the atoms are ignored.

    What ``get_magnetic_moment`` (μB per cell) and ``get_magnetic_moments`` (μB) give depends on the
    most probable order:

    - NM: zero, and zeros.
    - FM (which stands for FM or FiM): |m| of each site, all parallel, and their sum. Which
      sites of a ferrimagnet are reversed is not a part of it, so for one the sum is too large.
    - AFM: zero in all; the moments raise: which sites point up is proposed, not predicted, and may
      need a larger cell (`set_initial_moments`). Their magnitudes are in ``report.site_moments`` and,
      after `annotate`, on the atoms.

    Energies, forces and all else raise ASE's ``PropertyNotImplementedError``.

    Attributes:
        report: the report of the last calculation, with probabilities and warnings; None before one.
    """

    implemented_properties = ["magmom", "magmoms"]  # noqa: RUF012 (ASE declares these three for instances)
    default_parameters = {"model": DEFAULT_MODEL, "device": "auto"}  # noqa: RUF012
    ignored_changes = {"initial_magmoms", "initial_charges"}  # noqa: RUF012
    discard_results_on_any_change = True

    def __init__(self, *, model: str = DEFAULT_MODEL, device: str = "auto", **kwargs: Any) -> None:
        """Set up; nothing is loaded before the first calculation.

        Args:
            model: a model's name (see ``magnetite models``) or the path of a card.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
            kwargs: ASE's own (``atoms``, ``label``, ``directory``).
        """
        self.report: MagnetismReport | None = None
        super().__init__(model=model, device=device, **kwargs)  # type: ignore[no-untyped-call]

    def set(self, **kwargs: Any) -> dict[str, Any]:
        """Change parameters; the next question is answered anew.

        Raises:
            InputError: there is no such parameter.
        """
        unknown = sorted(kwargs.keys() - self.default_parameters.keys())
        if unknown:
            raise InputError(f"magnetite has no parameter {unknown[0]!r}; it has {', '.join(self.default_parameters)}")
        changed: dict[str, Any] = super().set(**kwargs)  # type: ignore[no-untyped-call]
        return changed

    def reset(self) -> None:
        """Forget the last calculation."""
        super().reset()  # type: ignore[no-untyped-call]
        self.report = None

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("magmom",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Predict the report and the results that follow from it.

        Raises:
            StructureError: the atoms are not a crystal that can be predicted.
            CalculatorSetupError: there are no atoms.
        """
        from magnetite.api import analyze_magnetism

        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        self.results, self.report = {}, None
        if self.atoms is None:
            raise CalculatorSetupError("magnetite has no atoms to calculate; call it with atoms once")
        report = analyze_magnetism(self.atoms, model=self.parameters["model"], device=self.parameters["device"])
        self.report, self.results = report, _results(report, len(self.atoms))

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:
        """Answer from the last calculation if the atoms have not changed since.

        Raises:
            PropertyNotImplementedError: not a property of this calculator, or not defined by this prediction.
            StructureError: the atoms are not a crystal that can be predicted.
        """
        # A prediction may leave results out on purpose; asking for them must not start it all over again.
        known = self.report is not None and (atoms is None or not self.check_state(atoms))
        if name in self.implemented_properties and not known:
            if not allow_calculation:
                return None  # ASE would forget results and atoms, and leave the report of them behind
            self._recalculate(atoms)
            known = True
        if name in self.implemented_properties and name not in self.results:
            assert self.report is not None
            raise PropertyNotImplementedError(_why_not(name, self.report))
        return super().get_property(name, atoms, allow_calculation)  # type: ignore[no-untyped-call]

    def get_report(self, atoms: Atoms | None = None) -> MagnetismReport:
        """The whole report, predicted if it is not known yet.

        Args:
            atoms: those of the last calculation if not given.

        Raises:
            StructureError: the atoms are not a crystal that can be predicted.
            CalculatorSetupError: there are no atoms.
        """
        if self.report is None or (atoms is not None and self.check_state(atoms)):
            self._recalculate(atoms)
        assert self.report is not None
        return self.report

    def annotate(self, atoms: Atoms) -> MagnetismReport:
        """Write the report onto atoms, as `magnetite_ase.annotate` does, with this calculator's model.

        Raises:
            StructureError: the atoms are not a crystal that can be predicted.
        """
        return annotate(atoms, self.get_report(atoms))

    def _recalculate(self, atoms: Atoms | None) -> None:
        atoms = self.atoms if atoms is None else atoms
        self.reset()
        self.calculate(atoms)

    def _get_name(self) -> str:
        return "magnetite"


def _results(report: MagnetismReport, n_atoms: int) -> dict[str, Any]:
    """ASE's standard results, as far as a report defines them."""
    if report.label == "NM":
        return {"magmom": 0.0, "magmoms": np.zeros(n_atoms)}
    if report.label == "AFM":
        return {"magmom": 0.0}
    if report.site_moments is None:
        return {}
    moments = np.array(report.site_moments)
    return {"magmom": float(moments.sum()), "magmoms": moments}


def _why_not(name: str, report: MagnetismReport) -> str:
    if report.label == "AFM":
        return (
            f"{name}: the prediction for {report.formula} is antiferromagnetic, and which sites point up is not "
            "predicted; see calc.report.site_moments for magnitudes"
        )
    return f"{name}: the model {report.model} does not predict moments"
