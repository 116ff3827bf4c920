"""The catalogue: finite, labelled vectors, invariant where they should be, and clear words about what is lacking."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ase.build import bulk
from pymatgen.core import Composition, Element, Lattice, Structure

import magnetite
from magnetite.errors import MagnetiteError, StructureError
from magnetite.representations import crystal_graph, find, list_representations, represent, represent_many
from magnetite.representations.elements import covering, embedding
from magnetite.representations.invariance import CHANGES, TOLERANCE, changes_of, recut, repeated
from magnetite.representations.kinds import KINDS, kind_table
from magnetite.structures import as_crystal

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [entry.name for entry in list_representations()]
CHANGING = {
    "coulomb-matrix": {"translation", "unit cell", "supercell"},
    "sine-matrix": {"unit cell", "supercell"},
    "ewald-matrix": {"supercell"},
    "voxels": {"translation", "unit cell", "supercell"},
}
"""What changes with the way a crystal is written down; all others must not."""


@pytest.fixture
def crooked() -> Structure:
    """Nothing symmetric about it."""
    lattice = Lattice.from_parameters(4.3, 5.1, 5.8, 81, 97, 104)
    coords = [[0.03, 0.07, 0.11], [0.48, 0.55, 0.52], [0.51, 0.09, 0.43]]
    return Structure(lattice, ["Fe", "Gd", "O"], coords)


def test_the_catalogue_is_whole() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {entry.kind for entry in list_representations()} == {"composition", "structure", "graph"}
    lecture = {
        "one-hot",
        "multi-hot",
        "property-one-hot",
        "magpie",
        "mat2vec",
        "skipatom",
        "megnet16",
        "order-elements",
    }
    lecture |= {
        "coulomb-matrix",
        "sine-matrix",
        "ewald-matrix",
        "acsf",
        "mbtr",
        "soap",
        "arise",
        "ace",
        "prdf",
        "voxels",
    }
    assert lecture <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_vectors_are_finite_labelled_and_of_one_length(name: str, rutile: Structure) -> None:
    entry = find(name)
    first, second = represent_many([rutile, bulk("Cu")], name)  # many atoms, and one
    assert isinstance(first, np.ndarray)
    assert isinstance(second, np.ndarray)
    assert first.shape == second.shape == (entry.length,)
    assert len(set(entry.labels)) == entry.length
    assert np.isfinite(first).all()
    assert np.isfinite(second).all()
    assert not np.allclose(first, second)
    assert all(text.lstrip().startswith("@") for text in entry.citations)


@pytest.mark.parametrize("name", NAMES)
def test_invariances(name: str, crooked: Structure) -> None:
    found = changes_of([crooked], name)
    assert {change for change, size in found.items() if size > TOLERANCE} == CHANGING.get(name, set())


@pytest.mark.parametrize(
    "structure",
    [
        Structure.from_spacegroup(
            "P6_3mc", Lattice.hexagonal(3.25, 5.2), ["Zn", "O"], [[1 / 3, 2 / 3, z] for z in (0, 0.375)]
        ),
        Structure(Lattice.cubic(4.0), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        Structure(Lattice.cubic(3.25), ["Po"], [[0, 0, 0]]),
    ],
)
def test_distances_on_the_edge_of_a_bin_stay_on_one_side(structure: Structure) -> None:
    assert not {change for change, size in changes_of([structure], "prdf").items() if size > TOLERANCE}


@pytest.mark.parametrize("name", ["coulomb-matrix", "voxels"])
def test_the_primitive_cell_mends_supercells(name: str, crooked: Structure) -> None:
    crystal = as_crystal(crooked)
    small, large = (represent(c, name, cell="primitive") for c in (crystal, repeated(crystal)))
    assert find(name).kind == "structure"
    if name == "coulomb-matrix":
        assert large == pytest.approx(small, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_an_atom_alone_is_a_vector_or_an_error(name: str) -> None:
    alone = Structure(Lattice.cubic(16.5), ["Fe"], [[0.1, 0.2, 0.3]])
    found = next(represent_many([alone], name))
    assert isinstance(found, MagnetiteError) or np.isfinite(found).all()


def test_the_door_takes_what_the_package_takes(tmp_path: Path, nio: Structure) -> None:
    path = tmp_path / "NiO.cif"
    nio.to(filename=str(path))
    expected = magnetite.represent(nio, "megnet16")
    for source in (path, str(path), nio.to_ase_atoms(), nio.as_dict(), Composition("Ni2O2")):
        assert magnetite.represent(source, "megnet16") == pytest.approx(expected)


def test_errors_stay_in_their_place(nio: Structure) -> None:
    rows = list(represent_many([nio, "nowhere.cif", nio], "order-body", device="cpu"))
    assert [isinstance(row, MagnetiteError) for row in rows] == [False, True, False]
    assert "no such file" in str(rows[1])
    with pytest.raises(StructureError, match="no such file"):
        represent("nowhere.cif", "magpie")


@pytest.mark.parametrize(("formula", "message"), [({}, "has no atoms"), ({"X": 1}, "X")])
@pytest.mark.parametrize("name", ["magpie", "megnet16", "one-hot"])
def test_compositions_without_atoms_or_of_no_element_are_refused(formula: dict, message: str, name: str) -> None:
    (found,) = represent_many([Composition(formula)], name)
    assert message in str(found)
    assert isinstance(found, MagnetiteError)


def test_unknown_names_and_options(nio: Structure) -> None:
    with pytest.raises(MagnetiteError, match="did you mean 'mat2vec'"):
        represent(nio, "matvec")
    with pytest.raises(MagnetiteError, match="soap: has no option r; there are: species, r_cut"):
        represent(nio, "soap", r=3)
    with pytest.raises(MagnetiteError, match="soap: cannot be set up with"):
        represent(nio, "soap", r_cut=-1.0)
    with pytest.raises(MagnetiteError, match="no pooling median"):
        represent(nio, "skipatom", pooling="median")
    with pytest.raises(MagnetiteError, match="cell must be one of given, primitive"):
        represent(nio, "skipatom", cell="niggli")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("prdf", {"cutoff": -2}),
        ("prdf", {"bin_size": 0}),
        ("ace", {"r_cut": 0}),
        ("ace", {"order": 4}),
        ("mbtr", {"r_cut": -6}),
        ("voxels", {"grid": 0}),
        ("voxels", {"width": -1}),
    ],
)
def test_options_without_a_meaning_are_refused(name: str, options: dict[str, float], nio: Structure) -> None:
    with pytest.raises(MagnetiteError, match=rf"{name}: {next(iter(options))} must be"):
        represent(nio, name, **options)


def test_options_may_be_lists_of_lists_and_one_element_a_word(nio: Structure) -> None:
    oxygen = nio.copy().remove_species(["Ni"])
    expected = represent(oxygen, "acsf", species=("O",), g2=((0.5, 0.0),))
    for species in ("O", ["O"], {"O"}, np.array(["O"])):
        assert represent(oxygen, "acsf", species=species, g2=[[0.5, 0.0]]) == pytest.approx(expected)


def test_one_structure_or_a_composition_where_others_are_wanted(nio: Structure) -> None:
    for one in (nio, "abc"):
        with pytest.raises(MagnetiteError, match="wants several structures"):
            represent_many(one, "one-hot")
    (found,) = represent_many([nio.composition], "soap")
    assert "is a composition" in str(found)
    (report,) = magnetite.classify_many([nio.composition], on_error="report")
    assert "is a composition" in str(report.error)
    (report,) = magnetite.analyze_many([nio.composition], on_error="report")
    assert "is a composition" in str(report.error)
    with pytest.raises(MagnetiteError, match="named by text"):
        represent(nio, None)  # type: ignore[arg-type]


def test_threads_share_dscribe(nio: Structure) -> None:
    from dscribe.core.system import System

    own = System.from_atoms
    names = ["soap", "acsf"] * 40
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: represent(nio, name), names))
    for vector, name in zip(found, names, strict=True):
        assert np.array_equal(vector, found[names.index(name)])
    assert System.from_atoms is own  # each call undid what it changed


def test_missing_library(nio: Structure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dscribe.descriptors", None)
    with pytest.raises(MagnetiteError, match=r"needs the library dscribe: pip install 'magnetite\[representations\]'"):
        represent(nio, "soap", r_cut=4.321)
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    with pytest.raises(MagnetiteError, match="needs the library torch_geometric"):
        crystal_graph(nio).to_pyg()


def test_elements_that_an_embedding_lacks() -> None:
    alloy = Composition("FeAr3")
    with pytest.raises(MagnetiteError, match=r"no vector of Ar in 'skipatom'; missing='mean'"):
        represent(alloy, "skipatom")
    vectors = embedding("skipatom").embeddings
    expected = (vectors["Fe"] + 3 * np.mean(list(vectors.values()), axis=0)) / 4
    assert represent(alloy, "skipatom", missing="mean") == pytest.approx(expected)
    assert "Ar" not in embedding("skipatom").embeddings
    with pytest.raises(MagnetiteError, match="finite"):
        represent(Composition("Lr"), "magpie")
    assert np.isfinite(represent(Composition("Lr"), "magpie", missing="mean")).all()
    covered = covering(embedding("skipatom"), ["Fe"], "error")
    assert covered is embedding("skipatom")


def test_pooling() -> None:
    oxide, vectors = Composition("Fe4O6"), embedding("megnet16").embeddings
    iron, oxygen = vectors["Fe"], vectors["O"]
    masses = np.array([2 * float(Element("Fe").atomic_mass), 3 * float(Element("O").atomic_mass)])
    expected = {
        "mean": (2 * iron + 3 * oxygen) / 5,
        "sum": 2 * iron + 3 * oxygen,
        "min": np.minimum(iron, oxygen),
        "max": np.maximum(iron, oxygen),
        "weighted": masses @ np.array([iron, oxygen]) / masses.sum(),
    }
    for name, vector in expected.items():
        assert represent(oxide, "megnet16", pooling=name) == pytest.approx(vector, abs=1e-8), name
    both = represent(oxide, "megnet16", pooling=("mean", "max"))
    assert both == pytest.approx(np.concatenate([expected["mean"], expected["max"]]), abs=1e-8)


@pytest.mark.parametrize(("formula", "atoms"), [("O2", 1), ("Fe2", 1), ("Fe0.5Ni0.5", 2), ("La0.67Sr0.33MnO3", 500)])
def test_sums_are_over_the_reduced_formula(formula: str, atoms: int) -> None:
    assert represent(Composition(formula), "one-hot", pooling="sum").sum() == pytest.approx(atoms)


def test_one_hot_vectors() -> None:
    oxide = Composition("Fe2O3")
    shares, there = represent(oxide, "one-hot"), represent(oxide, "multi-hot")
    assert (shares[7], shares[25], shares.sum()) == pytest.approx((0.6, 0.4, 1.0))
    assert np.flatnonzero(there).tolist() == [7, 25]
    mass = represent(oxide, "property-one-hot", properties=("atomic_weight",))
    assert np.flatnonzero(mass).tolist() == [7, 25]
    assert mass[25] == pytest.approx(0.4 * 55.845, rel=1e-3)
    paper = represent(oxide, "property-one-hot")
    assert np.flatnonzero(paper).tolist() == [7, 25, 110, 128, 213, 231]  # radius, electronegativity, polarizability
    assert paper[128] == pytest.approx(0.4 * 1.83)


def test_large_cells_are_refused_or_reduced(nio: Structure) -> None:
    with pytest.raises(StructureError, match="has 64 atoms, more than n_atoms_max=20"):
        represent(nio.make_supercell(2, in_place=False), "sine-matrix", n_atoms_max=20)
    assert represent(nio.make_supercell(2, in_place=False), "sine-matrix", n_atoms_max=20, cell="primitive").shape == (
        20,
    )


def test_channels(nio: Structure, crooked: Structure) -> None:
    kinds = dict(
        zip(
            ("Na", "H", "Fe", "Zn", "Mo", "La", "U", "Al", "He", "C", "O", "I"),
            "s s 3d 3d 4d/5d f f p p p anion anion".split(),
            strict=True,
        )
    )
    names = list(KINDS)
    assert {s: names[kind_table()[Element(s).Z]] for s in kinds} == kinds
    with pytest.raises(StructureError, match="holds Fe, Gd, which the option species does not name") as caught:
        represent(crooked, "ace", species=("Ni", "O"))
    assert isinstance(caught.value, MagnetiteError)
    assert len(represent(nio, "soap", species=("Ni", "O"))) < find("soap").length


def test_graphs_for_other_libraries(crooked: Structure) -> None:
    crystal = recut(as_crystal(crooked))
    found = crystal_graph(crystal)
    graph, places = found.graph, crystal.frac_coords
    vectors = (places[graph.senders] + found.images - places[graph.receivers]) @ crystal.lattice
    assert vectors == pytest.approx(graph.vectors, abs=1e-4)
    other = found.to_networkx()
    assert other.number_of_edges() == graph.n_edges  # no two share both ends and image
    assert {other.nodes[i]["symbol"] for i in other} == {"Fe", "Gd", "O"}
    assert dict(other.out_degree())[0] == np.count_nonzero(graph.receivers == 0)
    data = found.to_pyg()
    assert data.validate()
    assert data.num_edges == graph.n_edges
    bonds = data.pos[data.edge_index[0]] + data.edge_shift.float() @ data.cell[0] - data.pos[data.edge_index[1]]
    assert bonds.numpy() == pytest.approx(data.edge_vec.numpy(), abs=1e-3)


def test_every_change_leaves_the_crystal_alone(crooked: Structure) -> None:
    for change in CHANGES.values():
        after = change(as_crystal(crooked))
        again = Structure(after.lattice, after.numbers.tolist(), after.frac_coords)
        assert again.matches(crooked)
