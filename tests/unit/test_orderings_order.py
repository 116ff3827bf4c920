"""A magnetic order on its way to other programs, and the report that gives it."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
from monty.json import MontyDecoder
from pymatgen.analysis.magnetism.analyzer import CollinearMagneticStructureAnalyzer, Ordering
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import Incar, Poscar

import magnetite
from magnetite.cli import main
from magnetite.datasets.mcif import read_mcif
from magnetite.errors import StructureError
from magnetite.orderings import MagneticOrder, propose_orders
from magnetite.orderings.proposing import rank_orders
from magnetite.orderings.supercells import smallest_supercell
from magnetite.reports import MagnetismReport
from magnetite.structures import as_crystal

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "structures"
CHROMIA = EXAMPLES / "Cr2O3.cif"


def report_of(path: Path, label: str, moments: tuple[float, ...] | None = None, zero_k: float = 0.9) -> MagnetismReport:
    crystal = as_crystal(path)
    shares = {"NM": 0.1, "AFM": 0.1, "FM": 0.1} | {label: 0.8}
    report = MagnetismReport(
        crystal.reduced_formula, shares, zero_k, 0.5, in_domain=True, warnings=(), model="test 1.0",
        site_moments=moments,
    )  # fmt: skip
    return report.remember(crystal)


@pytest.fixture
def order() -> MagneticOrder:
    """Up and down in an oblique cell."""
    crystal = as_crystal(CHROMIA)
    sizes = np.where(crystal.numbers == 24, 2.9, 0.0)
    return rank_orders(crystal, sizes, {"AFM": 1.0}, 1.0)[0]


def test_it_survives_json_and_pickle(order: MagneticOrder) -> None:
    for again in (
        MagneticOrder.from_dict(json.loads(json.dumps(order.as_dict()))),
        MontyDecoder().decode(order.to_json()),
        pickle.loads(pickle.dumps(order)),
    ):
        assert again == order
        assert hash(again) == hash(order)


def test_pymatgen_sees_an_antiferromagnet(order: MagneticOrder) -> None:
    structure = order.to_structure()
    assert structure.site_properties["magmom"] == list(order.moments)
    assert CollinearMagneticStructureAnalyzer(structure).ordering is Ordering.AFM


def test_ase_has_initial_moments(order: MagneticOrder, tmp_path: Path) -> None:
    atoms = order.to_atoms()
    assert atoms.get_initial_magnetic_moments().tolist() == list(order.moments)
    assert np.allclose(atoms.get_scaled_positions(), order.frac_coords)
    order.write(tmp_path / "a.extxyz")
    again = ase.io.read(tmp_path / "a.extxyz")
    assert again.get_initial_magnetic_moments().tolist() == list(order.moments)


def test_vasp_reads_its_line_in_the_order_of_the_poscar(order: MagneticOrder, tmp_path: Path) -> None:
    line = order.vasp_magmom()
    assert line.startswith("MAGMOM = 2.9 ")
    assert line.endswith(" 6*0")
    assert Incar.from_str(line)["MAGMOM"] == pytest.approx(order.moments)
    order.write(tmp_path / "POSCAR", "vasp")
    poscar = Poscar.from_file(tmp_path / "POSCAR")
    assert poscar.comment == line
    assert [site.specie.symbol for site in poscar.structure] == list(order.species)
    assert np.allclose(poscar.structure.frac_coords, order.frac_coords)


def test_what_is_nearly_nothing_is_zero(order: MagneticOrder) -> None:
    assert replace(order, moments=[-4e-4] * len(order)).vasp_magmom() == f"MAGMOM = {len(order)}*0"


@pytest.mark.parametrize("ending", ["VASP", "vasp"])
def test_the_ending_says_the_format_in_either_case(ending: str, order: MagneticOrder, tmp_path: Path) -> None:
    assert order.write(tmp_path / f"a.{ending}").read_text().startswith("MAGMOM")


def test_mcif_is_read_back_by_our_own_reader(order: MagneticOrder, tmp_path: Path) -> None:
    found = read_mcif(order.write(tmp_path / "a.mcif"))
    assert found.order == "AFM"
    assert found.crystal.reduced_formula == "Cr2O3"
    along = np.linalg.svd(found.moments)[2][0]
    back = found.moments @ along
    assert abs(back * np.sign(back[0])) == pytest.approx(np.abs(order.moments), abs=1e-3)
    assert np.sign(back * back[0])[:4] == pytest.approx(np.sign(order.moments[:4]))


def test_vectors_survive_too(tmp_path: Path) -> None:
    crystal = as_crystal(EXAMPLES / "MnTe.vasp")
    found = rank_orders(crystal, np.array([4.0, 4, 0, 0]), {"AFM": 1.0}, 0.0, limit=20, noncollinear=True)
    order = next(o for o in found if not o.collinear)
    assert MagneticOrder.from_dict(order.as_dict()) == order
    assert np.array(order.to_structure().site_properties["magmom"]) == pytest.approx(np.array(order.moments))
    assert order.to_atoms().get_initial_magnetic_moments().shape == (len(order), 3)
    back = read_mcif(order.write(tmp_path / "a.mcif")).moments
    expected = np.array(order.moments)
    assert back @ back.T == pytest.approx(expected @ expected.T, abs=0.02), "angles between moments are kept"


def test_bad_orders_and_formats_are_refused(order: MagneticOrder, tmp_path: Path) -> None:
    content = order.as_dict()
    with pytest.raises(StructureError, match="'XY'; there are FM"):
        MagneticOrder.from_dict(content | {"kind": "XY"})
    with pytest.raises(StructureError, match=r"moments of shape \(3,\)"):
        MagneticOrder.from_dict(content | {"moments": [1, 2, 3]})
    with pytest.raises(StructureError, match="cannot write 'png'"):
        order.write(tmp_path / "a.png", "png")


@pytest.mark.parametrize("k", [(1, 0, 0, 2), (1, 1, 1, 2), (0, 1, 2, 4), (1, 1, 0, 3), (1, 2, 3, 6)])
def test_supercells_are_the_smallest_and_hold_whole_waves(k: tuple[int, ...]) -> None:
    from fractions import Fraction

    wave = tuple(Fraction(n, k[3]) for n in k[:3])
    lattice = np.array([[3.0, 0.1, 0], [0.4, 4, 0], [1, 1, 7]])
    cell = smallest_supercell(wave, lattice)  # type: ignore[arg-type]
    assert round(np.linalg.det(cell)) == np.lcm.reduce([component.denominator for component in wave])
    assert np.allclose(cell @ np.array(wave, dtype=float) % 1, 0)


def test_report_nm_and_fm() -> None:
    assert report_of(CHROMIA, "NM").initial_magmoms() == (0.0,) * 10
    assert report_of(CHROMIA, "NM").initial_order().kind == "NM"
    found = report_of(CHROMIA, "FM", (2.8,) * 4 + (0.1,) * 6).initial_magmoms()
    assert found == (2.8,) * 4 + (0.0,) * 6


def test_report_afm_in_the_given_cell() -> None:
    found = np.array(report_of(CHROMIA, "AFM", (2.8,) * 4 + (0.1,) * 6).initial_magmoms())
    assert abs(found).tolist() == [2.8] * 4 + [0] * 6
    assert found.sum() == 0


def test_report_afm_that_needs_more_room() -> None:
    report = report_of(EXAMPLES / "NiO.cif", "AFM", (1.6, 0.1), 0.2)
    with pytest.raises(StructureError, match=r"NiO\.cif: .*needs a larger cell.*initial_order\(\).*propose_orders"):
        report.initial_magmoms()
    order = report.initial_order()
    assert len(order) == 4
    assert sorted(order.moments) == [-1.6, 0, 0, 1.6]


def test_report_needs_its_structure_after_json() -> None:
    report = report_of(CHROMIA, "FM")
    again = MagnetismReport.from_dict(json.loads(json.dumps(report.as_dict())))
    assert again == report
    assert "_made_from" not in report.as_dict()
    with pytest.raises(StructureError, match="does not hold its structure"):
        again.initial_magmoms()
    assert again.initial_magmoms(CHROMIA) == report.initial_magmoms()
    with pytest.raises(StructureError, match="the report is of Cr2O3"):
        again.initial_magmoms(EXAMPLES / "Fe.cif")


def test_moments_go_to_the_sites_they_were_predicted_for(rutile: Structure) -> None:
    """Sorting puts Mn where F was; a report that was stored is held to the sites it was of."""
    ligands_first = Structure.from_sites([*rutile[2:], *rutile[:2]])
    report = magnetite.analyze_magnetism(ligands_first, device="cpu")
    again = MagnetismReport.from_dict(json.loads(report.to_json()))
    assert again.species == ("F",) * 4 + ("Mn",) * 2
    ligands_first.apply_strain(0.01)
    assert np.flatnonzero(again.initial_magmoms(ligands_first)).tolist() == [4, 5]
    resorted = ligands_first.get_sorted_structure()
    for ask in (again.initial_magmoms, again.initial_order, partial(propose_orders, report=again)):
        with pytest.raises(StructureError, match=r"another order than the report: Mn at index 0, where .* has F"):
            ask(resorted)
    with pytest.raises(StructureError, match="is NiO, but the report is of MnF2"):
        propose_orders(EXAMPLES / "NiO.cif", again)


def test_reports_of_older_versions_still_load(rutile: Structure) -> None:
    """They name no species: formula and number of sites are all that can be compared."""
    report = magnetite.analyze_magnetism(rutile, device="cpu")
    older = report.as_dict()
    del older["species"]
    again = MagnetismReport.from_dict(older)
    assert again.species is None
    assert again.initial_magmoms(rutile) == report.initial_magmoms()
    with pytest.raises(StructureError, match="has 12 sites, but the report is of 6"):
        again.initial_magmoms(rutile * (1, 1, 2))


def test_report_of_an_error_has_none() -> None:
    failed = MagnetismReport.failed("no atoms", "x.cif", "test 1.0")
    with pytest.raises(StructureError, match="no prediction to go by"):
        failed.initial_magmoms(CHROMIA)
    with pytest.raises(StructureError, match="no prediction to go by"):
        propose_orders(CHROMIA, failed)


def test_one_site_cannot_be_compensated_without_a_wave() -> None:
    """Nothing but k = 0 is known of a site without neighbours."""
    lonely = Structure(Lattice.cubic(12), ["Mn"], [[0, 0, 0]])
    report = MagnetismReport("Mn", {"NM": 0, "AFM": 1, "FM": 0}, 1.0, 0, in_domain=True, warnings=(), model="t")
    with pytest.raises(StructureError, match="no AFM pattern is known"):
        report.initial_order(lonely)
    (only,) = magnetite.rank_wave_vectors(lonely, 0.5, device="cpu")
    assert only.probability == 1


def test_the_model_gives_reports_that_know_their_crystal() -> None:
    report = magnetite.analyze_magnetism(EXAMPLES / "MnF2.cif", device="cpu")
    orders = propose_orders(EXAMPLES / "MnF2.cif", report, limit=3)
    assert 1 < len(orders) <= 3
    order = report.initial_order()
    assert order.kind in {"AFM": {"AFM"}, "FM": {"FM", "FiM"}, "NM": {"NM"}}[str(report.label)]
    assert report.initial_order(EXAMPLES / "MnF2.cif") == order


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "orders"
    args: list[Any] = ["moments", EXAMPLES / "MnF2.cif", "--limit", 2, "--out", out, "--format", "vasp"]
    assert main([str(arg) for arg in [*args, "--device", "cpu"]]) == 0
    text = capsys.readouterr().out
    assert text.count("MAGMOM = ") == 2
    files = sorted(out.iterdir())
    assert len(files) == 2
    for rank, file in enumerate(files, start=1):
        assert file.name.startswith(f"MnF2-{rank}-")
        assert file.read_text().splitlines()[0] in text
    assert main(["moments", str(tmp_path / "none.cif")]) == 2
    assert "no such file" in capsys.readouterr().err
    oxide = ["moments", str(EXAMPLES / "NiO.cif"), "--device", "cpu"]
    assert main([*oxide, "--model", "propagation"]) == 2
    assert "not of magnetic order" in capsys.readouterr().err
    for more, spirals in (([], False), (["--noncollinear"], True)):
        assert main([*oxide, "--limit", "50", *more]) == 0
        assert ("not collinear" in capsys.readouterr().out) is spirals
