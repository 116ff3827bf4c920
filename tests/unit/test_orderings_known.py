"""Known magnetic orders: read off moments in any cell, told from every other proposal, and what is learned of them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from scipy.special import softmax

from magnetite.orderings.bonds import BOND_NAMES
from magnetite.orderings.candidates import Candidate, rank_candidates
from magnetite.orderings.couplings import weights
from magnetite.orderings.fitting import Choice, choices, cross_validated, fit_weights, ranks
from magnetite.orderings.moments import site_magnitudes
from magnetite.orderings.observed import KnownOrder, decompose, is_found, known_orders
from magnetite.orderings.order import MagneticOrder
from magnetite.orderings.proposing import wave_vectors
from magnetite.orderings.sublattice import MagneticSublattice
from magnetite.orderings.supercells import magnetic_order
from magnetite.structures import as_crystal

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "structures"
EVEN = {"AFM": 0.5, "FM": 0.5}


def known(order: MagneticOrder, seed: int = 0) -> KnownOrder:
    """As a calculation would have found it: in another frame, from another origin, sites in any order, all reversed."""
    rng = np.random.default_rng(seed)
    sites = rng.permutation(len(order))
    cell = {
        "lattice": np.array(order.lattice) @ np.linalg.qr(rng.normal(size=(3, 3)))[0],
        "species": [order.species[site] for site in sites],
        "frac_coords": (np.array(order.frac_coords) + rng.random(3) + rng.integers(-2, 3, (len(order), 3)))[sites],
    }
    found = decompose(as_crystal(cell), -np.array(order.moments)[sites])
    return KnownOrder("x", "measured", "x", 2, order.kind, *found)


@pytest.mark.parametrize("name", ["NiO.cif", "MnF2.cif", "Cr2O3.cif", "Fe3O4.cif"])
def test_each_order_is_found_among_the_proposals_once(name: str) -> None:
    crystal = as_crystal(EXAMPLES / name)
    sublattice = MagneticSublattice.of(crystal, site_magnitudes(crystal))
    waves = wave_vectors(crystal, 0.5)
    of_half_vectors = [c for c in rank_candidates(sublattice, EVEN, waves) if c.period <= 2]
    for seed, candidate in enumerate(of_half_vectors[:8]):
        order = known(magnetic_order(crystal, sublattice, candidate), seed)
        proposed = rank_candidates(order.sublattice, EVEN, wave_vectors(order.crystal, 0.5))
        (found,) = [c for c in proposed if c.kind == order.kind and is_found(order, c, order.sublattice)]
        assert found.probability == pytest.approx(candidate.probability, abs=1e-4)


def test_sites_that_are_not_known_to_be_magnetic_are_not_looked_at() -> None:
    crystal = as_crystal(EXAMPLES / "MnF2.cif")
    sublattice = MagneticSublattice.of(crystal, np.ones(6))
    order = KnownOrder("x", "measured", "x", 2, "FM", *decompose(crystal, np.array([4, 4, 0.5, 0.5, -0.5, -0.5])))
    zero = (Fraction(0),) * 3
    for signs, right in (([1, 1, 1, 1, 1, 1], True), ([-1, -1, 1, -1, 1, -1], True), ([1, -1, 1, 1, -1, -1], False)):
        assert is_found(order, Candidate("FM", zero, np.array(signs, complex), 1.0), sublattice) is right
    of_ligands = MagneticSublattice.of(crystal, np.array([0, 0, 1, 1, 1, 1]))
    assert not is_found(order, Candidate("FM", zero, np.ones(4, complex), 1.0), of_ligands)


def chain(*moments: float) -> tuple[Structure, np.ndarray]:
    """Chains of iron along z, one atom in the chemical cell."""
    return Structure(Lattice.tetragonal(4, 2.5), ["Fe"], [[0, 0, 0]]) * (1, 1, len(moments)), np.array(moments)


@pytest.mark.parametrize(
    ("moments", "k", "signs"),
    [((2, 2), (0, 0, 0), [1]), ((2, -2, 2, -2), (0, 0, 0.5), [1]), ((2, 2, -2, -2), None, []), ((2, 0.0), None, [])],
)
def test_wave_vectors_of_chains(moments: tuple[float, ...], k: tuple[float, ...] | None, signs: list[int]) -> None:
    structure, given = chain(*moments)
    sublattice, found, pattern = decompose(as_crystal(structure), given)
    assert len(sublattice) == 1
    # A wave along the chains, which need not lie along the third vector of the primitive cell.
    along = None if found is None else found @ np.linalg.inv(sublattice.crystal.lattice).T * [4, 4, 2.5]
    assert along == (None if k is None else pytest.approx(k))
    assert abs(pattern).tolist() == signs


def test_orders_of_the_data_that_count_as_known(tmp_path: Path) -> None:
    """Computed antiferromagnets, searched orders of all kinds, and measured ones along one axis."""
    structure, up_down = chain(2, -2)
    cell = {"lattice": structure.lattice.matrix.tolist(), "species": ["Fe"] * 2}
    cell["frac_coords"] = structure.frac_coords.tolist()

    def computed(identity: str, ordering: str, moments: list[float]) -> dict[str, Any]:
        return cell | {"id": identity, "ordering_mp": ordering, "magmoms": moments}

    def measured(identity: str, moments: list[list[float]], *, usable: bool = True) -> dict[str, Any]:
        return {"id": identity, "usable": usable, "order": "AFM", "magnetic_cell": cell | {"moments_cart": moments}}

    rows = {
        "mp_magmoms_kitchin": [computed("a", "AFM", up_down.tolist()), computed("b", "FM", [2, 2])],
        "mp_workflow_digimatchem": [computed("c", "FM", [2, 2]), computed("d", "AFM", [0.1, -0.1])],
        "magndata": [
            measured("e", [[1, 1, 0], [-1, -1, 0]]),
            measured("f", [[1, 1, 0], [1, -1, 0]]),
            measured("g", [[1, 1, 0], [-1, -1, 0]], usable=False),
        ],
    }
    for name, records in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (tmp_path / "magndata").mkdir()
    (tmp_path / "magndata.jsonl").rename(tmp_path / "magndata" / "magndata.jsonl")
    data: Any = SimpleNamespace(dft=tmp_path, folder=tmp_path, fold=len)
    found = [(order.identity, order.source, order.fold) for order in known_orders(data, frozenset({"AFM", "FM"}))]
    assert found == [("a", "computed", 2), ("c", "searched", 2), ("e", "measured", 2)]
    assert [order.identity for order in known_orders(data)] == ["a", "e"]


@pytest.mark.parametrize(
    ("name", "kind", "half"), [("Cr2O3.cif", "AFM", 0), ("Cr2O3.cif", "AFM", 1), ("Fe3O4.cif", "FM", 0)]
)
def test_what_is_learned_from_is_what_is_proposed(name: str, kind: str, half: int) -> None:
    """The likelihood of a known order is the probability that its proposal has where class and wave are known."""
    crystal = as_crystal(EXAMPLES / name)
    sublattice = MagneticSublattice.of(crystal, site_magnitudes(crystal))
    wave = (Fraction(half, 2),) * 3
    alternatives = [c for c in rank_candidates(sublattice, {kind: 1.0}, [(wave, 1.0)]) if c.probability > 0]
    assert len(alternatives) > 1
    for candidate in alternatives:
        (row,) = choices([known(magnetic_order(crystal, sublattice, candidate))])
        assert len(row.features) == len(alternatives)
        assert softmax(-row.features @ weights())[row.chosen] == pytest.approx(candidate.probability, abs=1e-4)


def drawn(true: np.ndarray, folds: tuple[int, ...], seed: int) -> list[Choice]:
    """Choices among four patterns, as these weights make them."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(3000):
        features = rng.normal(size=(4, len(true))) * (true != 0) * [[1 + place % 3 for place in range(len(true))]]
        chosen = int(rng.choice(4, p=softmax(-features @ true)))
        rows.append(Choice(features, chosen, 1.0, folds[number % len(folds)], "computed", "AFM"))
    return rows


def test_weights_are_found_again_from_what_they_choose() -> None:
    true = np.zeros(len(BOND_NAMES) + 1)
    true[[0, 5, -1]] = 2.0, -1.0, 0.5
    rows = drawn(true, (2,), 0)
    found = fit_weights(rows, 1e-6)
    assert found == pytest.approx(true, abs=0.15)
    assert np.abs(fit_weights(rows, 1.0)).sum() < np.abs(found).sum() / 2, "a penalty draws them to zero"


def test_no_row_is_judged_by_weights_that_learned_from_its_fold() -> None:
    """One fold chooses against the others, which weights that saw it would know."""
    true = np.zeros(len(BOND_NAMES) + 1)
    true[:2] = 3.0
    rows = [*drawn(true, (1, 2, 3, 4), 0), *drawn(-true, (0, 5), 1)[:500]]
    places = cross_validated(rows, 1e-6)
    assert np.mean(places[:3000] == 1) > 0.6
    assert np.mean(places[3000:] == 4) > 0.6


def test_patterns_of_equal_energy_share_their_place() -> None:
    row = Choice(np.array([[1.0], [0.0], [1.0], [1.0], [2.0]]), 2, 1.0, 0, "computed", "AFM")
    assert ranks([row], np.array([1.0])).tolist() == [3]  # second to fourth
    assert ranks([row], np.array([-1.0])).tolist() == [3]
    assert ranks([row._replace(chosen=1)], np.array([1.0])).tolist() == [1]
