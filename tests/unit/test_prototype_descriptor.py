"""The descriptor of structure types: against the authors' vectors, its invariances, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.build import bulk
from e3nn.o3 import spherical_harmonics
from scipy.integrate import quad
from scipy.spatial.transform import Rotation

from magnetite.clusters import Cluster, as_sample
from magnetite.errors import StructureError
from magnetite.prototypes import pairs as pairs_module
from magnetite.prototypes.angular import products, to_harmonics
from magnetite.prototypes.descriptor import SIZE, Soap, describe, describe_many_settings, find_pairs
from magnetite.prototypes.pairs import Pairs
from magnetite.prototypes.radial import N_MAX, _orthonormal, radial_functions, radial_table
from magnetite.prototypes.scale import typical_distance
from magnetite.prototypes.supercells import pristine_samples, read_prototypes, repeated
from magnetite.structures import Crystal, as_crystal

RNG = np.random.default_rng(0)
ODDITY = 0.005
"""Å; half a bin of numpy's histogram of numbers that are equal to the last bit, in the authors' vectors."""


def described(sample, **keywords):
    return describe([find_pairs(sample, **keywords)], dtype=torch.float64)[0].numpy()


def piece(structure, repeats=3):
    crystal = repeated(as_crystal(structure), (repeats,) * 3)
    return Cluster(crystal.frac_coords @ crystal.lattice, crystal.numbers)


def shaken(sample, size=0.05):
    moves = RNG.normal(scale=size, size=(len(sample), 3))
    if isinstance(sample, Cluster):
        return Cluster(sample.positions + moves, sample.numbers)
    return Crystal(sample.lattice, sample.frac_coords + moves @ np.linalg.inv(sample.lattice), sample.numbers)


@pytest.fixture(params=["crystal", "cluster", "large crystal"])
def sample(request, corundum):
    if request.param == "cluster":
        return shaken(piece(corundum, 2))
    return shaken(as_crystal(corundum) if request.param == "crystal" else repeated(as_crystal(corundum), (3, 3, 1)))


def test_authors_vectors(data_folder, monkeypatch):
    folder = data_folder / "arise"
    if not folder.is_dir():
        pytest.skip("the prototypes are not here")
    stored = np.load(folder / "reference_soap" / "soap_pristine.npz")
    samples = [v for v in pristine_samples(read_prototypes(folder / "prototypes")) if len(set(v.sample.numbers)) == 1]
    found = []
    for shift in (0, ODDITY, -ODDITY):

        def unit(nearest, shift=shift):
            return typical_distance(nearest) + (shift if np.ptp(nearest) < 1e-6 else 0)

        monkeypatch.setattr(pairs_module, "typical_distance", unit)
        found.append(describe([find_pairs(variant.sample) for variant in samples]).numpy())
    classes = {variant.prototype.index for variant in samples}
    assert len(classes) > 35
    for index in classes:
        of_class = [i for i, variant in enumerate(samples) if variant.prototype.index == index]
        apart = abs(stored["x"][stored["y"] == index][:, None, None] - np.array(found)[:, of_class]).max(axis=3).min(1)
        assert apart.min(axis=0).max() < 1e-5
        assert apart.min(axis=1).max() < 1e-5
    exact = abs(stored["x"][:, None] - found[0]).max(axis=2).min(axis=0) < 1e-5
    assert exact.mean() > 0.6


def test_authors_vectors_of_compounds(data_folder):
    folder = data_folder / "arise"
    if not folder.is_dir():
        pytest.skip("the prototypes are not here")
    stored = np.load(folder / "reference_soap" / "soap_pristine.npz")
    names = ("RockSalt_NaCl", "NiAs", "L10_CuAu", "Wurtzite_ZnS", "GeSe", "FeSi")
    prototypes = [p for p in read_prototypes(folder / "prototypes") if p.label in names]
    assert len(prototypes) == len(names)
    for prototype in prototypes:
        finite = [find_pairs(variant.sample) for variant in pristine_samples([prototype]) if not variant.periodic]
        for vector in describe(finite).numpy():
            assert abs(stored["x"][stored["y"] == prototype.index] - vector).max(axis=1).min() < 1e-5


def test_rotation_translation_permutation(sample):
    wanted = described(sample)
    turn = Rotation.random(random_state=1).as_matrix()
    order = RNG.permutation(len(sample))
    numbers = sample.numbers[order]
    if isinstance(sample, Cluster):
        other = Cluster(sample.positions[order] @ turn + [5.0, -3.0, 100.0], numbers)
    else:
        other = Crystal(sample.lattice @ turn, sample.frac_coords[order] + [0.3, 7.1, -0.4], numbers)
    assert abs(described(other) - wanted).max() < 1e-8
    assert np.isclose(np.linalg.norm(wanted), np.linalg.norm(wanted[:-1]))
    assert wanted.shape == (SIZE,)
    assert wanted[-1] == 0


@pytest.mark.parametrize("repeats", [(2, 1, 1), (3, 2, 2)])
def test_supercell(corundum, repeats):
    for crystal in (as_crystal(corundum), shaken(as_crystal(corundum))):
        assert abs(described(repeated(crystal, repeats)) - described(crystal)).max() < 1e-8


def test_skewed_cell(nio):
    crystal = as_crystal(nio)
    skew = np.array([[1, 3, 0], [0, 1, 5], [0, 0, 1]])
    skewed = Crystal(skew @ crystal.lattice, crystal.frac_coords @ np.linalg.inv(skew), crystal.numbers)
    assert abs(described(skewed) - described(crystal)).max() < 1e-8


def test_size_of_the_crystal_does_not_matter(nio):
    wanted = described(as_crystal(nio))
    nio.scale_lattice(nio.volume * 1.3)
    assert abs(described(as_crystal(nio)) - wanted).max() < 1e-8


def test_names_of_the_elements_do_not_matter(nio):
    wanted = described(as_crystal(nio))
    nio.replace_species({"Ni": "Xe", "O": "Na"})
    assert abs(described(as_crystal(nio)) - wanted).max() < 1e-8


def test_tree_and_all_with_all_agree(sample, monkeypatch):
    wanted = described(sample)
    monkeypatch.setattr("magnetite.prototypes.neighbours.ALL_WITH_ALL", 0)
    monkeypatch.setattr("magnetite.prototypes.neighbours.CENTRES_PER_PIECE", 7)
    assert abs(described(sample) - wanted).max() < 1e-10


def test_against_the_plain_formula(rutile):
    """Every centre, every neighbour, every order, without a table or a shortcut."""
    crystal = shaken(as_crystal(rutile))
    cells = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    everywhere = ((crystal.frac_coords + cells) @ crystal.lattice).reshape(-1, 3)
    kinds = np.tile(crystal.numbers, len(cells))
    own = crystal.frac_coords @ crystal.lattice
    vectors = []
    for a in np.unique(crystal.numbers):
        for b in np.unique(crystal.numbers):
            between = everywhere[kinds == b][None] - own[crystal.numbers == a][:, None]
            r = np.linalg.norm(between, axis=2)
            r[r < 1e-9] = np.inf
            scaled = between / typical_distance(r.min(axis=1))
            r = np.linalg.norm(scaled, axis=2)
            scaled, r = scaled[(r < 4) & (r > 0)], r[(r < 4) & (r > 0)]
            fade = np.where(r > 3.5, 0.5 + 0.5 * np.cos(np.pi * (r - 3.5) / 0.5), 1)
            radial = radial_functions(r, Soap()) * fade[:, None, None]
            flat = []
            for order in range(7):
                y = spherical_harmonics(order, torch.from_numpy(scaled), normalize=True).numpy()
                c = radial[:, order].T @ y / np.sqrt(2 * order + 1)  # e3nn's default is the norm 1
                flat.append(c @ c.T * np.sqrt(2 * order + 1))
            p = np.stack(flat, axis=-1)
            p = np.concatenate([p[i, j] * (1 if i == j else np.sqrt(2)) for i in range(N_MAX) for j in range(i + 1)])
            vectors.append(p / np.linalg.norm(p))
    assert abs(described(crystal)[:-1] - np.mean(vectors, axis=0)).max() < 1e-6


def test_batches_settings_and_precision(nio, rutile, corundum):
    samples = [as_crystal(nio), piece(rutile, 2), shaken(as_crystal(corundum))]
    settings = [(Soap(cutoff, sigma), scale) for cutoff in (3.0, 5.0) for sigma in (0.08, 0.12) for scale in (0.95, 1)]
    for place, sample in enumerate(samples):
        many = describe_many_settings(sample, settings)
        for row, (soap, scale) in zip(many, settings, strict=True):
            together = describe([find_pairs(s, soap=soap, scale=scale) for s in samples], soap)
            assert (together[place] - row).abs().max() < 5e-6
            single = describe([find_pairs(sample, soap=soap, scale=scale)], soap, dtype=torch.float64)[0]
            assert (single - row).abs().max() < 5e-6
    assert describe([]).shape == describe_many_settings(samples[0], []).shape == (0, SIZE)


def test_merging_keeps_the_sums(nio):
    found = find_pairs(piece(nio, 2))
    merged = found.merged()
    assert merged.n_edges < found.n_edges / 5
    assert merged.counts.sum() == found.n_edges
    both = describe([found, merged, merged.merged()], dtype=torch.float64)
    assert (both - both[0]).abs().max() < 1e-10


def test_same_species_lists_half(nio):
    found = find_pairs(as_crystal(nio))
    whole = [np.concatenate([v, -v]) if same else v for (v, _), same in zip(found.parts, found.same, strict=True)]
    full = Pairs(np.concatenate(whole), np.cumsum([len(v) for v in whole]), np.zeros(3, bool), found.shares)
    assert (describe([full], dtype=torch.float64) - describe([found], dtype=torch.float64)).abs().max() < 1e-12
    assert np.isclose(found.shares.sum(), 1)


@pytest.mark.parametrize("parity", [0, 1])
def test_products_make_harmonics(parity):
    points = torch.from_numpy(Rotation.random(50, random_state=0).as_matrix()[:, 0].copy())
    ours = products(points.T, parity).T @ to_harmonics(parity, torch.device("cpu"))
    theirs = spherical_harmonics(list(range(parity, 7, 2)), points, normalize=True, normalization="integral")
    assert (ours - theirs).abs().max() < 1e-10


def test_closed_form_of_the_overlaps():
    """L, recovered from K⁻¹L, is a square root of the integrals that it shall be."""
    alpha, r = 50.0, np.array([0.0, 0.1, 0.25, 0.6])
    lower = np.exp(-alpha * (r[:, None] - r) ** 2) @ _orthonormal(r, alpha)
    for i, a in enumerate(r):
        for j, b in enumerate(r):
            wanted = quad(
                lambda x, a=a, b=b: x**2 * np.exp(-alpha * ((x - a) ** 2 + (x - b) ** 2)), 0, 2, points=[a, b]
            )
            assert (lower @ lower.T)[i, j] == pytest.approx(wanted[0], abs=1e-9)


def test_table_holds_the_functions():
    soap = Soap()
    node = np.arange(150, 2000, 50)
    assert abs(radial_table(soap)[node + 1] - radial_functions(node * soap.step, soap)).max() < 1e-12


def test_typical_distance():
    assert typical_distance(np.full(7, 2.5)) == 2.5
    assert typical_distance(2.5 + RNG.uniform(0, 1e-12, 7)) == pytest.approx(2.5, abs=1e-9)
    mixed = np.array([2.0] * 5 + [3.0] * 6)  # 5/4 beats 6/9
    assert typical_distance(mixed) == pytest.approx(2.005)
    assert typical_distance(RNG.permutation(mixed) + 1e-13 * RNG.normal(size=11)) == pytest.approx(2.005)
    assert typical_distance(np.array([2.0] * 2 + [3.0] * 9)) == pytest.approx(2.995)


def test_a_scattered_shell_is_still_the_most_common():
    """Two shells of ScPSe3; the bins of the first are lower than the one of the second as soon as it scatters."""
    for width in (0.0, 0.004, 0.02, 0.08):
        scattered = RNG.uniform(3.93 - width, 3.93 + width, 60)
        found = typical_distance(np.concatenate([scattered, np.full(20, 4.16), [3.8, 4.2]]))
        assert found == pytest.approx(3.93, abs=width + 0.01)


def test_rare_species_are_vacancies():
    host = piece(as_crystal({"lattice": np.eye(3) * 3, "species": ["Fe"], "frac_coords": [[0, 0, 0]]}), 5)
    numbers = host.numbers.copy()
    numbers[62] = 78
    holed = Cluster(np.delete(host.positions, 62, axis=0), np.delete(host.numbers, 62))
    found = find_pairs(Cluster(host.positions, numbers))
    assert found.left_out == (78,)
    assert (describe([found]) - describe([find_pairs(holed)])).abs().max() < 1e-6
    numbers[:3] = 78
    assert find_pairs(Cluster(host.positions, numbers)).left_out == ()
    assert find_pairs(Cluster(host.positions, numbers), min_atoms=5).left_out == (78,)


def test_foreign_atoms_of_a_crystal_are_vacancies():
    host = bulk("Cu", cubic=True).repeat(4)
    host.symbols[0] = "Ni"
    assert find_pairs(as_sample(host)).left_out == (28,)
    fewer = bulk("Cu", cubic=True).repeat(2)
    fewer.symbols[0] = "Ni"
    assert find_pairs(as_sample(fewer)).left_out == ()  # one in 32 may be a compound


def test_refusals():
    fe = np.array([26, 26])
    with pytest.raises(StructureError, match="lonely: is finite and has fewer than 2 atoms"):
        find_pairs(Cluster(np.zeros((1, 3)), fe[:1], "lonely"))
    with pytest.raises(StructureError, match="fewer than 2 atoms"):
        find_pairs(Cluster(np.array([[0, 0, 0], [0, 0, 2.0]]), np.array([26, 78])))
    with pytest.raises(StructureError, match=r"only 0\.100 Å apart"):
        find_pairs(Cluster(np.array([[0, 0, 0], [0, 0, 0.1]]), fe))
    with pytest.raises(StructureError, match="far: no atom Fe has an atom Fe within 50 Å"):
        find_pairs(Cluster(np.array([[0, 0, 0], [0, 0, 60.0]]), fe, "far"))
    with pytest.raises(ValueError, match="cutoff"):
        Soap(cutoff=0.2)


def test_too_many_pairs(nio, monkeypatch):
    monkeypatch.setattr(pairs_module, "MAX_EDGES", 100)
    with pytest.raises(StructureError, match="more than 100 pairs"):
        find_pairs(piece(nio, 2))


def test_single_atom_cell_and_slab():
    lone = as_crystal({"lattice": np.eye(3) * 3, "species": ["Po"], "frac_coords": [[0, 0, 0]]})
    slab = Crystal(np.diag([3.0, 3.0, 40.0]), np.zeros((1, 3)), np.array([84]))
    assert np.linalg.norm(described(lone)) == pytest.approx(1)
    assert np.linalg.norm(described(slab)) == pytest.approx(1)
    assert abs(described(slab) - described(lone)).max() > 0.05
