"""The predictor: what pymatgen's magnetic analyzer answers from moments, answered from coordinates."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from monty.json import MSONable

from magnetite.errors import MagnetiteError
from magnetite.zoo import DEFAULT_MODEL
from magnetite_pymatgen.checks import refuse_others

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.analysis.magnetism.analyzer import Ordering
    from pymatgen.core.periodic_table import DummySpecies, Element, Species
    from pymatgen.core.structure import IStructure, Structure

    from magnetite.orderings import MagneticOrder
    from magnetite.reports import MagnetismReport

REPORT_KEY = "magnetite_report"
"""Key of the report in the properties of a decorated structure."""
MAGNITUDE_KEY = "predicted_magmom_magnitude"
"""Site property with predicted |m| in μB; not ``magmom``, which pymatgen reads as signed."""


class MagneticOrderPredictor(MSONable):
    """Predicts what `CollinearMagneticStructureAnalyzer` reads from a structure's moments.

    Moments on the structure (``magmom`` site properties, spins of species) are ignored and kept.
    Magnitudes of moments are predicted by the network. Which sites point up is not: `get_initial_moments`,
    `get_magnetic_structure` and `get_proposed_orders` give patterns to start calculations from.

    Attributes:
        structure: a copy of the input.
        model: name of the model, or path of its card.
        device: where the model ran.
        threshold: μB; sites with smaller predicted |m| are not counted as magnetic.
        report: the whole prediction.
    """

    def __init__(
        self,
        structure: IStructure,
        model: str = DEFAULT_MODEL,
        device: str = "auto",
        threshold: float = 0.1,
        report: MagnetismReport | None = None,
    ) -> None:
        """Predict.

        Args:
            structure: an ordered structure.
            model: a model's name (see ``magnetite models``) or the path of a card.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
            threshold: μB; sites with smaller predicted |m| are not counted as magnetic.
            report: a report of this structure, which spares the prediction.

        Raises:
            StructureError: the structure is disordered, empty or otherwise unusable, or the report is of another one.
            ZooError: no such model.
            DeviceError: no such device.
            MagnetiteError: `threshold` is no number or below 0.
        """
        refuse_others(structure, "magnetite.analyze_magnetism")
        if not isinstance(threshold, int | float | np.number) or not threshold >= 0:  # which NaN is not either
            raise MagnetiteError(f"threshold is in μB and not below 0, not {threshold!r}")
        self.structure = structure.copy()
        self.model, self.device, self.threshold = model, device, threshold
        if report is None:
            from magnetite.api import analyze_magnetism

            report = analyze_magnetism(self.structure, model=model, device=device)
        else:
            report.check_structure(self.structure)
        self.report = report

    @property
    def ordering(self) -> Ordering:
        """The most probable order; ``FM`` stands for ferro- or ferrimagnetic, ``FiM`` is never given."""
        return self.report.ordering

    @property
    def is_magnetic(self) -> bool:
        """Whether any magnetic order (AFM, FM or FiM) is more probable than none."""
        return self.report.is_magnetic

    @property
    def probabilities(self) -> dict[str, float]:
        """Probabilities of ``NM``, ``AFM`` and ``FM`` (FM or FiM), summing to 1."""
        return dict(self.report.probabilities)

    @property
    def zero_k_probability(self) -> float | None:
        """Probability of a zero propagation vector, if the crystal orders; None if the model does not give it."""
        return self.report.zero_k_probability

    @property
    def magmom_magnitudes(self) -> NDArray[np.float64] | None:
        """Predicted |m| of each site in μB, shape (n_sites,); None if the model does not give them.

        They are what the sites would carry in an ordered state, also where the order predicted is NM.
        """
        return None if self.report.site_moments is None else np.array(self.report.site_moments)

    @property
    def number_of_magnetic_sites(self) -> int | None:
        """Sites with |m| of at least `threshold`; 0 if not magnetic, None if moments are not predicted."""
        sites = self._magnetic_sites()
        return None if sites is None else len(sites)

    @property
    def types_of_magnetic_species(self) -> tuple[Element | Species | DummySpecies, ...] | None:
        """Species on magnetic sites, sorted; None if moments are not predicted."""
        sites = self._magnetic_sites()
        return None if sites is None else tuple(sorted({self.structure[i].specie for i in sites}))

    @property
    def magnetic_species_and_magmoms(self) -> dict[str, float | list[float]] | None:
        """|m| in μB (to 0.01) by species on magnetic sites, a list where they differ; None if not predicted."""
        sites = self._magnetic_sites()
        if sites is None:
            return None
        assert self.report.site_moments is not None
        found = defaultdict(set)
        for i in sites:
            found[str(self.structure[i].specie)].add(round(self.report.site_moments[i], 2))
        return {name: next(iter(values)) if len(values) == 1 else sorted(values) for name, values in found.items()}

    def get_decorated_structure(self) -> IStructure:
        """A copy of the structure that carries the prediction.

        ``structure.properties["magnetite_report"]`` holds the report as a dictionary, the site
        property ``predicted_magmom_magnitude`` predicted |m| in μB (if the model gives it). The
        site property ``magmom`` is not written, whatever the order: pymatgen takes it as signed, the
        signs are not predicted, and zeros would overwrite moments that somebody calculated.
        """
        # copy(properties=…) writes into the properties of what it copies; a SymmetrizedStructure's takes no arguments.
        decorated = self.structure.copy()
        if self.report.site_moments is not None:
            decorated.add_site_property(MAGNITUDE_KEY, list(self.report.site_moments))
        decorated.properties = {**self.structure.properties, REPORT_KEY: self.report.as_dict()}
        return decorated

    def get_initial_moments(self) -> NDArray[np.float64]:
        """Signed moments of the structure's sites in μB, shape (n_sites,); see `MagnetismReport.initial_magmoms`.

        Raises:
            StructureError: the most probable order needs a larger cell, which `get_magnetic_structure` gives.
        """
        return np.array(self.report.initial_magmoms(self.structure))

    def get_magnetic_structure(self) -> Structure:
        """The most probable order, in the smallest multiple of the cell that repeats it.

        Its site property ``magmom`` holds signed moments in μB, as pymatgen's analyzer and input sets take them.

        Raises:
            StructureError: no order of the predicted class is possible on the magnetic sites.
        """
        return self.report.initial_order(self.structure).to_structure()

    def get_proposed_orders(self, limit: int = 10) -> list[MagneticOrder]:
        """Magnetic orders, the most probable first; see `magnetite.propose_orders`."""
        from magnetite.orderings import propose_orders

        return propose_orders(self.structure, self.report, limit=limit)

    def __str__(self) -> str:
        return str(self.report)

    def _magnetic_sites(self) -> list[int] | None:
        if not self.is_magnetic:
            return []
        if self.report.site_moments is None:
            return None
        return [i for i, moment in enumerate(self.report.site_moments) if moment >= self.threshold]
