"""Many structures: in order, streamed, batched, with bad rows in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
import torch
from pymatgen.core import Lattice, Structure

import magnetite
from magnetite import pipeline, runtime
from magnetite.errors import DeviceError, MagnetiteError, ReadError, StructureError
from magnetite.orderings.proposing import rank_orders
from magnetite.reports import CLASSES, MagnetismReport
from magnetite.structures import as_crystal
from magnetite.zoo.model import ZooModel

STRUCTURES = Path(__file__).resolve().parents[2] / "examples" / "structures"


@pytest.fixture
def mixed(nio: Structure, rutile: Structure, corundum: Structure) -> list[Structure]:
    return [nio, rutile, corundum, rutile, nio] * 4


def test_order_is_kept_and_batching_changes_nothing(mixed: list[Structure], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(magnetite.analyze_many(mixed, device="cpu"))
    assert [r.formula for r in whole] == [s.reduced_formula for s in mixed]
    monkeypatch.setitem(runtime.EDGES_PER_BATCH, "cpu", 1)
    for one, other in zip(magnetite.analyze_many(mixed, device="cpu"), whole, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)


@pytest.mark.parametrize("on_error", ["raise", "report"])
def test_answers_before_an_error_of_the_iterable_are_given(mixed: list[Structure], on_error: pipeline.OnError) -> None:
    def stream() -> Iterator[Structure]:
        yield from mixed[:3]
        raise LookupError("the database is gone")

    answers = magnetite.analyze_many(stream(), device="cpu", on_error=on_error)
    assert [next(answers).formula for _ in range(3)] == [s.reduced_formula for s in mixed[:3]]
    with pytest.raises(LookupError, match="the database is gone"):
        next(answers)


def test_a_bad_row_raises_with_its_place(mixed: list[Structure]) -> None:
    bad = Structure(Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
    with pytest.raises(StructureError, match="structure 3: has partly occupied sites"):
        list(magnetite.analyze_many([*mixed[:3], bad], device="cpu"))


def test_what_comes_before_a_bad_row_is_answered(mixed: list[Structure]) -> None:
    reports = magnetite.analyze_many([*mixed[:3], 5], device="cpu")
    assert [next(reports).formula for _ in range(3)] == [s.reduced_formula for s in mixed[:3]]
    with pytest.raises(MagnetiteError, match="structure 3"):
        next(reports)


def test_bad_rows_become_reports_in_their_place(mixed: list[Structure]) -> None:
    rows = [*mixed[:2], {"lattice": 1}, *mixed[2:4], "no such file.cif"]
    reports = list(magnetite.analyze_many(rows, device="cpu", on_error="report"))
    assert [r.error is not None for r in reports] == [False, False, True, False, False, True]
    assert "no such file" in reports[5].error
    assert reports[5].source == "no such file.cif"
    assert [r.formula for r in reports if r.error is None] == ["NiO", "MnF2", "Cr2O3", "MnF2"]


def test_errors_given_in_place_of_structures(nio: Structure) -> None:
    reports = list(pipeline.run(magnetite.load(device="cpu"), [ReadError("why", "x"), nio], on_error="report"))
    assert (reports[0].error, reports[0].source, reports[1].formula) == ("why", "x", "NiO")


def test_the_stream_is_not_read_ahead_without_bound(nio: Structure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "MAX_WAITING", 5)
    taken = 0

    def endless() -> Iterator[Structure]:
        nonlocal taken
        while True:
            taken += 1
            yield nio

    reports = magnetite.analyze_many(endless(), device="cpu")
    for _ in range(20):
        next(reports)
    assert taken <= 26


class Scales(ZooModel[int, int]):
    """Answers with what it is given, as long as a batch weighs no more than fits into memory."""

    family = "scales"
    edges_per_batch: ClassVar[dict[str, int]] = {"cpu": 10}
    memory = 100

    def __init__(self) -> None:
        super().__init__(None, torch.device("cpu"))  # type: ignore[arg-type]

    @classmethod
    def from_weights(cls, *_: Any) -> Self:
        return cls()

    def take(self, structure: Any) -> Any:
        if structure < 0:
            raise StructureError("weighs nothing")
        return structure

    def prepare(self, crystal: int) -> int:
        return crystal

    def cost(self, prepared: int) -> int:
        return prepared

    def predict(self, batch: Sequence[int]) -> list[int]:
        if sum(batch) > self.memory:
            raise torch.OutOfMemoryError
        return list(batch)

    def failure(self, error: str, source: str | None) -> int:  # noqa: ARG002
        return -1


def test_batches_are_cut_before_they_are_too_large() -> None:
    weights = [4, 6, 1, 12, 3, -1, -1, -1, 7, 1]
    batches = pipeline.run_batches(Scales(), weights, on_error="report")
    assert list(batches) == [[4, 6], [1], [12], [3, -1, -1, -1, 7], [1]]


def test_a_batch_too_large_for_the_memory_is_halved_and_stays_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scales, "memory", 5)
    assert list(pipeline.run(Scales(), [1, 2, 3, 4])) == [1, 2, 3, 4]
    with pytest.raises(DeviceError, match="too small for this crystal"):
        list(pipeline.run(Scales(), [1, 6]))


def test_one_structure_is_not_taken_apart(nio: Structure) -> None:
    for one in (nio, nio.to_ase_atoms(), nio.as_dict(), "NiO.cif", Path("NiO.cif"), as_crystal(nio)):
        with pytest.raises(MagnetiteError, match="put it into a list"):
            next(magnetite.analyze_many(one, on_error="report"))
    bad = list(magnetite.analyze_many([nio[0]], on_error="report"))  # a site has no structure, and says so in its place
    assert "cannot take a PeriodicSite" in bad[0].error


@pytest.mark.parametrize("wrong", ["ignore", "Raise", None])
def test_errors_are_raised_or_reported_and_nothing_else(wrong: str | None) -> None:
    for many in (magnetite.analyze_many, magnetite.classify_many):
        with pytest.raises(MagnetiteError, match=f"on_error is 'raise' or 'report', not {wrong!r}"):
            list(many([None], device="cpu", on_error=wrong))


def test_a_negative_number_of_orders_is_refused_before_the_prediction(nio: Structure) -> None:
    for structure in (nio, "no such file.cif"):
        with pytest.raises(MagnetiteError, match="limit is a number of orders, not -1"):
            magnetite.propose_orders(structure, limit=-1)
    with pytest.raises(MagnetiteError, match="not -1"):
        rank_orders(as_crystal(nio), np.zeros(len(nio)), limit=-1)


def test_nothing_in_nothing_out() -> None:
    assert list(magnetite.analyze_many([], device="cpu")) == []


def test_ferromagnets_need_no_supercell(nio: Structure) -> None:
    """Fe: how probable k = 0 is was learned from antiferromagnets, and is low for it."""
    iron, oxide = (magnetite.analyze_magnetism(s, device="cpu") for s in (STRUCTURES / "Fe.cif", nio))
    assert iron.label == "FM"
    assert iron.zero_k_probability < 0.5
    assert iron.needs_supercell is False
    assert "supercell" not in str(iron)
    assert iron.zero_k_if_ordered > 0.9
    assert oxide.label == "AFM"
    assert oxide.needs_supercell is True
    assert "magnetic supercell likely" in str(oxide)
    assert oxide.zero_k_if_ordered == oxide.zero_k_probability


def test_whether_a_supercell_is_needed_may_be_unknown(nio: Structure) -> None:
    oxide = magnetite.analyze_magnetism(nio, device="cpu")
    assert replace(oxide, zero_k_probability=None).needs_supercell is None


@pytest.mark.parametrize(
    ("shares", "expected"),
    [((0.45, 0.05, 0.5), (0.5 + 0.05 * 0.3) / 0.55), ((0.0, 0.2, 0.8), 0.3), ((0.2, 0.7, 0.1), 0.3)],
)
def test_a_zero_vector_is_believed_of_sure_ferromagnets(shares: tuple[float, ...], expected: float) -> None:
    """However probable it is that nothing orders."""
    probabilities = dict(zip(CLASSES, shares, strict=True))
    report = MagnetismReport("Fe", probabilities, 0.3, 0.5, in_domain=True, warnings=(), model="m 1")
    assert report.zero_k_if_ordered == pytest.approx(expected)


def test_report_round_trip_and_text(nio: Structure) -> None:
    report = magnetite.analyze_magnetism(nio, device="cpu")
    assert MagnetismReport.from_dict(report.as_dict()) == report
    assert sum(report.probabilities.values()) == pytest.approx(1)
    assert len(report.site_moments) == len(nio)
    assert 0 <= report.uncertainty <= 1
    for word in ("NiO", "order", "uncertainty", "magnetism 0"):
        assert word in str(report)
    failed = MagnetismReport.failed("why", "here", "m 1")
    assert MagnetismReport.from_dict(failed.as_dict()) == failed
    assert failed.ordering.name == "Unknown"
    assert not failed.is_magnetic
    assert failed.needs_supercell is None
    assert "why" in str(failed)
