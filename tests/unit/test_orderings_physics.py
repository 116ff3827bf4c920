"""The orders that textbooks know are among the first proposed, in cells that carry them, whatever the input's cell."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from magnetite.errors import StructureError
from magnetite.orderings import MagneticOrder
from magnetite.orderings.candidates import couplings_at, rank_candidates
from magnetite.orderings.couplings import energies, weights
from magnetite.orderings.moments import default_moment, site_magnitudes
from magnetite.orderings.patterns import _descend
from magnetite.orderings.proposing import UNIFORM, rank_orders, wave_vectors
from magnetite.orderings.sublattice import MagneticSublattice
from magnetite.orderings.supercells import magnetic_order
from magnetite.structures import Crystal, as_crystal

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "structures"


def propose(structure: Structure | Path, **options: object) -> list[MagneticOrder]:
    crystal = as_crystal(structure)
    return rank_orders(crystal, site_magnitudes(crystal), **options)


def best(orders: list[MagneticOrder], kind: str = "AFM") -> MagneticOrder:
    return next(order for order in orders if order.kind == kind)


def bonds(order: MagneticOrder, element: str, reach: float) -> NDArray[np.float64]:
    """Products of the signs of neighbours of one element up to a distance in Å."""
    structure = order.to_structure()
    first, second, _, _ = structure.get_neighbor_list(reach)
    kept = [
        structure[i].specie.symbol == structure[j].specie.symbol == element for i, j in zip(first, second, strict=True)
    ]
    signs = np.sign(order.moments)
    return (signs[first] * signs[second])[kept]


def test_nio_is_of_type_two() -> None:
    order = best(propose(EXAMPLES / "NiO.cif"))
    assert len(order) == 4
    assert abs(round(np.linalg.det(np.array(order.transformation)))) == 2
    # straight bridges (Ni–Ni 4.177 Å) all antiparallel; of the twelve nearest neighbours six are parallel
    nearest = bonds(order, "Ni", 3.0)
    assert nearest.mean() == 0
    further = bonds(order, "Ni", 4.2)
    assert further.sum() == -6 * 2
    assert order.net_moment == 0


def test_nio_in_the_conventional_cell_has_half_half_half(nio: Structure) -> None:
    order = best(propose(nio))
    assert {component.lstrip("-") for component in order.wave_vector_input} == {"1/2"}
    assert bonds(order, "Ni", 4.2).sum() == -6 * np.count_nonzero(order.moments)


def test_chromium_is_antiparallel_to_its_nearest_neighbours_where_the_pair_holds_the_wave() -> None:
    crystal = as_crystal(Structure(Lattice.cubic(2.88), ["Cr", "Cr"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    sublattice = MagneticSublattice.of(crystal, site_magnitudes(crystal))
    given = np.linalg.solve(np.rint(crystal.lattice @ np.linalg.inv(sublattice.crystal.lattice)), [1, 0, 0])
    first, second, third = (Fraction(component).limit_denominator(4) for component in given)
    (candidate,) = [
        c for c in rank_candidates(sublattice, {"AFM": 1.0}, [((first, second, third), 1.0)]) if c.kind == "AFM"
    ]
    order = magnetic_order(crystal, sublattice, candidate)
    assert order.wave_vector_input == ("1", "0", "0")
    assert order.fits_input
    assert order.moments == (default_moment(24), -default_moment(24))
    assert (bonds(order, "Cr", 2.6) == -1).all()


@pytest.mark.parametrize("name", ["MnF2.cif", "MnTe.vasp"])
def test_two_sites_one_up_one_down(name: str) -> None:
    order = best(propose(EXAMPLES / name))
    assert order.fits_input
    assert order.wave_vector == order.wave_vector_input == ("0", "0", "0")
    assert np.sign(order.moments).tolist()[:2] == [1, -1]
    assert not np.any(order.moments[2:])


def test_chromia_has_three_patterns_and_its_own_is_one() -> None:
    """Antiparallel across the shared face (2.65 Å) and the shared edge (2.89 Å)."""
    found = [order for order in propose(EXAMPLES / "Cr2O3.cif") if order.kind == "AFM" and order.fits_input]
    assert len(found) == 3, "four sites of one orbit have three compensated patterns, all distinct"
    assert [bool((bonds(order, "Cr", 2.95) == -1).all()) for order in found].count(True) == 1


def test_haematite_before_all_others() -> None:
    """Antiparallel through the bent bridges to the sites that share a corner, parallel across the shared edge."""
    order = next(o for o in propose(EXAMPLES / "Fe2O3.cif") if o.kind == "AFM" and o.fits_input)
    assert (bonds(order, "Fe", 3.05).mean()) == pytest.approx(0.375, abs=0.2)
    assert bonds(order, "Fe", 3.5).sum() < bonds(order, "Fe", 3.05).sum()


def test_lanthanum_manganite_has_layers_among_the_first() -> None:
    """Pnma, long and short bonds in the plane: ferromagnetic layers (A type) in LaMnO3."""
    structure = Structure.from_spacegroup(
        "Pnma",
        Lattice.orthorhombic(5.7461, 7.6637, 5.5333),
        ["La", "Mn", "O", "O"],
        [[0.0513, 0.25, 0.9905], [0, 0, 0.5], [0.4849, 0.25, 0.0777], [0.3085, 0.0408, 0.7227]],
    )
    found = [order for order in propose(structure) if order.kind == "AFM" and order.fits_input]
    layered = [
        order
        for order in found
        if all(
            (a[1] - b[1]) % 1 > 0.1 or m * n > 0
            for a, m in zip(order.frac_coords, order.moments, strict=True)
            for b, n in zip(order.frac_coords, order.moments, strict=True)
            if m and n
        )
    ]
    assert layered
    assert found.index(layered[0]) < 3
    assert set(structure.symbol_set) == {"La", "Mn", "O"}


def test_magnetite_is_a_ferrimagnet() -> None:
    """Tetrahedral against octahedral iron."""
    order = best(propose(EXAMPLES / "Fe3O4.cif"), "FiM")
    signs = np.sign(order.moments)[[symbol == "Fe" for symbol in order.species]]
    assert sorted((signs * signs[0]).tolist()) in ([-1] * 4 + [1] * 2, [-1] * 2 + [1] * 4)
    assert order.net_moment == pytest.approx(2 * default_moment(26))


@pytest.mark.parametrize("scale", [[2, 1, 1], [[1, 1, 0], [0, 1, 0], [0, 0, 1]], [[0, 1, 0], [1, 0, 0], [0, 0, -1]]])
@pytest.mark.parametrize("name", ["NiO.cif", "Cr2O3.cif", "Fe3O4.cif"])
def test_another_cell_has_the_same_orders(name: str, scale: list[object]) -> None:
    structure = Structure.from_file(EXAMPLES / name)
    expected = propose(structure, limit=3)
    found = propose(structure.make_supercell(scale, in_place=False), limit=3)
    assert [order.kind for order in found] == [order.kind for order in expected]
    assert [order.score for order in found] == pytest.approx([order.score for order in expected], abs=0.02)
    for one, other in zip(found, expected, strict=True):
        assert one.net_moment / len(one) == pytest.approx(other.net_moment / len(other), abs=1e-3)


def test_a_supercell_that_holds_the_wave_is_used_as_it_is() -> None:
    structure = Structure.from_file(EXAMPLES / "NiO.cif")
    double = structure.make_supercell(best(propose(structure)).transformation, in_place=False)
    order = best(propose(double))
    assert order.fits_input
    assert len(order) == 4
    assert sorted(np.sign(order.moments).tolist()) == [-1, 0, 0, 1]


def test_order_of_atoms_does_not_matter() -> None:
    structure = Structure.from_file(EXAMPLES / "Fe3O4.cif")
    expected = propose(structure, limit=3)
    shuffled = Structure.from_sites([structure[i] for i in np.random.default_rng(1).permutation(len(structure))])
    found = propose(shuffled, limit=3)
    assert [(o.kind, o.net_moment) for o in found] == [(o.kind, o.net_moment) for o in expected]
    assert [o.score for o in found] == pytest.approx([o.score for o in expected], rel=1e-6)


def test_compensation_distinctness_and_ranking() -> None:
    found = propose(EXAMPLES / "Fe3O4.cif", limit=40)
    assert [order.score for order in found] == sorted((order.score for order in found), reverse=True)
    assert sum(order.score for order in found) <= 1 + 1e-9
    for order in found:
        assert (order.net_moment == pytest.approx(0, abs=1e-6)) == (order.kind == "AFM")
    assert len({(order.moments, order.wave_vector) for order in found}) == len(found)


def test_waves_at_which_nothing_is_compensated_leave_their_probability_to_others() -> None:
    """One site: no antiferromagnet with k = 0, however probable that is."""
    found = propose(EXAMPLES / "NiO.cif", shares={"AFM": 0.75, "FM": 0.25}, zero_k_probability=0.9, limit=99)
    assert sum(order.score for order in found if order.kind == "AFM") == pytest.approx(0.75)
    assert sum(order.score for order in found) == pytest.approx(1)


def test_probabilities_of_classes_decide_between_kinds() -> None:
    crystal = as_crystal(EXAMPLES / "MnF2.cif")
    sizes = site_magnitudes(crystal)
    assert rank_orders(crystal, sizes, {"AFM": 0.1, "FM": 0.8, "NM": 0.1}, 0.9)[0].kind == "FM"
    assert rank_orders(crystal, sizes, {"AFM": 0.8, "FM": 0.1, "NM": 0.1}, 0.9)[0].fits_input
    assert not rank_orders(crystal, sizes, {"AFM": 1.0, "FM": 0.0}, 0.0, limit=1)[0].fits_input


def test_what_cannot_be_the_answer_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for antiferromagnetic patterns takes minutes in large cells; a ferromagnet is not to wait for it."""
    crystal = as_crystal(EXAMPLES / "MnF2.cif")
    searched = []
    monkeypatch.setattr("magnetite.orderings.candidates.antiferromagnetic", lambda *given: searched.append(given))
    found = rank_orders(crystal, site_magnitudes(crystal), {"FM": 1.0}, 0.9)
    assert [order.kind for order in found] == ["FM"]
    assert searched == []


def test_spirals_only_where_they_are_asked_for() -> None:
    assert all(order.collinear for order in propose(EXAMPLES / "NiO.cif", limit=50))
    spirals = [o for o in propose(EXAMPLES / "NiO.cif", limit=50, noncollinear=True) if not o.collinear]
    assert spirals
    for order in spirals:
        sizes = np.linalg.norm(order.moments, axis=1)
        assert sizes[sizes > 0] == pytest.approx(default_moment(28), abs=2e-3)
        assert order.net_moment == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("name", ["NiO.cif", "MnTe.vasp", "Cr2O3.cif", "Fe3O4.cif"])
def test_moments_in_their_cell_have_the_energy_that_ranked_them(name: str) -> None:
    """Summed over the pairs of the cell; also where four cells or a spiral repeat the order."""
    crystal = as_crystal(EXAMPLES / name)
    sublattice = MagneticSublattice.of(crystal, site_magnitudes(crystal))
    primitive, bonds, coefficients = sublattice.crystal, sublattice.bonds, weights()
    strengths, sites = bonds.features @ coefficients[:-1], primitive.frac_coords[sublattice.sites]
    periods = set()
    for candidate in rank_candidates(sublattice, UNIFORM, wave_vectors(crystal, 0.1, noncollinear=True))[:30]:
        order = magnetic_order(crystal, sublattice, candidate)
        magnetic = np.reshape(order.moments, (len(order), -1)).any(axis=1)
        units = np.reshape(order.moments, (len(order), -1))[magnetic]
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        own = (np.array(order.frac_coords) @ order.lattice @ np.linalg.inv(primitive.lattice))[magnetic]
        energy = 0.0
        for place, unit in zip(own, units, strict=True):
            away = place - sites
            site = int(abs(away - np.rint(away)).max(axis=1).argmin())
            mine = bonds.first == site
            ends = sites[bonds.second[mine]] + np.rint(away[site]) + bonds.images[mine]
            gaps = (own[:, None] - ends) @ primitive.lattice @ np.linalg.inv(order.lattice)
            others = abs(gaps - np.rint(gaps)).max(axis=2).argmin(axis=0)
            energy += strengths[mine] @ (units[others] @ unit) / (2 * len(units))
        matrix = couplings_at(sublattice, np.array(candidate.k, dtype=float), coefficients)
        assert energies(matrix, candidate.phases[None])[0] == pytest.approx(energy, abs=2e-3), candidate
        periods.add(candidate.period)
    assert periods >= {1, 2, 4}
    assert periods & {3, 6}


def test_many_sites_are_searched_instead_of_listed() -> None:
    """An orthorhombic chain of 16 slightly shifted sites: up and down in turn lies lowest."""
    shifts = np.random.default_rng(0).normal(0, 0.02, (16, 3))
    coords = [[0, 0, i / 16] for i in range(16)]
    structure = Structure(Lattice.orthorhombic(6, 6, 16 * 2.6), ["Mn"] * 16, coords)
    crystal = Crystal(structure.lattice.matrix, np.array(coords) + shifts / [6, 6, 41.6], np.full(16, 25))
    assert len(crystal.primitive[0]) == 16
    found = [o for o in rank_orders(crystal, site_magnitudes(crystal), {"AFM": 1.0}, 1.0) if o.fits_input]
    assert len(found) > 1
    for order in found:
        assert order.net_moment == pytest.approx(0, abs=1e-6)


def test_the_search_turns_the_best_pair_without_looking_at_all() -> None:
    """Listing all pairs at every turn takes hours in cells of a thousand sites."""
    rng = np.random.default_rng(0)
    couplings = rng.integers(-2, 3, (40, 40)) * 0.5  # many equal gains
    couplings += couplings.T
    signs = rng.choice([1, -1], 40)
    found = _descend(couplings, signs)
    off = couplings - np.diag(np.diag(couplings))
    while True:
        single = 2 * signs * (off @ signs)
        gains = single[:, None] + single - 4 * off * np.outer(signs, signs)
        np.fill_diagonal(gains, single)
        if gains.max() < 1e-9:
            break
        pair = np.unravel_index(gains.argmax(), gains.shape)
        signs[sorted(set(pair))] *= -1
    assert (found == signs).all()

    large = rng.normal(size=(700, 700)) * (rng.random((700, 700)) < 0.05)
    tracemalloc.start()
    _descend(large + large.T, rng.choice([1, -1], 700))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.5 * large.nbytes


def test_more_sites_than_can_be_searched_are_refused_in_words(monkeypatch: pytest.MonkeyPatch, nio: Structure) -> None:
    monkeypatch.setattr("magnetite.orderings.candidates.MOST_SITES", 0)
    with pytest.raises(StructureError, match="has 1 magnetic sites in its primitive cell; antiferromagnetic patterns"):
        propose(nio)
    crystal = as_crystal(nio)
    magnitudes = np.where(crystal.numbers == 28, 2.0, 0.0)
    assert [order.kind for order in rank_orders(crystal, magnitudes, {"FM": 1.0})] == ["FM"]


def test_sizes_are_the_predicted_ones_where_they_count() -> None:
    crystal = as_crystal(EXAMPLES / "MnF2.cif")
    assert site_magnitudes(crystal, (4.5, 4.5, 0.05, 0.05, 0.05, 0.05)).tolist() == [4.5, 4.5, 0, 0, 0, 0]
    assert site_magnitudes(crystal, (4.5, 4.5, 0.4, 0.4, 0.4, 0.4)).tolist() == [4.5, 4.5, 0, 0, 0, 0]
    assert site_magnitudes(crystal, (0.1,) * 6).tolist() == [default_moment(25)] * 2 + [0] * 4
    assert site_magnitudes(crystal).tolist() == [default_moment(25)] * 2 + [0] * 4
    twice = as_crystal(Structure.from_file(EXAMPLES / "MnF2.cif") * (1, 1, 2))
    uneven = np.where(twice.numbers == 25, 4.0 + (np.arange(12) % 2), 0)
    assert site_magnitudes(twice, uneven).tolist() == [4.5] * 4 + [0] * 8, "copies of a site have the same"
    salt = as_crystal(EXAMPLES / "NaCl.extxyz")
    holes = np.where(salt.numbers == 17, 0.5, 0.1)
    assert site_magnitudes(salt, holes).tolist() == np.where(salt.numbers == 17, 0.5, 0).tolist()
    with pytest.raises(StructureError, match="3 predicted moments do not fit 6 sites"):
        site_magnitudes(crystal, (1.0, 1.0, 1.0))


def test_nothing_magnetic_nothing_proposed() -> None:
    assert propose(EXAMPLES / "NaCl.extxyz") == []
