"""The ranking of wave vectors, through the public function."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from monty.json import MontyDecoder, MontyEncoder
from pymatgen.core import Lattice, Structure

import magnetite
from magnetite.cli import main
from magnetite.errors import MagnetiteError, ZooError
from magnetite.order.tasks import k_fold
from magnetite.order.trees import Trees
from magnetite.propagation.couplings import COUPLING_NAMES, energies
from magnetite.propagation.examples import VectorExample
from magnetite.propagation.features import ranker_features
from magnetite.propagation.figures import FOLDS, common_vectors, non_zero_tops, ranks, short_half_vectors
from magnetite.propagation.model import load_ranker
from magnetite.propagation.points import ZoneNames
from magnetite.propagation.ranker import scores_of
from magnetite.propagation.stars import star_of, stars
from magnetite.propagation.train import grow
from magnetite.structures import as_crystal


def test_probabilities_are_shared_out(nio: Structure) -> None:
    every = magnetite.rank_wave_vectors(nio, limit=None)
    assert sum(found.probability for found in every) == pytest.approx(1, abs=1e-4)
    assert [f.probability for f in every] == sorted((f.probability for f in every), reverse=True)
    assert magnetite.rank_wave_vectors(nio, limit=3) == every[:3]
    says = magnetite.analyze_magnetism(nio).zero_k_probability
    assert [f.probability for f in every if f.is_zero] == [pytest.approx(says, abs=1e-6)]
    known = magnetite.rank_wave_vectors(nio, 0.125, limit=None)
    assert [f.probability for f in known if f.is_zero] == [0.125]
    assert sum(f.probability for f in known) == pytest.approx(1, abs=1e-4)


def test_vectors_are_given_in_both_bases(nio: Structure) -> None:
    supercell = nio * [[1, 0, 0], [0, 1, 1], [0, 0, 2]]
    crystal = as_crystal(supercell)
    for found in magnetite.rank_wave_vectors(supercell, limit=20):
        own = np.array([eval_fraction(c) for c in found.k]) @ np.linalg.inv(crystal.primitive[0].lattice).T
        given = np.array([eval_fraction(c) for c in found.k_input]) @ np.linalg.inv(crystal.lattice).T
        np.testing.assert_allclose(own, given, atol=1e-9)


def eval_fraction(text: str) -> float:
    numerator, _, denominator = text.partition("/")
    return int(numerator) / int(denominator or 1)


def test_a_supercell_gets_the_same_answer(rutile: Structure) -> None:
    one, other = (magnetite.rank_wave_vectors(s) for s in (rutile, rutile * (1, 2, 1)))
    assert [(f.point, f.star_size) for f in one] == [(f.point, f.star_size) for f in other]
    np.testing.assert_allclose([f.probability for f in one], [f.probability for f in other], atol=1e-5)


@pytest.mark.parametrize(
    ("group", "lattice", "sites"),
    [
        ("Fd-3m:2", Lattice.cubic(8.33), {"Zn": [1 / 8] * 3, "Cr": [1 / 2] * 3, "O": [0.2616] * 3}),
        ("C2/c", Lattice.monoclinic(4.68, 3.42, 5.13, 99.5), {"Cu": [0.25, 0.25, 0], "O": [0, 0.416, 0.25]}),
        ("R-3c", Lattice.hexagonal(4.96, 13.6), {"Cr": [0, 0, 0.3475], "O": [0.306, 0, 0.25]}),
    ],
    ids=["spinel", "tenorite", "corundum"],
)  # fmt: skip
def test_every_cell_gets_the_same_answer(group: str, lattice: Lattice, sites: dict[str, list[float]]) -> None:
    conventional = Structure.from_spacegroup(group, lattice, list(sites), list(sites.values()))
    primitive = conventional.get_primitive_structure()
    others = [primitive, primitive.make_supercell([[2, 1, 1], [1, 1, 0], [1, 0, 2]], in_place=False)]
    expected = magnetite.rank_wave_vectors(conventional, 0.3)
    for other in others:
        found = magnetite.rank_wave_vectors(other, 0.3)
        assert [f.point for f in found] == [f.point for f in expected]
        np.testing.assert_allclose([f.probability for f in found], [f.probability for f in expected], atol=1e-5)


def test_answers_survive_json(nio: Structure) -> None:
    found = magnetite.rank_wave_vectors(nio)
    assert json.loads(json.dumps(found, cls=MontyEncoder), cls=MontyDecoder) == found


def test_a_crystal_without_magnetic_atoms_has_none() -> None:
    silicon = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]])
    assert magnetite.rank_wave_vectors(silicon) == []


def test_rock_salt_oxides_order_at_l(nio: Structure) -> None:
    best = max((f for f in magnetite.rank_wave_vectors(nio) if not f.is_zero), key=lambda f: f.probability)
    assert (best.point, best.star_size) == ("L", 4)


@pytest.mark.parametrize("wrong", [2.0, -0.5, float("nan")])
def test_what_is_no_probability_is_refused(wrong: float, nio: Structure) -> None:
    with pytest.raises(MagnetiteError, match="between 0 and 1"):
        magnetite.rank_wave_vectors(nio, wrong)
    with pytest.raises(MagnetiteError, match="limit is a number"):
        magnetite.rank_wave_vectors(nio, limit=-1)


def test_only_rankers_rank() -> None:
    with pytest.raises(ZooError, match="not of wave vectors"):
        load_ranker("prototypes", "cpu")


def test_weights_that_do_not_fit_are_refused() -> None:
    ranker = load_ranker(device="cpu")
    with pytest.raises(ZooError, match="do not fit"):
        type(ranker).from_weights(ranker.card, {}, torch.device("cpu"))


def test_trees_learn_which_candidate_is_right(nio: Structure, rutile: Structure) -> None:
    """Taught that all order at the shortest vector of period 3, they say so of a crystal they did not see."""
    examples = [lesson(s, i) for i, s in enumerate((nio, rutile))]
    trees = Trees.from_boosting([grow(examples * 20)])
    unseen = lesson(Structure.from_spacegroup("Im-3m", Lattice.cubic(2.88), ["Cr"], [[0, 0, 0]]), 2)
    for example in (*examples, unseen):
        scores = scores_of(trees, example.features)
        assert example.candidates[int(np.argmax(scores[1:])) + 1].period == 3


def lesson(structure: Structure, number: int) -> VectorExample:
    cell = as_crystal(structure).primitive[0]
    candidates = stars(cell)
    label = next(i for i, star in enumerate(candidates) if star.period == 3)
    features = ranker_features(cell, candidates)
    return VectorExample(
        str(number), str(number), str(number), cell.elements, candidates, features, label, is_zero=False
    )


def test_ranks_count_ties_against_the_ranking(nio: Structure) -> None:
    example = lesson(nio, 0)
    assert example.label is not None
    scores = np.zeros(len(example.candidates))
    assert ranks([example], [scores])[0] == len(scores)
    scores[example.label] = 1
    assert ranks([example], [scores])[0] == 1


def test_the_trivial_ranking_by_frequency_counts_other_folds_alone(nio: Structure) -> None:
    example = lesson(nio, 0)
    assert example.label is not None
    names = sorted(map(str, range(30)), key=lambda name: k_fold(name, FOLDS))
    same, other = names[:2], names[-1]  # two formulas of the first fold, one of the last
    scores = common_vectors([replace(example, formula=formula) for formula in (*same, other)])
    assert [score[example.label] for score in scores] == [1, 1, 2]
    assert all(np.delete(score, example.label).sum() == 0 for score in scores)


def test_trivial_and_measured_rankings_of_what_is_not_zero(nio: Structure) -> None:
    example = lesson(nio, 0)
    order = np.argsort(-short_half_vectors([example])[0], kind="stable")
    names = ZoneNames(as_crystal(nio).primitive[0].lattice)
    assert [names(example.candidates[index]) for index in order[:3]] == ["Γ", "L", "X"]
    scores = np.where([star.is_zero for star in example.candidates], 9.0, 0.0)
    scores[example.label] = 1
    assert non_zero_tops([example], [scores]) == {1: 1, 3: 1}, "k = 0 is another question"
    scores[1:3] = 2
    assert non_zero_tops([example, replace(example, is_zero=True)], [scores] * 2) == {1: 0, 3: 1}


def test_files_are_ranked_one_after_another(nio: Structure, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nio.to(str(tmp_path / "NiO.cif"))
    (tmp_path / "bad.cif").write_text("nothing")
    files = [str(tmp_path / "NiO.cif"), str(tmp_path / "bad.cif")]
    assert main(["kvectors", *files, "--format", "jsonl", "--limit", "2", "--device", "cpu"]) == 2
    out, err = capsys.readouterr()
    (row,) = map(json.loads, out.splitlines())
    assert [len(row["vectors"]), row["formula"]] == [2, "NiO"]
    assert "bad.cif" in err
    assert main(["kvectors", files[0], "--device", "cpu"]) == 0
    _, first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(files[0])
    assert " L " in first
    assert second.startswith(" ")
    assert main(["kvectors", files[0], "--zero-model", "propagation", "--device", "cpu"]) == 2
    assert "not of magnetic order" in capsys.readouterr().err


def test_a_ferromagnet_comes_with_k_of_zero_first(capsys: pytest.CaptureFixture[str]) -> None:
    iron = Path(__file__).resolve().parents[2] / "examples" / "structures" / "Fe.cif"
    assert main(["kvectors", str(iron), "--format", "jsonl", "--limit", "1", "--device", "cpu"]) == 0
    (first,) = json.loads(capsys.readouterr().out)["vectors"]
    assert first["k"] == ["0", "0", "0"]


def test_superexchange_at_180_degrees_chooses_l(nio: Structure) -> None:
    """Second neighbours of the fcc lattice alone, antiferromagnetic: L satisfies all six (Luttinger and Tisza)."""
    cell = as_crystal(nio).primitive[0]
    candidates = stars(cell)
    found = energies(cell, np.array([s.k for s in candidates], dtype=float), np.nan)[COUPLING_NAMES.index("bridged")]
    best = int(np.argmin(found))
    assert star_of(cell.lattice @ np.full(3, 0.5) / 4.177, candidates) == best  # (1/2 1/2 1/2) of the cubic cell
    assert found[best] == pytest.approx(-1)
    assert found[0] == pytest.approx(1)


def test_superexchange_at_90_degrees_is_weakly_ferromagnetic(nio: Structure) -> None:
    """Of 24 bridges to nearest neighbours half cancel the other half at L; none of the 6 straight ones does."""
    cell = as_crystal(nio).primitive[0]
    waves = np.array([[0, 0, 0], cell.lattice @ np.full(3, 0.5) / 4.177])
    found = energies(cell, waves, np.nan)[COUPLING_NAMES.index("bridged with ferromagnetic 90°")]
    assert found == pytest.approx(np.array([6 - 24 * 0.3, -6]) / (6 + 24 * 0.3))


def test_energies_do_not_depend_on_the_cell(corundum: Structure) -> None:
    found = []
    for structure in (corundum, corundum * [[1, 0, 0], [2, 1, 0], [0, 0, 1]]):
        cell = as_crystal(structure).primitive[0]
        found.append(np.sort(energies(cell, np.array([s.k for s in stars(cell)], dtype=float), np.nan), axis=1))
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
