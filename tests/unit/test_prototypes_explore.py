"""What the network finds alike, the Bain path and structures of types that it never learned."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from matplotlib.image import imread
from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY
from pymatgen.analysis.structure_matcher import StructureMatcher

from magnetite.api import load_classifier
from magnetite.errors import MagnetiteError, StructureError
from magnetite.prototypes.bain import FCC, LENGTHS, BainPath, bain_path, body_centred, ratios_of
from magnetite.prototypes.descriptor import describe, find_pairs
from magnetite.prototypes.embedding_plots import plot_bain, plot_embedding, plot_similarity
from magnetite.prototypes.explore import OUTLIER, activations, cluster, embed, explore, similarity
from magnetite.prototypes.model import PrototypeModel
from magnetite.prototypes.unseen import UNSEEN, Unseen
from magnetite.structures import as_crystal

PASSES = 30
RNG = np.random.default_rng(0)
BLOBS = np.concatenate([RNG.normal(centre, 0.1, (30, 8)) for centre in (0.0, 5.0, 10.0)])
"""Three groups that nobody would confuse."""
LIBRARY = {entry["tags"]["aflow"]: entry["snl"].structure for entry in AFLOW_PROTOTYPE_LIBRARY}


@pytest.fixture(scope="module")
def model() -> PrototypeModel:
    return load_classifier("prototypes", "cpu").with_passes(PASSES)


@pytest.fixture(scope="module")
def path(model: PrototypeModel) -> BainPath:
    return bain_path(np.linspace(0.75, 1.65, 91), model)


# Activations


def test_layers_are_what_the_network_makes_of_the_descriptor(model: PrototypeModel) -> None:
    atoms = bulk("Cu")
    found = activations([atoms, bulk("Fe")], model)
    assert list(found) == ["descriptor", "hidden 1", "hidden 2", "hidden 3"]
    x = describe([find_pairs(as_crystal(atoms))])
    np.testing.assert_allclose(found["descriptor"][0], x[0].numpy(), atol=1e-6)
    for place, expected in enumerate(model.network.activations(x), start=1):
        np.testing.assert_allclose(found[f"hidden {place}"][0], expected[0].numpy(), atol=1e-4)
    assert not np.allclose(found["hidden 3"][0], found["hidden 3"][1])


def test_exploring_answers_as_classifying_does(model: PrototypeModel) -> None:
    found = explore([bulk("Cu"), bulk("Fe")], model)
    assert found.labels == ["fcc_Cu_A_cF4_225_a", "bcc_W_A_cI2_229_a"]
    np.testing.assert_allclose(found.probabilities.sum(1), 1, atol=1e-6)
    assert found.mutual_information.shape == (2,)
    again = explore([bulk("Cu"), bulk("Fe")], "prototypes", passes=PASSES)
    np.testing.assert_array_equal(again.probabilities, found.probabilities)


def test_exploring_nothing_or_nonsense_is_refused(model: PrototypeModel) -> None:
    with pytest.raises(MagnetiteError, match="no samples"):
        explore([], model)
    with pytest.raises(StructureError, match="no atoms"):
        explore([bulk("Cu"), bulk("Cu")[:0]], model)


# Similarity, clusters, maps


def test_similarity_is_the_cosine() -> None:
    found = similarity(np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [1.0, 1.0], [0.0, 0.0]]))
    expected = np.sqrt(0.5)
    np.testing.assert_allclose(found[0], [1, 1, 0, expected, 0], atol=1e-12)
    np.testing.assert_allclose(found, found.T)


def test_clusters_are_the_groups_and_strays_are_outliers() -> None:
    stray = np.full((1, 8), 100.0)
    found = cluster(np.concatenate([BLOBS, stray]), 10)
    assert found[-1] == OUTLIER
    assert sorted(set(found.tolist())) == [OUTLIER, 0, 1, 2]
    parts = found[:-1].reshape(3, 30)
    main = [np.bincount(part[part != OUTLIER]).argmax() for part in parts]
    assert len(set(main)) == 3
    assert all((part == kind).mean() > 0.8 for part, kind in zip(parts, main, strict=True))


def test_a_map_keeps_neighbours_together_and_repeats() -> None:
    pytest.importorskip("umap")
    found = embed(BLOBS, neighbours=10, seed=3)
    assert found.shape == (90, 2)
    centres = found.reshape(3, 30, 2).mean(1)
    spread = np.linalg.norm(found.reshape(3, 30, 2) - centres[:, None], axis=-1).max()
    apart = min(np.linalg.norm(centres[a] - centres[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert apart > spread
    np.testing.assert_array_equal(embed(BLOBS, neighbours=10, seed=3), found)
    assert not np.allclose(embed(BLOBS, neighbours=10, seed=4), found)


def test_a_map_without_umap_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MagnetiteError, match=r"magnetite\[explore\]"):
        embed(BLOBS, 10)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((0, 4)), np.array([[1.0, np.nan]]), np.array([[np.inf, 0.0]])])
def test_what_is_no_table_is_refused(bad: np.ndarray) -> None:
    for method in (similarity, lambda a: cluster(a, 2), lambda a: embed(a, 2)):
        with pytest.raises(MagnetiteError):
            method(bad)


def test_settings_out_of_range_are_refused() -> None:
    for size in (0, 1, 91):
        with pytest.raises(MagnetiteError, match="min_cluster_size"):
            cluster(BLOBS, size)
    for neighbours in (1, 90):
        with pytest.raises(MagnetiteError, match="neighbours"):
            embed(BLOBS, neighbours)
    with pytest.raises(MagnetiteError, match="min_distance"):
        embed(BLOBS, 10, 1.5)


# Bain path


@pytest.mark.parametrize(("ratio", "group"), [(1.0, "Im-3m"), (FCC, "Fm-3m"), (1.2, "I4/mmm"), (0.6, "I4/mmm")])
def test_cells_of_the_path_have_their_symmetry(ratio: float, group: str) -> None:
    from pymatgen.core import Structure

    cell = body_centred(ratio)
    assert cell.volume == pytest.approx(11.8)
    found = Structure(cell.lattice, cell.numbers.tolist(), cell.frac_coords)
    assert found.get_space_group_info()[0] == group
    a, _, c = found.to_conventional().lattice.abc
    if group == "I4/mmm":
        assert c / a == pytest.approx(ratio)


@pytest.mark.parametrize("ratio", [0.0, -1.0, np.nan, np.inf])
def test_impossible_ratios_are_refused(ratio: float) -> None:
    with pytest.raises(MagnetiteError, match="c/a must be positive"):
        body_centred(ratio)


def test_the_path_leads_from_bcc_through_tetragonal_to_fcc(path: BainPath) -> None:
    labels = [path.classes[place].label for place in path.winners]
    at = {ratio: labels[int(abs(path.ratios - ratio).argmin())] for ratio in (0.82, 1.0, 1.3, 1.41, 1.52)}
    assert at[1.0] == "bcc_W_A_cI2_229_a"
    assert at[1.41] == "fcc_Cu_A_cF4_225_a"
    assert at[0.82].startswith("bct")
    assert at[1.3].startswith("bct"), "no tetragonal cell from between bcc and fcc was learned from"
    assert at[1.52].startswith("bct")


def test_doubt_is_larger_where_the_answer_changes(path: BainPath) -> None:
    bits = path.mutual_information
    assert bits[path.changes].mean() > 1.5 * bits[~path.changes].mean()


def test_stretches_cover_the_path_without_overlap(path: BainPath) -> None:
    found = path.stretches()
    assert found[0].start == path.ratios[0]
    assert found[-1].end == path.ratios[-1]
    for left, right in pairwise(found):
        assert left.end < right.start
        assert left.label != right.label
    assert all(0 < part.probability <= 1 and part.mutual_information >= 0 for part in found)


def test_a_map_of_lengths_finds_each_ratio() -> None:
    lengths = np.array([2.0, 3.0, 4.0])
    ratios = ratios_of(lengths)
    assert len(ratios) == 7, "1 three times, six others"
    empty = BainPath(ratios, np.ones((7, 1)), np.zeros(7), ())
    np.testing.assert_allclose(ratios[empty.places(lengths)], lengths[:, None] / lengths[None, :], atol=1e-9)
    with pytest.raises(MagnetiteError, match="ratios"):
        empty.places(np.array([2.0, 3.5]))
    assert len(LENGTHS) ** 2 == 3721, "as many cells as in the paper"


# Structures of types that were never learned


@pytest.mark.parametrize("entry", UNSEEN, ids=lambda entry: entry.name)
def test_unseen_structures_are_what_they_claim(entry: Unseen) -> None:
    structure = entry.build()
    pearson, number = entry.aflow.split("_")[1:3]
    assert structure.get_space_group_info()[1] == int(number)
    atoms = len(structure) * (3 if pearson.startswith("hR") else 1)
    assert atoms == int(pearson[2:])
    if entry.aflow in LIBRARY:
        found = StructureMatcher(scale=False).get_rms_dist(structure, LIBRARY[entry.aflow])
        assert found is not None
        assert found[0] < 1e-4


def test_bonds_of_what_the_library_lacks() -> None:
    built = {entry.name: entry.build() for entry in UNSEEN if entry.aflow not in LIBRARY}
    assert set(built) == {"benzene C6H6", "K2PtCl6"}
    ring = built["benzene C6H6"]
    carbon = next(site for site in ring if site.specie.symbol == "C")
    shell = sorted((n.nn_distance, n.specie.symbol) for n in ring.get_neighbors(carbon, 1.6))
    assert [symbol for _, symbol in shell] == ["H", "C", "C"]
    assert [d for d, _ in shell] == pytest.approx([1.08, 1.39, 1.39], abs=0.03)
    salt = built["K2PtCl6"]
    centre = next(site for site in salt if site.specie.symbol == "Pt")
    assert [n.nn_distance for n in salt.get_neighbors(centre, 3.0)] == pytest.approx([2.32] * 6, abs=0.03)


def test_the_model_finds_what_is_plainly_alike(model: PrototypeModel) -> None:
    chosen = [entry for entry in UNSEEN if (entry.probability or 0) > 0.99]
    assert len(chosen) == 2
    found = explore([entry.build() for entry in chosen], model)
    assert found.labels == [entry.answers[0] for entry in chosen]


def test_answers_of_the_paper_are_classes_of_the_model(model: PrototypeModel) -> None:
    known = {entry.label for entry in model.classes}
    assert {label for entry in UNSEEN for label in entry.answers} <= known


# Pictures


def test_pictures_are_drawn(tmp_path: Path, model: PrototypeModel) -> None:
    lengths = np.array([2.0, 2.5, 3.0, 3.5])
    plot_bain(bain_path(ratios_of(lengths), model), {"bcc": 1.0}, tmp_path / "bain.png", lengths)
    plot_similarity(
        {"one": similarity(BLOBS), "two": similarity(BLOBS**2)}, ["a"] * 60 + ["b"] * 30, tmp_path / "s.png"
    )
    panels = {
        "groups": ["a"] * 60 + ["b"] * 30, "clusters": np.arange(90) % 3 - 1,
        "many": np.arange(90), "bits": BLOBS[:, 0],
    }  # fmt: skip
    plot_embedding(BLOBS[:, :2], panels, tmp_path / "map.png")
    plot_embedding(BLOBS[:, :2], panels, tmp_path / "places.png", in_space=True)
    assert (tmp_path / "places.png").read_bytes() != (tmp_path / "map.png").read_bytes()
    for picture in tmp_path.iterdir():
        colours = np.unique(imread(picture)[..., :3].reshape(-1, 3), axis=0)
        assert len(colours) > 20, picture.name
    assert len(list(tmp_path.iterdir())) == 4


def test_what_does_not_fit_a_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MagnetiteError, match="do not fit"):
        plot_similarity({"one": np.eye(3)}, ["a", "b"], tmp_path / "picture.png")
    with pytest.raises(MagnetiteError, match="colours 2 points of 90"):
        plot_embedding(BLOBS[:, :2], {"groups": ["a", "b"]}, tmp_path / "picture.png")
    with pytest.raises(MagnetiteError, match="cannot be written"):
        plot_similarity({"one": np.eye(2)}, ["a", "b"], tmp_path / "nowhere" / "picture.png")
    with pytest.raises(MagnetiteError, match="cannot be written"):
        plot_similarity({"one": np.eye(2)}, ["a", "b"], tmp_path / "picture.nonsense")
    assert not list(tmp_path.iterdir())
