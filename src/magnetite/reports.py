"""What the package answers with: plain, typed, MSONable, no tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from monty.json import MSONable

from magnetite.errors import StructureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pymatgen.analysis.magnetism.analyzer import Ordering

    from magnetite.clusters import Cluster
    from magnetite.orderings.order import MagneticOrder
    from magnetite.prototypes.reports import PrototypeReport
    from magnetite.structures import Crystal, StructureLike

Taken = TypeVar("Taken", bound="Crystal | Cluster")
CLASSES = ("NM", "AFM", "FM")
"""Classes of magnetic order; FM includes ferrimagnets."""
EVEN = 0.5
SURE = 0.9
"""Share of FM among magnetic orders from which k = 0 is believed; less sure ones are too often measured as AFM."""
CLASS_NAMES = {"NM": "non-magnetic", "AFM": "antiferromagnetic", "FM": "ferro- or ferrimagnetic"}


@cache
def _ordering() -> type[Ordering]:
    """Pymatgen's enumeration; imported when first asked for, since it is slow to import."""
    from pymatgen.analysis.magnetism.analyzer import Ordering

    return Ordering


@dataclass(frozen=True)
class MagnetismReport(MSONable):
    """The predicted magnetism of one crystal, with how far to trust it.

    Attributes:
        formula: reduced formula; empty if the input could not be read.
        probabilities: of ``NM``, ``AFM`` and ``FM`` (FM or FiM), summing to 1; empty on error.
        zero_k_probability: probability that the propagation vector is zero if the crystal orders
            magnetically, so that the magnetic cell is the primitive chemical cell; None on error
            or if the model does not give it. Learned mostly from antiferromagnets, it says little of
            ferromagnets; `zero_k_if_ordered` allows for them.
        uncertainty: entropy of the class probabilities as a share of its maximum, from 0 (sure) to
            1 (no idea): how open the answer is, for whatever reason.
        mutual_information: how much the passes of the network disagree, in bits: high where more training data would
            change the answer; None on error or if the model does not give it.
        in_domain: whether elements, composition and geometry resemble the training data.
        warnings: what to know before using the prediction, in plain words.
        model: name and version of the model.
        site_moments: predicted |m| of each site of the input in μB, or None.
        source: where the structure came from (file, row), if known.
        error: why there is no prediction, or None.
        species: symbol of each site of the input; None in reports of older versions, which did not keep them.
    """

    formula: str
    probabilities: Mapping[str, float]
    zero_k_probability: float | None
    uncertainty: float
    in_domain: bool
    warnings: tuple[str, ...]
    model: str
    mutual_information: float | None = None
    site_moments: tuple[float, ...] | None = None
    source: str | None = None
    error: str | None = None
    species: tuple[str, ...] | None = None
    # What it was made from, bare: a crystal keeps its neighbour graph, of which thousands would fill the memory.
    _made_from: tuple[Any, ...] | None = field(default=None, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        # JSON has no tuples; restoring them here keeps as_dict and from_dict exact inverses.
        object.__setattr__(self, "warnings", tuple(self.warnings))
        object.__setattr__(self, "probabilities", dict(self.probabilities))
        for name in ("site_moments", "species"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))

    @classmethod
    def failed(cls, error: str, source: str | None, model: str) -> MagnetismReport:
        """The report of a structure that could not be predicted."""
        return cls("", {}, None, 1.0, in_domain=False, warnings=(), model=model, source=source, error=error)

    @property
    def label(self) -> str | None:
        """The most probable class, ``NM``, ``AFM`` or ``FM``; None on error."""
        return max(self.probabilities, key=lambda name: self.probabilities[name]) if self.probabilities else None

    @property
    def ordering(self) -> Ordering:
        """The most probable order as pymatgen's ``Ordering``; ``FM`` stands for FM or FiM."""
        return _ordering()[self.label] if self.label else _ordering().Unknown

    @property
    def is_magnetic(self) -> bool:
        """Whether the most probable class is a magnetic order (AFM, FM or FiM)."""
        return self.label not in {None, "NM"}

    @property
    def max_moment(self) -> float | None:
        """The largest of `site_moments` in μB; None on error or if the model does not give them."""
        return max(self.site_moments) if self.site_moments else None

    @property
    def needs_supercell(self) -> bool | None:
        """Whether the order probably needs a cell larger than the primitive chemical one, as only AFM does.

        None on error, and of an AFM if the model does not give `zero_k_probability`.
        """
        if self.label != "AFM":
            return None if self.error else False
        return None if self.zero_k_probability is None else self.zero_k_probability < EVEN

    @property
    def zero_k_if_ordered(self) -> float | None:
        """Probability of a zero propagation vector, to rank vectors by; None if the model does not give it.

        `zero_k_probability`, but of a sure ferro- or ferrimagnet P(FM) + P(AFM) · `zero_k_probability`, where P(FM)
        and P(AFM) are those of an order of any kind.
        """
        if self.zero_k_probability is None or self.label != "FM":
            return self.zero_k_probability
        share = self.probabilities["FM"] / (self.probabilities["AFM"] + self.probabilities["FM"])
        return share + (1 - share) * self.zero_k_probability if share >= SURE else self.zero_k_probability

    def remember(self, crystal: Crystal) -> MagnetismReport:
        """Keep the crystal that the report is of, for `initial_order`; it is neither compared nor serialised."""
        kept = (crystal.lattice, crystal.frac_coords, crystal.numbers, crystal.source)
        object.__setattr__(self, "_made_from", kept)
        return self

    def check_structure(self, structure: StructureLike) -> Crystal:
        """Check that the report is of a structure, site by site; where atoms are is left open, so it may be relaxed.

        Args:
            structure: what `analyze_magnetism` takes.

        Returns:
            The structure as a crystal.

        Raises:
            StructureError: the report is of an error, of other atoms or of the same ones in another order.
            ReadError: the file cannot be read.
        """
        from ase.data import chemical_symbols

        from magnetite.structures import as_crystal

        crystal = sample_of(self, structure, as_crystal)
        symbols = [chemical_symbols[number] for number in crystal.numbers]
        known = self.species or self.site_moments
        if known is not None and len(known) != len(symbols):
            raise StructureError(f"has {len(symbols)} sites, but the report is of {len(known)}", crystal.source)
        for place, (here, there) in enumerate(zip(symbols, self.species or symbols, strict=True)):
            if here != there:
                raise StructureError(
                    f"has its sites in another order than the report: {here} at index {place}, where the report "
                    f"has {there}; predict it as it is now",
                    crystal.source,
                )
        return crystal

    def initial_order(self, structure: StructureLike | None = None) -> MagneticOrder:
        """The most probable magnetic order of the most probable class, with its cell and moments.

        Worked out when asked for; `magnetite.propose_orders` gives the alternatives too.

        Args:
            structure: what the report is of; needed for reports that were read from a file or database.

        Raises:
            StructureError: the report is of an error, the structure is missing or another one, or no order of this
                class is possible on its magnetic sites.
        """
        from magnetite.orderings.initial import initial_order

        return initial_order(self, self._crystal(structure))

    def initial_magmoms(self, structure: StructureLike | None = None) -> tuple[Any, ...]:
        """Signed moments of the input's sites in μB, to start a calculation from.

        All zero for NM; for FM all up, or up and down by whole elements or orbits of sites where a ferrimagnet is
        more probable; for AFM up and down if the input's cell repeats the order. Cartesian vectors if the order is
        not collinear.

        Args:
            structure: what the report is of; needed for reports that were read from a file or database.

        Raises:
            StructureError: as `initial_order`, or the order needs a larger cell than the input's.
        """
        from magnetite.orderings.initial import initial_moments

        return tuple(initial_moments(self, self._crystal(structure)).tolist())

    def _crystal(self, structure: StructureLike | None) -> Crystal:
        from magnetite.structures import Crystal, as_crystal

        if structure is not None:
            return as_crystal(structure)
        if self._made_from is None:
            raise StructureError("the report does not hold its structure; give it", self.source)
        return Crystal(*self._made_from)

    def as_row(self) -> dict[str, Any]:
        """The report as one JSON-ready row, the format of ``magnetite predict --format jsonl``."""
        row: dict[str, Any] = {
            "path": self.source,
            "formula": self.formula,
            "ordering": self.label,
            "probabilities": dict(self.probabilities),
            "zero_k_probability": self.zero_k_probability,
            "uncertainty": self.uncertainty,
            "mutual_information": self.mutual_information,
            "in_domain": self.in_domain,
            "site_moments": None if self.site_moments is None else list(self.site_moments),
            "warnings": list(self.warnings),
            "model": self.model,
        }
        if self.error is not None:
            row["error"] = self.error
        return row

    def __str__(self) -> str:
        """A short table."""
        title = self.source or self.formula or "structure"
        if self.error is not None:
            return f"{title}\n  error          {self.error}"
        assert self.label is not None
        shares = "  ".join(f"{name} {self.probabilities[name]:.2f}" for name in CLASSES)
        lines = [
            f"{title}" + (f" ({self.formula})" if title != self.formula else ""),
            f"  order          {self.label}, {CLASS_NAMES[self.label]}   [{shares}]",
        ]
        if self.zero_k_probability is not None and self.label == "AFM":
            cell = "magnetic supercell likely" if self.needs_supercell else "magnetic cell = chemical cell likely"
            lines.append(f"  k = 0          {self.zero_k_probability:.2f}, {cell}")
        if self.max_moment is not None:
            lines.append(f"  largest |m|    {self.max_moment:.2f} μB")
        trained = "inside" if self.in_domain else "OUTSIDE"
        lines.append(f"  uncertainty    {self.uncertainty:.2f} of 1; {trained} the training domain")
        if self.mutual_information is not None:
            lines.append(f"  disagreement   {self.mutual_information:.3f} bits (mutual information)")
        lines += [f"  warning        {warning}" for warning in self.warnings]
        lines.append(f"  model          {self.model}")
        return "\n".join(lines)


def sample_of(report: MagnetismReport | PrototypeReport, structure: Any, take: Callable[[Any], Taken]) -> Taken:
    """A structure, as `take` has it, after a check that a report is of its formula.

    Raises:
        StructureError: the report is of an error or of another formula, or the structure cannot be used.
        ReadError: the file cannot be read.
    """
    if report.error is not None:
        raise StructureError(f"there is no prediction to go by ({report.error})", report.source)
    sample = take(structure)
    if report.formula != sample.reduced_formula:
        raise StructureError(f"is {sample.reduced_formula}, but the report is of {report.formula}", sample.source)
    return sample
