"""Commensurate wave vectors, their stars and their names."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from magnetite.propagation.points import ZoneNames
from magnetite.propagation.stars import GRID, fold, point_group, star_of, stars
from magnetite.structures import Crystal, as_crystal


def primitive(structure: Structure) -> Crystal:
    return as_crystal(structure).primitive[0]


def in_primitive(structure: Structure, k: tuple[float, float, float]) -> np.ndarray:
    """A wave vector given in the reciprocal basis of the structure's cell, in that of its primitive cell."""
    crystal = as_crystal(structure)
    return crystal.primitive[0].lattice @ np.linalg.inv(crystal.lattice) @ np.array(k)


@pytest.fixture
def chromium() -> Structure:
    return Structure.from_spacegroup("Im-3m", Lattice.cubic(2.88), ["Cr"], [[0, 0, 0]])


@pytest.fixture
def delafossite() -> Structure:
    return Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(3.03, 17.17), ["Cu", "Fe", "O"], [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.107]]
    )


def test_textbook_vectors_have_their_names(nio: Structure, rutile: Structure, chromium: Structure) -> None:
    for structure, k, name, size in (
        (nio, (0.5, 0.5, 0.5), "L", 4),
        (nio, (0, 0, 1), "X", 3),
        (nio, (0, 0, 0.5), "Γ–X", 3),
        (nio, (1, 0.5, 0), "W", 3),
        (rutile, (0, 0, 0), "Γ", 1),
        (rutile, (0.5, 0, 0), "X", 2),
        (rutile, (0.5, 0.5, 0.5), "A", 1),
        (chromium, (1, 0, 0), "H", 1),
        (chromium, (0.5, 0.5, 0), "N", 6),
    ):
        cell = primitive(structure)
        candidates = stars(cell)
        index = star_of(in_primitive(structure, k), candidates)
        assert index is not None
        assert (ZoneNames(cell.lattice)(candidates[index]), candidates[index].size) == (name, size), k


def test_names_are_of_the_lattice_not_of_the_vectors_that_span_it(nio: Structure) -> None:
    skewed = primitive(nio)
    rows = np.array([[1, 0, 0], [7, 1, 0], [3, -5, 1]])
    skewed = Crystal(rows @ skewed.lattice, skewed.frac_coords @ np.linalg.inv(rows), skewed.numbers)
    named = [sorted(ZoneNames(cell.lattice)(star) for star in stars(cell)) for cell in (primitive(nio), skewed)]
    assert named[0] == named[1]
    assert "K–Γ" in named[0]


def test_all_arms_and_their_equivalents_are_one_star(delafossite: Structure) -> None:
    """CuFeO2: (1/4 -1/2 3/2) of MAGNDATA 1.347 in the hexagonal setting, and its images."""
    cell = primitive(delafossite)
    candidates = stars(cell)
    index = star_of(in_primitive(delafossite, (0.25, -0.5, 1.5)), candidates)
    assert index is not None
    turns = point_group(cell)
    assert len(turns) == 12
    k = np.array(candidates[index].k, dtype=float)
    rng = np.random.default_rng(0)
    for turn in turns:
        moved = rng.choice([-1, 1]) * (k @ turn) + rng.integers(-3, 4, 3)
        assert star_of(moved, candidates) == index
    assert candidates[index].size == len({tuple(min(a, b)) for a, b in _arms(k, turns)})


def test_symmetry_is_not_searched_in_cells_where_it_takes_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    side = 11
    places = np.array(list(product(range(side), repeat=3))) / side
    numbers = np.where(np.arange(side**3) == 0, 27, 26)
    monkeypatch.setattr("moyopy.MoyoDataset", lambda *_, **__: pytest.fail("searched"))
    assert (point_group(Crystal(np.eye(3) * 2.5 * side, places, numbers)) == np.eye(3)).all()


def _arms(k: np.ndarray, turns: np.ndarray) -> list[tuple[list[int], list[int]]]:
    whole = np.rint(k @ turns * GRID).astype(int)
    return list(zip((whole % GRID).tolist(), (-whole % GRID).tolist(), strict=True))


def test_stars_share_out_the_grid(nio: Structure, delafossite: Structure, corundum: Structure) -> None:
    for structure in (nio, delafossite, corundum):
        candidates = stars(primitive(structure))
        arms = [arm for star in candidates for arm in star.arms]
        assert len(arms) == len(set(arms)) == 4**3 + 6**3 - 2**3
        assert candidates[0].is_zero
        assert all(star_of(np.array(star.k, dtype=float), candidates) == i for i, star in enumerate(candidates))
        assert not any(star.is_zero for star in candidates[1:])


def test_folding_gives_the_shortest(delafossite: Structure) -> None:
    lattice = np.array(delafossite.get_primitive_structure().lattice.matrix)
    skewed = np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]]) @ lattice
    reciprocal = np.linalg.inv(skewed).T
    waves = np.random.default_rng(1).uniform(-2, 2, (20, 3))
    far = np.stack(np.meshgrid(*[np.arange(-9, 10)] * 3), axis=-1).reshape(-1, 3)
    for wave, folded in zip(waves, fold(skewed, waves), strict=True):
        np.testing.assert_allclose(folded - wave, np.rint(folded - wave), atol=1e-8)
        least = np.linalg.norm((wave - np.rint(wave) + far) @ reciprocal, axis=1).min()
        assert np.linalg.norm(folded[0] @ reciprocal) <= least + 1e-9


def test_another_cell_of_the_same_crystal_has_the_same_stars(corundum: Structure) -> None:
    supercell = corundum * [[1, 1, 0], [0, 1, 0], [0, 1, 2]]
    one, other = stars(primitive(corundum)), stars(primitive(supercell))
    assert sorted((s.size, s.period) for s in one) == sorted((s.size, s.period) for s in other)


def test_what_is_no_candidate_is_none(nio: Structure) -> None:
    assert star_of(np.array([0.123, 0, 0]), stars(primitive(nio))) is None


def test_period_counts_cells(nio: Structure) -> None:
    found = {star.k: star.period for star in stars(primitive(nio))}
    assert found[Fraction(0), Fraction(0), Fraction(0)] == 1
    assert set(found.values()) == {1, 2, 3, 4, 6}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_no_wave_runs_across_vacuum(axis: int) -> None:
    """A square layer of one atom has the stars of a square lattice in two dimensions, however the cell is turned."""
    lengths = np.roll([20.0, 3.0, 3.0], axis)
    found = stars(primitive(Structure(Lattice.orthorhombic(*lengths), ["Fe"], [[0.5] * 3])))
    assert all(star.k[axis] == 0 for star in found)
    plane = {tuple(sorted((min(a, GRID - a), min(b, GRID - b)))) for a, b in product(range(GRID), repeat=2)
             if all(x % 2 == 0 for x in (a, b)) or all(x % 3 == 0 for x in (a, b))}  # fmt: skip
    assert len(found) == len(plane)
    wire = stars(primitive(Structure(Lattice.orthorhombic(20, 3, 20), ["Fe"], [[0.5] * 3])))
    assert [star.k for star in wire] == [(0, Fraction(n), 0) for n in (0, "1/6", "1/4", "1/3", "1/2")]
    bulk = stars(primitive(Structure(Lattice.orthorhombic(8, 3, 3), ["Fe"], [[0.5] * 3])))
    assert any(star.k[0] for star in bulk), "8 Å are felt across"
