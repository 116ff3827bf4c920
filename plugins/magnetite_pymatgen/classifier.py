"""The classifier in the style of pymatgen's analysers: which known structure type a structure is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monty.json import MSONable

from magnetite.zoo import DEFAULT_CLASSIFIER
from magnetite_pymatgen.checks import refuse_others

if TYPE_CHECKING:
    from pymatgen.core.structure import IMolecule, IStructure

    from magnetite.prototypes.reports import PrototypeReport

PROTOTYPE_KEY = "magnetite_prototype"
"""Key of the report in the properties of a decorated structure."""


class PrototypeClassifier(MSONable):
    """Finds the structure type, also of defective structures that symmetry search and matching fail on.

    Attributes:
        structure: a copy of the input.
        model: name of the model, or path of its card.
        device: where the model ran.
        report: the whole prediction.
    """

    def __init__(
        self,
        structure: IStructure | IMolecule,
        model: str = DEFAULT_CLASSIFIER,
        device: str = "auto",
        passes: int | None = None,
        report: PrototypeReport | None = None,
    ) -> None:
        """Classify.

        Args:
            structure: an ordered structure, or a molecule, which is a finite piece.
            model: a model's name (see ``magnetite models``) or the path of a card.
            device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
            passes: of the network with dropout; the model's own number if None.
            report: a report of this structure, which spares the prediction.

        Raises:
            StructureError: the structure is disordered, empty or otherwise unusable, or the report is of another one.
            ZooError: no such model, or not a classifier.
            DeviceError: no such device.
        """
        refuse_others(structure, "magnetite.classify_structure")
        self.structure = structure.copy()
        self.model, self.device, self.passes = model, device, passes
        if report is None:
            from magnetite.api import classify_structure

            report = classify_structure(self.structure, model=model, device=device, passes=passes)
        else:
            report.check_structure(self.structure)
        self.report = report

    @property
    def prototype(self) -> str | None:
        """Label of the most probable structure type."""
        return self.report.prototype

    @property
    def probability(self) -> float:
        """Its probability."""
        return self.report.probability

    @property
    def candidates(self) -> dict[str, float]:
        """The most probable structure types and their probabilities, best first."""
        return dict(self.report.top5)

    @property
    def mutual_information(self) -> float | None:
        """How much the passes of the network disagree, in bits."""
        return self.report.mutual_information

    @property
    def spacegroup(self) -> int | None:
        """Number of the ideal prototype's space group; not measured on this structure."""
        return self.report.spacegroup

    @property
    def strukturbericht(self) -> str | None:
        """Symbol of the prototype, if it has one."""
        return self.report.strukturbericht

    def get_decorated_structure(self) -> IStructure | IMolecule:
        """A copy of the structure with the report as a dictionary in ``properties["magnetite_prototype"]``."""
        decorated = self.structure.copy()
        decorated.properties = {**self.structure.properties, PROTOTYPE_KEY: self.report.as_dict()}
        return decorated

    def __str__(self) -> str:
        return str(self.report)
