"""The method on pymatgen's structures: there after the import, gone on request, polite to others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pymatgen.core import IStructure, Structure

import magnetite

Run = Callable[[str], str]


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    yield
    magnetite.enable()


def test_import_puts_the_method_on_both_kinds_without_torch(in_new_process: Run) -> None:
    out = in_new_process("""
import sys
from pymatgen.core import IStructure, Structure
assert not hasattr(IStructure, "analyze_magnetism")
import magnetite
assert callable(IStructure.analyze_magnetism) and callable(Structure.analyze_magnetism)
assert "torch" not in sys.modules, "import magnetite must not import torch"
print("fine")
""")
    assert out == "fine\n"


def test_the_add_on_leaves_pymatgens_namespaces_whole(in_new_process: Run) -> None:
    out = in_new_process("""
import sys
from pymatgen.analysis.magnetic_order import MagneticOrderPredictor
import pymatgen, pymatgen.analysis
assert "torch" not in sys.modules
assert not hasattr(pymatgen, "__file__") or pymatgen.__file__ is None, "pymatgen must stay a namespace"
assert pymatgen.analysis.__file__ is None
from pymatgen.core import Structure
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.analysis.magnetism import CollinearMagneticStructureAnalyzer
import magnetite_pymatgen
assert MagneticOrderPredictor is magnetite_pymatgen.MagneticOrderPredictor
assert callable(Structure.analyze_magnetism)
print("fine")
""")
    assert out == "fine\n"


def test_the_method_is_the_function(nio: Structure) -> None:
    expected = magnetite.analyze_magnetism(nio, device="cpu")
    assert nio.analyze_magnetism(device="cpu") == expected
    assert IStructure.from_sites(list(nio)).analyze_magnetism(device="cpu") == expected


def test_disable_and_enable_are_idempotent() -> None:
    magnetite.disable()
    magnetite.disable()
    assert not hasattr(Structure, "analyze_magnetism")
    magnetite.enable()
    first = IStructure.analyze_magnetism
    magnetite.enable()
    assert IStructure.analyze_magnetism is first
    assert "analyze_magnetism" not in vars(Structure)


def test_another_packages_method_is_left_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def theirs(_self: IStructure) -> str:
        return "theirs"

    magnetite.disable()
    monkeypatch.setattr(IStructure, "analyze_magnetism", theirs, raising=False)
    with pytest.warns(RuntimeWarning, match="already has 'analyze_magnetism'"):
        magnetite.enable()
    magnetite.disable()
    assert IStructure.analyze_magnetism is theirs
    monkeypatch.undo()
    assert not hasattr(IStructure, "analyze_magnetism")
