"""Reports of every order, and a stand-in for the model that gives them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pymatgen.core import Lattice, Structure

from magnetite.reports import MagnetismReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SHARES = {"NM": (0.8, 0.15, 0.05), "AFM": (0.1, 0.7, 0.2), "FM": (0.125, 0.25, 0.625)}


def make_report(label: str, moments: tuple[float, ...] | None, **changes: Any) -> MagnetismReport:
    nm, afm, fm = SHARES[label]
    fields: dict[str, Any] = {
        "formula": "NiO",
        "probabilities": {"NM": nm, "AFM": afm, "FM": fm},
        "zero_k_probability": 0.123456789012345,
        "uncertainty": 1 / 3,
        "mutual_information": 0.0123,
        "in_domain": False,
        "warnings": ('few "Ni", 100 % sure\nC:\\data μB', "and = [another]"),
        "model": "test 1.0",
        "site_moments": moments,
    }
    return MagnetismReport(**fields | changes)


@pytest.fixture
def nio() -> Structure:
    """As for all tests, but without looking for the space group, which takes longer than most tests here."""
    corners = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    centres = [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    return Structure(Lattice.cubic(4.177), ["Ni"] * 4 + ["O"] * 4, corners + centres)


@pytest.fixture
def rutile() -> Structure:
    u = 0.305
    anions = [[u, u, 0], [-u, -u, 0], [0.5 + u, 0.5 - u, 0.5], [0.5 - u, 0.5 + u, 0.5]]
    lattice = Lattice.tetragonal(4.8734, 3.3099)
    return Structure(lattice, ["Mn"] * 2 + ["F"] * 4, [[0, 0, 0], [0.5, 0.5, 0.5], *anions])


class Oracle:
    """Stands in for ``magnetite.api``: answers with a set report and counts the questions."""

    def __init__(self) -> None:
        self.report = make_report("NM", None)
        self.calls = 0

    def one(self, _structure: Any, **_: Any) -> MagnetismReport:
        self.calls += 1
        return self.report

    def many(self, structures: Iterable[Any], **_: Any) -> Iterator[MagnetismReport]:
        self.calls += 1
        return (self.report for _ in structures)


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Oracle:
    oracle = Oracle()
    monkeypatch.setattr("magnetite.api.analyze_magnetism", oracle.one)
    monkeypatch.setattr("magnetite.api.analyze_many", oracle.many)
    return oracle


@pytest.fixture
def report() -> Callable[..., MagnetismReport]:
    return make_report


@pytest.fixture
def in_new_process() -> Callable[[str], str]:
    """Run code in a fresh interpreter, where imports and registrations have not happened yet; gives its output."""

    def run(code: str) -> str:
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run
