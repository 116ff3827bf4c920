"""The predictor in the style of pymatgen's analyzer."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import numpy as np
import pytest
from monty.json import MontyDecoder
from pymatgen.analysis.magnetism.analyzer import CollinearMagneticStructureAnalyzer, Ordering
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from pymatgen.symmetry.structure import SymmetrizedStructure

import magnetite
from magnetite.errors import MagnetiteError, StructureError
from magnetite.reports import MagnetismReport
from magnetite_pymatgen import MagneticOrderPredictor

Make = Callable[..., MagnetismReport]
MAGNITUDE = "predicted_magmom_magnitude"
MOMENTS = (1.5, 1.5, 1.5, 1.5001, 0.05, 0.05, 0.05, 0.05)


@pytest.mark.parametrize("label", ["NM", "AFM", "FM"])
def test_it_answers_what_the_report_says(label: str, nio: Structure, report: Make) -> None:
    given = report(label, MOMENTS)
    predictor = MagneticOrderPredictor(nio, report=given)
    assert predictor.ordering is Ordering[label]
    assert predictor.is_magnetic == (label != "NM")
    assert predictor.probabilities == given.probabilities
    assert predictor.zero_k_probability == given.zero_k_probability
    assert predictor.magmom_magnitudes == pytest.approx(MOMENTS)
    assert str(predictor) == str(given)
    if label == "NM":
        assert predictor.number_of_magnetic_sites == 0
        assert predictor.types_of_magnetic_species == ()
        assert predictor.magnetic_species_and_magmoms == {}
    else:
        assert predictor.number_of_magnetic_sites == 4
        assert [str(s) for s in predictor.types_of_magnetic_species] == ["Ni"]
        assert predictor.magnetic_species_and_magmoms == {"Ni": 1.5}


def test_the_threshold_counts_sites(nio: Structure, report: Make) -> None:
    assert MagneticOrderPredictor(nio, threshold=1.1, report=report("FM", (1.0, 2.0) * 4)).number_of_magnetic_sites == 4
    predictor = MagneticOrderPredictor(nio, threshold=1.0, report=report("FM", (1.0, 2.0) * 4))
    assert predictor.number_of_magnetic_sites == 8
    assert predictor.magnetic_species_and_magmoms == {"Ni": [1.0, 2.0], "O": [1.0, 2.0]}


@pytest.mark.parametrize("threshold", ["0.1", None, -1.0, float("nan")])
def test_a_threshold_is_a_length(nio: Structure, report: Make, threshold: object) -> None:
    with pytest.raises(MagnetiteError, match="threshold is in μB and not below 0"):
        MagneticOrderPredictor(nio, threshold=threshold, report=report("FM", (1.0, 2.0)))


def test_without_moments_it_does_not_pretend(nio: Structure, report: Make) -> None:
    predictor = MagneticOrderPredictor(nio, report=report("FM", None))
    assert predictor.magmom_magnitudes is None
    assert predictor.number_of_magnetic_sites is None
    assert predictor.types_of_magnetic_species is None
    assert predictor.magnetic_species_and_magmoms is None
    assert MAGNITUDE not in predictor.get_decorated_structure().site_properties


@pytest.mark.parametrize("label", ["NM", "AFM", "FM"])
def test_decoration_adds_no_signs_and_keeps_what_was_there(label: str, nio: Structure, report: Make) -> None:
    nio.add_site_property("magmom", [3.0, -3.0, 3.0, -3.0, 0.0, 0.0, 0.0, 0.0])
    nio.properties["mine"] = 1
    given = report(label, MOMENTS)
    decorated = MagneticOrderPredictor(nio, report=given).get_decorated_structure()
    assert decorated.site_properties["magmom"] == nio.site_properties["magmom"]
    assert decorated.site_properties[MAGNITUDE] == list(MOMENTS)
    assert decorated.properties["mine"] == 1
    assert MagnetismReport.from_dict(decorated.properties["magnetite_report"]) == given
    assert set(nio.properties) == {"mine"}
    assert set(nio.site_properties) == {"magmom"}
    again = Structure.from_str(decorated.to(fmt="json"), fmt="json")
    assert MagnetismReport.from_dict(again.properties["magnetite_report"]) == given
    assert again.site_properties == decorated.site_properties


def test_structures_with_their_symmetry_are_decorated_too(rutile: Structure, report: Make) -> None:
    symmetrized = SpacegroupAnalyzer(rutile).get_symmetrized_structure()
    predictor = MagneticOrderPredictor(symmetrized, report=report("FM", (1.0,) * 6, formula="MnF2"))
    decorated = predictor.get_decorated_structure()
    assert isinstance(decorated, SymmetrizedStructure)
    assert decorated.site_properties == {MAGNITUDE: [1.0] * 6}
    assert not predictor.structure.site_properties
    assert not symmetrized.site_properties


def test_decoration_invents_no_order_for_pymatgens_analyzer(nio: Structure, report: Make) -> None:
    decorated = MagneticOrderPredictor(nio, report=report("FM", MOMENTS)).get_decorated_structure()
    assert not CollinearMagneticStructureAnalyzer(decorated).is_magnetic


def test_prediction_is_the_function_and_ignores_moments(rutile: Structure) -> None:
    expected = magnetite.analyze_magnetism(rutile, device="cpu")
    assert MagneticOrderPredictor(rutile, device="cpu").report == expected
    rutile.add_site_property("magmom", [5.0, -5.0, 0, 0, 0, 0])
    assert MagneticOrderPredictor(rutile, device="cpu").report == expected
    spins = Structure(rutile.lattice, ["Mn2+,spin=5", "Mn2+,spin=-5", *["F-"] * 4], rutile.frac_coords)
    assert MagneticOrderPredictor(spins, device="cpu").report == expected


def test_later_changes_to_the_input_do_not_reach_it(rutile: Structure, report: Make) -> None:
    predictor = MagneticOrderPredictor(rutile, report=report("FM", (1.0,) * 6, formula="MnF2"))
    rutile.remove_sites([0])
    assert len(predictor.structure) == 6


def test_json_round_trip_predicts_nothing_anew(rutile: Structure, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = MagneticOrderPredictor(rutile, device="cpu", threshold=0.2)
    text = json.dumps(predictor.as_dict())
    monkeypatch.delattr("magnetite.api.analyze_magnetism")
    for again in (MagneticOrderPredictor.from_dict(json.loads(text)), MontyDecoder().decode(predictor.to_json())):
        assert isinstance(again, MagneticOrderPredictor)
        assert again.report == predictor.report
        assert (again.model, again.device, again.threshold) == (predictor.model, "cpu", 0.2)
        assert np.allclose(again.structure.frac_coords, rutile.frac_coords)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")
def test_a_pool_of_forks_does_not_wait_for_threads_that_it_has_not(in_new_process: Callable[[str], str]) -> None:
    out = in_new_process("""
import multiprocessing, os, signal, torch
from pymatgen.analysis.magnetic_order import MagneticOrderPredictor
from pymatgen.core import Lattice, Structure
signal.alarm(40)  # a hang is a failure, of this process and of its forks
os.register_at_fork(after_in_child=lambda: signal.alarm(30))
torch.set_num_threads(2)
iron = Structure(Lattice.cubic(2.866), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
expected = MagneticOrderPredictor(iron, device="cpu")
with multiprocessing.get_context("fork").Pool(2) as pool:
    found = pool.map(MagneticOrderPredictor, [iron] * 3)
print({predictor.ordering for predictor in found} == {expected.ordering})
""")
    assert out == "True\n"


def test_disorder_is_refused() -> None:
    with pytest.raises(StructureError, match="partly occupied"):
        MagneticOrderPredictor(Structure(Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]]))


def test_a_report_of_another_crystal_is_refused(nio: Structure, rutile: Structure, report: Make) -> None:
    with pytest.raises(StructureError, match="is MnF2, but the report is of NiO"):
        MagneticOrderPredictor(rutile, report=report("FM", None))
    with pytest.raises(StructureError, match="has 8 sites, but the report is of 2"):
        MagneticOrderPredictor(nio, report=report("FM", None, species=("Ni", "O")))
    with pytest.raises(StructureError, match="no prediction to go by"):
        MagneticOrderPredictor(nio, report=MagnetismReport.failed("is empty", None, "test 1.0"))


def test_initial_moments_and_magnetic_structure(rutile: Structure, report: Make) -> None:
    given = report("AFM", (4.5, 4.5, 0.1, 0.1, 0.1, 0.1), formula="MnF2", zero_k_probability=1.0)
    predictor = MagneticOrderPredictor(rutile, report=given)
    assert predictor.get_initial_moments().tolist() == [4.5, -4.5, 0, 0, 0, 0]
    magnetic = predictor.get_magnetic_structure()
    assert CollinearMagneticStructureAnalyzer(magnetic).ordering is Ordering.AFM
    assert MAGNITUDE not in magnetic.site_properties
    assert [order.kind for order in predictor.get_proposed_orders(limit=2)] == ["AFM", "FM"]
    assert "magmom" not in predictor.structure.site_properties


def test_an_order_that_needs_more_room_is_given_in_a_larger_cell(nio: Structure, report: Make) -> None:
    predictor = MagneticOrderPredictor(nio, report=report("AFM", (1.6,) * 4 + (0.0,) * 4, zero_k_probability=0.0))
    with pytest.raises(StructureError, match="needs a larger cell"):
        predictor.get_initial_moments()
    magnetic = predictor.get_magnetic_structure()
    assert len(magnetic) > len(nio)
    assert sum(magnetic.site_properties["magmom"]) == pytest.approx(0)
