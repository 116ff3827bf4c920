"""The door in: what is accepted means the same in every guise, what is not is refused with a reason."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pymatgen.core import Element, Lattice, Molecule, Species, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifWriter

from magnetite.cells import compact
from magnetite.errors import MagnetiteError, ReadError, StructureError
from magnetite.structures import MAX_ATOMS, Crystal, as_crystal

CUBE = np.eye(3) * 4.0
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def plain(structure: Structure) -> dict[str, Any]:
    return {
        "lattice": structure.lattice.matrix.tolist(),
        "species": [site.specie.symbol for site in structure],
        "frac_coords": structure.frac_coords.tolist(),
    }


def distances(crystal: Crystal) -> dict[int, np.ndarray]:
    """Sorted lengths of the graph's edges, by element of the receiver, but for those just at its reach.

    Whether these are in is a matter of rounding; they weigh nothing.
    """
    graph = crystal.graph
    lengths = np.linalg.norm(graph.vectors, axis=1)
    inside = lengths < 0.999 * graph.reach[graph.receivers]
    elements = graph.numbers[graph.receivers]
    return {int(z): np.sort(lengths[inside & (elements == z)]) for z in np.unique(graph.numbers)}


def same(one: Crystal, other: Crystal) -> None:
    first, second = distances(one), distances(other)
    assert first.keys() == second.keys()
    for z in first:
        assert first[z] == pytest.approx(second[z], abs=1e-4)


# Guises


def test_all_guises_are_the_same_crystal(rutile: Structure) -> None:
    guises = [plain(rutile), rutile.as_dict(), AseAtomsAdaptor.get_atoms(rutile), rutile.copy()]
    for guise in guises:
        crystal = as_crystal(guise)
        assert crystal.numbers.tolist() == list(rutile.atomic_numbers)
        assert crystal.reduced_formula == "MnF2"
        same(crystal, as_crystal(rutile))


def test_ions_and_spins_count_as_their_element() -> None:
    ions = Structure(CUBE, [Species("Fe", 3, spin=5), "O2-"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert as_crystal(ions).numbers.tolist() == [26, 8]
    assert as_crystal({**plain(ions), "species": ["Fe3+", Element("O")]}).numbers.tolist() == [26, 8]


@pytest.mark.parametrize("isotope", ["D", "T"])
def test_hydrogen_isotopes_are_refused_with_advice(isotope: str) -> None:
    """pymatgen's structures hold them as H already; where their names can be seen, nothing is assumed."""
    structure = Structure(CUBE, [isotope, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]).as_dict()
    structure["sites"][0]["species"][0]["element"] = isotope
    for written in (structure, record(species=[isotope, "O"]), record(species=[f"{isotope}+", "O"])):
        with pytest.raises(StructureError, match=r"unknown element .* write deuterium and tritium as H"):
            as_crystal(written)


@pytest.mark.parametrize("symbol", ["D", "D1+", None])
def test_deuterium_in_a_cif_is_refused_with_advice(symbol: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ice.cif"
    text = str(CifWriter(Structure(CUBE, ["H", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])))
    if symbol is None:  # labels alone
        text = (
            text.replace(" _atom_site_type_symbol\n", "").replace("  H  H0  ", "  D1  ").replace("  O  O1  ", "  O1  ")
        )
    path.write_text(text.replace("  H  ", f"  {symbol}  "))
    with pytest.raises(ReadError, match=r"ice\.cif: unknown element 'D'; write deuterium"):
        as_crystal(path)


def test_site_properties_of_a_dictionary_are_not_decoded(nio: Structure) -> None:
    # Decoding could import whatever module a file names.
    payload = nio.as_dict()
    payload["sites"][0]["properties"] = {"trap": {"@module": "antigravity", "@class": "Trap"}}
    assert len(as_crystal(payload)) == len(nio)
    assert "antigravity" not in sys.modules


# Refusals


def atoms(**changes: Any) -> Atoms:
    return Atoms("FeO", **{"positions": [[0, 0, 0], [2, 2, 2]], "cell": [4, 4, 4], "pbc": True} | changes)


def record(**changes: Any) -> dict[str, Any]:
    return {"lattice": CUBE.tolist(), "species": ["Fe", "O"], "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]]} | changes


REFUSED: dict[str, tuple[Any, str]] = {
    "disordered": (Structure(CUBE, [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]]), "partly occupied"),
    "vacancies": (Structure(CUBE, [{"Fe": 0.5}], [[0, 0, 0]]), "partly occupied"),
    "no atoms": (Structure(CUBE, [], []), "no atoms"),
    "no atoms in Atoms": (Atoms(), "no atoms"),
    "no atoms in a dict": (record(species=[], frac_coords=[]), "no atoms"),
    "dummy": (Structure(CUBE, ["X"], [[0, 0, 0]]), "unknown element 'X0?\\+?'"),
    "dummy in a dict": (record(species=["X", "O"]), "unknown element 'X'"),
    "dummy in Atoms": (Atoms("X", cell=[4, 4, 4], pbc=True), "atomic numbers outside 1–103: \\[0\\]"),
    "made-up element": (record(species=["Fe", "Vibranium"]), "unknown element 'Vibranium'"),
    "element of no kind": (record(species=["Fe", {"O": 1}]), "unknown element"),
    "NaN coordinate": (record(frac_coords=[[0, 0, 0], [0.5, 0.5, float("nan")]]), "NaN"),
    "missing coordinate": (record(frac_coords=[[0, 0, 0], [0.5, 0.5, None]]), "NaN"),
    "infinite cell": (record(lattice=[[4, 0, 0], [0, float("inf"), 0], [0, 0, 4]]), "infinite"),
    "NaN position": (atoms(positions=[[0, 0, 0], [2, 2, np.nan]]), "NaN"),
    "NaN cell": (atoms(cell=[4, 4, np.nan]), "NaN"),
    "runaway coordinate": (record(frac_coords=[[0, 0, 0], [1e12, 0.5, 0.5]]), "fractional coordinates up to 1e\\+12"),
    "runaway the other way": (record(frac_coords=[[0, 0, 0], [-1e12, 0.5, 0.5]]), "fractional coordinates up to 1e"),
    "no volume": (record(lattice=[[4, 0, 0], [4, 0, 0], [0, 0, 4]]), "0 Å³ per atom"),
    "no cell": (Atoms("Fe", pbc=True), "0 Å³ per atom"),
    "lengths in nm": (record(lattice=(CUBE / 10).tolist()), "are the lengths in Å"),
    "huge cell": (record(lattice=(CUBE * 100).tolist()), "Å³ per atom"),
    "endless cell": (record(lattice=[[1e200, 0, 0], [0, 1e200, 0], [0, 0, 1e200]]), "more than 100,000 Å"),
    "thin cell": (record(lattice=[[0.1, 0, 0], [0, 30, 0], [0, 0, 30]]), "flat or thin"),
    "flat cell": (record(lattice=[[4, 0, 0], [4e4, 4, 0], [4e4, 4e4, 4]]), "flat or thin"),
    "secretly thin cell": (record(lattice=[[30, 0.1, 0], [30, 0, 0], [0, 0, 30]]), "repeats every 0.1 Å"),
    "not periodic": (atoms(pbc=False), "not periodic"),
    "lacking keys": ({"lattice": CUBE}, "lacks species, frac_coords"),
    "nothing": ({}, "lacks lattice, species, frac_coords"),
    "lattice parameters": (record(lattice=[4, 4, 4]), "do not fit"),
    "words for numbers": (record(lattice="cubic"), "not arrays of numbers"),
    "numbers too large": (record(frac_coords=[[10**400, 0, 0], [0, 0, 0]]), "not arrays of numbers"),
    "too few coordinates": (record(frac_coords=[[0, 0, 0]]), "do not fit"),
    "turned coordinates": (record(frac_coords=[[0, 0.5], [0, 0.5], [0, 0.5]]), "do not fit"),
    "species in one word": (record(species="FeO"), "not a list of elements"),
    "half a pymatgen dict": ({"@module": "pymatgen.core.structure", "lattice": {}}, "not a pymatgen structure"),
    "sites of no kind": ({"sites": 3, "lattice": 4}, "not a pymatgen structure"),
    "a molecule": (Molecule(["O"], [[0, 0, 0]]), "cannot take a Molecule"),
    "a number": (3, "cannot take a int"),
    "None": (None, "cannot take a NoneType"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_source_and_reason(name: str) -> None:
    structure, reason = REFUSED[name]
    with pytest.raises(StructureError, match=reason) as caught:
        as_crystal(structure, "here")
    assert caught.value.source == "here"
    assert str(caught.value).startswith("here: ")


@pytest.mark.parametrize("count", [2, 10_000])
def test_coincident_atoms_are_named_without_listing_every_pair(count: int) -> None:
    start = time.perf_counter()
    lattice = np.eye(3) * 2 * count ** (1 / 3)
    heap = {"lattice": lattice, "species": ["Fe"] * count, "frac_coords": [[0.3, 0, 0]] * count}
    with pytest.raises(StructureError, match=r"here: atoms 0 and 1 are only 0\.000 Å apart"):
        _ = as_crystal(heap, "here").graph
    assert time.perf_counter() - start < 2


def test_atoms_that_coincide_across_the_cell_wall() -> None:
    crystal = as_crystal(record(frac_coords=[[0, 0, 0.001], [0, 0, 0.999]]), "here")
    with pytest.raises(StructureError, match=r"here: atoms . and . are only 0\.008 Å apart"):
        _ = crystal.graph
    twice = Structure(CUBE, ["Fe", "O"], [[0, 0, 0], [0, 0, 0.1]]) * (2, 1, 1)
    with pytest.raises(StructureError, match=r"here: atoms 0 and 1 are only 0\.400 Å apart"):
        _ = as_crystal(twice, "here").primitive[0].graph


def test_too_many_atoms() -> None:
    count = MAX_ATOMS + 1
    with pytest.raises(StructureError, match="20,001 atoms; at most 20,000"):
        Crystal(np.eye(3) * 100, np.zeros((count, 3)), np.full(count, 26))


words = st.text(max_size=5) | st.sampled_from(["Fe", "O2-", "matrix"])
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
matrices = st.lists(st.lists(st.floats(), min_size=3, max_size=3), min_size=0, max_size=3)
keys = st.sampled_from(["lattice", "species", "frac_coords", "sites", "@module", "@class", "structure", "pbc"])
sites = st.fixed_dictionaries({}, optional={"species": json_like, "abc": json_like, "properties": json_like})


@quick
@given(
    st.dictionaries(keys, json_like)
    | st.fixed_dictionaries(
        {"lattice": matrices | json_like, "species": json_like, "frac_coords": matrices | json_like}
    )
    | st.fixed_dictionaries({"lattice": matrices, "species": st.lists(st.text(max_size=3)), "frac_coords": matrices})
    | st.fixed_dictionaries({"lattice": st.fixed_dictionaries({"matrix": matrices}), "sites": st.lists(sites)})
)
def test_garbage_raises_nothing_but_our_error(garbage: dict[str, Any]) -> None:
    try:
        crystal = as_crystal(garbage, "here")
        _ = crystal.primitive, crystal.graph
    except MagnetiteError as error:
        assert error.source == "here"  # noqa: PT017


# The same crystal in other words


@st.composite
def crystals(draw: st.DrawFn) -> Crystal:
    """Random triclinic crystals of up to six atoms, none too close."""
    count = draw(st.integers(1, 6))
    lattice = np.eye(3) * draw(st.floats(3, 7)) + draw(arrays(float, (3, 3), elements=st.floats(-1.2, 1.2)))
    coords = draw(arrays(float, (count, 3), elements=st.floats(0, 1, exclude_max=True)))
    numbers = draw(st.lists(st.sampled_from([8, 26, 28]), min_size=count, max_size=count))
    try:
        crystal = Crystal(lattice, coords, np.array(numbers))
        assume(np.linalg.norm(crystal.graph.vectors, axis=1).min(initial=9) > 0.6)
    except StructureError:
        assume(False)  # noqa: FBT003
    return crystal


@quick
@given(crystals(), st.data())
def test_translations_and_permutations_leave_the_graph(crystal: Crystal, data: st.DataObject) -> None:
    count = len(crystal)
    order = np.array(data.draw(st.permutations(range(count))))
    steps = data.draw(arrays(int, (count, 3), elements=st.integers(-3, 3)))
    moved = {
        "lattice": crystal.lattice.tolist(),
        "species": crystal.numbers[order].tolist(),
        "frac_coords": (crystal.frac_coords + steps)[order].tolist(),
    }
    moved["species"] = [Element.from_Z(z).symbol for z in moved["species"]]
    same(as_crystal(moved), crystal)


@quick
@given(crystals(), arrays(int, (3,), elements=st.integers(-6, 6)))
def test_skewed_cells_leave_the_graph(crystal: Crystal, shears: np.ndarray) -> None:
    unimodular = np.array([[1, shears[0], shears[1]], [0, 1, shears[2]], [0, 0, 1]])
    skewed = Crystal(unimodular @ crystal.lattice, crystal.frac_coords @ np.linalg.inv(unimodular), crystal.numbers)
    same(skewed, crystal)


def test_a_very_skewed_cell_is_made_compact_and_quick(nio: Structure) -> None:
    unimodular = np.array([[1, 40, 0], [0, 1, 40], [0, 0, 1]])
    lattice, coords = unimodular @ nio.lattice.matrix, nio.frac_coords @ np.linalg.inv(unimodular)
    reduced, moved = compact(lattice, coords)
    assert np.linalg.norm(reduced, axis=1) == pytest.approx(np.full(3, nio.lattice.a))
    steps = (moved @ reduced - coords @ lattice) @ np.linalg.inv(reduced)
    assert steps == pytest.approx(np.round(steps), abs=1e-6)
    start = time.perf_counter()
    skewed = Crystal(lattice, coords, np.array(nio.atomic_numbers))
    same(skewed, as_crystal(nio))
    assert len(skewed.primitive[0]) == 2
    assert time.perf_counter() - start < 2


# The primitive cell

SUPERCELLS = {
    "2×1×1": np.diag([2, 1, 1]),
    "2×2×2": np.diag([2, 2, 2]),
    "sheared": np.array([[2, 1, 0], [0, 1, 3], [1, 0, 2]]),
    "sheared and doubled": 2 * np.array([[1, 1, 0], [0, 1, 2], [0, 0, 1]]),
}


@pytest.mark.parametrize("matrix", SUPERCELLS.values(), ids=SUPERCELLS.keys())
@pytest.mark.parametrize(("name", "size"), [("nio", 2), ("rutile", 6), ("corundum", 10)])
def test_supercells_reduce_to_the_primitive_cell(
    name: str, size: int, matrix: np.ndarray, request: pytest.FixtureRequest
) -> None:
    structure: Structure = request.getfixturevalue(name)
    supercell = structure * matrix
    crystal = as_crystal(supercell)
    primitive, places = crystal.primitive
    assert len(primitive) == size
    assert primitive.volume / size == pytest.approx(crystal.volume / len(crystal), rel=1e-3)
    assert primitive.reduced_formula == crystal.reduced_formula
    # Every atom stands, but for a lattice vector of the primitive cell, where its place in that cell is.
    assert (primitive.numbers[places] == crystal.numbers).all()
    assert np.bincount(places).tolist() == [len(crystal) // size] * size
    steps = crystal.frac_coords @ crystal.lattice @ np.linalg.inv(primitive.lattice) - primitive.frac_coords[places]
    assert steps == pytest.approx(np.round(steps), abs=0.02)
    same(primitive, as_crystal(structure).primitive[0])


def test_a_primitive_cell_is_left_alone(rutile: Structure) -> None:
    crystal = as_crystal(rutile)
    primitive, places = crystal.primitive
    assert primitive is crystal
    assert places.tolist() == list(range(6))


def test_a_broken_translation_is_no_supercell(nio: Structure) -> None:
    doubled = nio * (2, 1, 1)
    doubled.translate_sites([0], [0.0, 0.0, 0.05])
    assert len(as_crystal(doubled).primitive[0]) > 2


def test_moments_do_not_enlarge_the_cell(nio: Structure) -> None:
    nio.add_site_property("magmom", [2, 2, -2, -2, 0, 0, 0, 0])
    assert len(as_crystal(nio).primitive[0]) == 2


def test_ten_thousand_atoms(nio: Structure) -> None:
    crystal = as_crystal(nio * (11, 11, 11))
    assert len(crystal) > 10_000
    start = time.perf_counter()
    graph = crystal.graph
    assert graph.n_atoms == len(crystal)
    primitive, places = crystal.primitive
    assert len(primitive) == 2
    assert (primitive.numbers[places] == crystal.numbers).all()
    assert graph.n_edges // graph.n_atoms == as_crystal(nio).graph.n_edges // len(nio)
    assert time.perf_counter() - start < 10


def test_lattice_objects_of_pymatgen(nio: Structure) -> None:
    assert as_crystal({**plain(nio), "lattice": Lattice.cubic(4.177).matrix}).volume == pytest.approx(4.177**3)
