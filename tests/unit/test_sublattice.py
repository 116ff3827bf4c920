"""The magnetic sublattice as numbers: known crystals, a plain construction, and what must not change them."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp

from magnetite.datasets.records import read_records
from magnetite.elements import CAN_CARRY
from magnetite.structures import Crystal, as_crystal
from magnetite.sublattice.balance import OpenSites, balance
from magnetite.sublattice.features import COORDINATION, FILL, GEOMETRY_NAMES, REACH, SHELL_WIDTH, magnetic_geometry
from magnetite.sublattice.symmetry import MAX_ATOMS, SYMMETRY_NAMES
from magnetite.sublattice.valence import valence

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples" / "structures").iterdir())
OTHER_BASES = [
    [[1, 1, 0], [0, 1, 0], [0, 0, 1]],
    [[0, 0, -1], [1, 0, 2], [0, -1, 1]],
    [[2, 1, 1], [1, 1, 0], [1, 0, 2]],
]


def describe(structure: Structure | Crystal) -> dict[str, float]:
    """Features by name, of the primitive cell."""
    found = magnetic_geometry(as_crystal(structure).primitive[0])
    return dict(zip(GEOMETRY_NAMES, found.tolist(), strict=True))


def structure_of(crystal: Crystal) -> Structure:
    return Structure(crystal.lattice, crystal.numbers.tolist(), crystal.frac_coords)


def test_names_are_distinct_and_few() -> None:
    assert len(set(GEOMETRY_NAMES)) == len(GEOMETRY_NAMES) <= 64


def test_rock_salt(nio: Structure) -> None:
    found = describe(nio)
    expected = {
        "distance 1 mean": 4.177 / 2**0.5, "neighbours 1 mean": 12, "distance 2 mean": 4.177, "neighbours 2 min": 6,
        "distance 2 / distance 1": 2**0.5, "distance 3 / distance 1": 1.5**0.5 * 2**0.5, "copies 1": 1, "copies 3": 1,
        "ligand distance mean": 4.177 / 2, "ligands mean": 6, "ligand distance spread": 0, "ligands spread": 0,
        # each O joins six Ni: three pairs across, twelve at a right angle
        "angle mean": 108, "angle max": 180, "angles 160–180": 0.2, "angles 80–100": 0.8, "angles 110–145": 0,
        "bridges per site": 1, "bridged copies": 1,
        # straight bonds make four independent antiferromagnets, as in type II: all pairs satisfied, by a wave
        "bridged gain": 2, "bridged satisfaction": 1,
        "charge of open sites": 2, "open sites": 1, "electrons of open sites": 8,
        "space group": 225, "operations": 48, "magnetic orbits": 1, "sites per orbit": 1, "orbits": 2, "inversion": 1,
        "inversion at sites": 1, "odd magnetic": 1, "imbalance U metals": 1, "odd sites per orbit": 1,
        "shortest vector": 4.177, "longest vector": 4.177, "longest / shortest": 1,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=2e-5)
    assert 0 < found["direct satisfaction"] < 0.5, "twelve neighbours at one distance are frustrated"


def test_bipartite_sublattice_needs_no_wave(rutile: Structure) -> None:
    found = describe(rutile)
    assert found["bridged copies"] < 0.2
    perovskite = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(4.0), ["La", "Fe", "O"], [[0.5, 0.5, 0.5], [0, 0, 0], [0, 0, 0.5]]
    )
    assert describe(perovskite)["bridged gain"] == pytest.approx(2), "one Fe in the cell"
    doubled = perovskite.make_supercell([[0, 1, 1], [1, 0, 1], [1, 1, 0]], in_place=False)
    doubled.replace(next(i for i, site in enumerate(doubled) if site.specie.symbol == "Fe"), "Mn")
    found = describe(doubled)
    assert (found["bridged gain"], found["bridged satisfaction"]) == pytest.approx((0, 1)), "two in the cell"


def test_frustration() -> None:
    body_centred = Structure.from_spacegroup("Im-3m", Lattice.cubic(2.87), ["Fe"], [[0, 0, 0]])
    face_centred = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Fe"], [[0, 0, 0]])
    assert describe(face_centred)["direct satisfaction"] < describe(body_centred)["direct satisfaction"] - 0.1


@pytest.mark.parametrize(
    ("formula", "charge", "sites", "electrons"),
    [
        ("Fe2 O3", 3, 2, 5), ("Fe3 O4", 8 / 3, 3, 16 / 3), ("La1 Fe1 As1 O1", 2, 1, 6), ("K1 Cu1 F3", 2, 1, 9),
        ("Li1 Fe1 P1 O4", 2, 1, 6), ("Eu1 O1", 2, 1, 7), ("Nd1 Mn1 O3", 3, 1, 4),
        ("Gd1 N1", FILL, 0, FILL), ("Fe1", 0, 1, 8), ("Fe1 Al9", FILL, 1, FILL),
    ],
)  # fmt: skip
def test_charge_balance(formula: str, charge: float, sites: int, electrons: float) -> None:
    from pymatgen.core import Composition

    numbers = [element.Z for element, n in Composition(formula).items() for _ in range(int(n))]
    assert valence(np.array(numbers), FILL) == pytest.approx([charge, sites, electrons])


@pytest.mark.parametrize(
    ("sites", "magnetic", "metals", "more"),
    [
        ("Ni1", (1, 1, 1, 1), (1, 1, 1, 1), (1, 1)),
        ("Mn4", (0, 1, 4, 1), (0, 1, 4, 1), (4, 1)),  # one element is up or down as a whole
        ("Fe1 Mo1", (0, 2, 1, 0), (0, 2, 1, 0), (2, 0.5)),
        ("Fe4 Co2 Ni1", (1, 3, 1, 1 / 7), (1, 3, 1, 1 / 7), (7, 4 / 7)),
        ("Nd4 Fe2 Cr2", (0, 3, 2, 0), (0, 2, 2, 0), (4, 0.5)),
        ("Gd2 Cu1", (1, 2, 1, 1 / 3), (0, 0, 0, 0), (0, 0)),
    ],
)
def test_balance_of_sites(
    sites: str, magnetic: tuple[float, ...], metals: tuple[float, ...], more: tuple[float, float]
) -> None:
    from pymatgen.core import Composition

    numbers = np.array([element.Z for element, n in Composition(sites).items() for _ in range(int(n))])
    found = balance(numbers, OpenSites(8 / 3, FILL, 3), FILL)
    assert found.tolist() == pytest.approx([*magnetic, *metals, *more, 1 / 3, FILL, 1])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("seed", [None, 0])
def test_another_cell_of_the_same_crystal(path: Path, seed: int | None) -> None:
    """Also without any symmetry left, so that invariance is not the symmetry's doing."""
    crystal = as_crystal(path).primitive[0]
    rng = np.random.default_rng(0 if seed is None else seed)
    if seed is not None:
        moved = crystal.frac_coords + rng.normal(0, 0.1, (len(crystal), 3)) @ np.linalg.inv(crystal.lattice)
        crystal = Crystal(crystal.lattice, moved, crystal.numbers)
    expected = magnetic_geometry(crystal)
    structure = structure_of(crystal)
    turned = structure.copy()
    turned.apply_operation(SymmOp.from_axis_angle_and_translation([1, 2, 3], 37.0))
    turned.translate_sites(range(len(turned)), rng.random(3), to_unit_cell=False)
    shuffled = Structure.from_sites([structure[i] for i in rng.permutation(len(structure))])
    bases = [structure.make_supercell(basis, in_place=False, to_unit_cell=True) for basis in OTHER_BASES]
    for basis, other in zip(OTHER_BASES, bases, strict=True):
        assert abs(round(np.linalg.det(basis))) == 1
        assert len(other) == len(crystal)
    others = [as_crystal(other) for other in (turned, shuffled, *bases)]
    others += [as_crystal(structure.make_supercell(scaling, in_place=False)).primitive[0] for scaling in (2, (1, 1, 3))]
    for other in others:
        np.testing.assert_allclose(magnetic_geometry(other), expected, rtol=1e-6, atol=1.5e-5)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_noise_of_a_relaxation_changes_nothing(path: Path) -> None:
    """Trees split where ideal crystals end: at a spread of exactly 0, an angle of exactly 180°."""
    crystal = as_crystal(path).primitive[0]
    rng = np.random.default_rng(0)
    moved = crystal.frac_coords + rng.normal(0, 3e-4, (len(crystal), 3)) @ np.linalg.inv(crystal.lattice)
    noisy = magnetic_geometry(Crystal(crystal.lattice * (1 + rng.normal(0, 1e-5, (3, 3))), moved, crystal.numbers))
    expected = magnetic_geometry(crystal)
    np.testing.assert_allclose(noisy, expected, rtol=1e-3, atol=2e-2)
    np.testing.assert_array_equal(noisy == 0, expected == 0)


@pytest.mark.parametrize("name", ["corundum", "rutile"])
def test_shells_and_angles_are_those_of_a_plain_construction(name: str, request: pytest.FixtureRequest) -> None:
    structure = request.getfixturevalue(name).copy()
    rng = np.random.default_rng(3)
    for index in range(len(structure)):
        structure.translate_sites([index], rng.normal(0, 0.1, 3), frac_coords=False)
    distances, counts, nearest, coordination = [], [], [], []
    bonds: dict[int, list[tuple[np.ndarray, bool]]] = {}
    for index, site in enumerate(structure):
        if not CAN_CARRY[site.specie.Z]:
            continue
        near = structure.get_neighbors(site, REACH)
        rest = sorted(n.nn_distance for n in near if CAN_CARRY[n.specie.Z])
        first = [d for d in rest if d < SHELL_WIDTH * rest[0]]
        second = [d for d in rest[len(first) :] if d < SHELL_WIDTH * rest[len(first)]]
        distances.append((first[0], second[0]))
        counts.append((len(first), len(second)))
        ligands = [n for n in near if not CAN_CARRY[n.specie.Z]]
        nearest.append(min(n.nn_distance for n in ligands))
        coordinated = [n for n in ligands if n.nn_distance < COORDINATION * nearest[-1]]
        coordination.append(len(coordinated))
        for ligand in coordinated:
            bonds.setdefault(ligand.index, []).append((ligand.coords - site.coords, index))
    angles, copies, strengths = [], 0.0, 0.0
    for ends in bonds.values():
        for (one, i), (other, j) in itertools.combinations(ends, 2):
            cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
            angles.append(np.degrees(np.arccos(cosine)))
            strengths += cosine**2
            copies += cosine**2 * (i == j)
    found = describe(structure)
    assert found["distance 1 mean"] == pytest.approx(np.mean(distances, axis=0)[0], abs=1e-5)
    assert found["distance 2 min"] == pytest.approx(np.min(distances, axis=0)[1], abs=1e-5)
    assert found["neighbours 1 mean"] == pytest.approx(np.mean(counts, axis=0)[0], abs=1e-5)
    assert found["neighbours 2 min"] == np.min(counts, axis=0)[1]
    assert found["ligand distance spread"] == pytest.approx(np.std(nearest), abs=1e-5)
    assert found["ligands mean"] == pytest.approx(np.mean(coordination), abs=1e-5)
    assert found["angle mean"] == pytest.approx(np.mean(angles), abs=1e-4)
    assert found["angle max"] == pytest.approx(np.max(angles), abs=1e-4)
    assert found["bridged copies"] == pytest.approx(copies / strengths, abs=1e-5)
    assert found["space group"] == 1
    assert found["inversion at sites"] == 0


@pytest.mark.parametrize("name", ["Si.cif", "NaCl.extxyz", "Cu.cif"])
def test_crystals_without_magnetic_atoms(name: str) -> None:
    crystal = as_crystal(next(path for path in EXAMPLES if path.name == name)).primitive[0]
    if any(CAN_CARRY[z] for z in crystal.numbers):
        assert magnetic_geometry(crystal)[0] > 0
    else:
        assert (magnetic_geometry(crystal) == FILL).all()


def test_a_lone_atom_has_empty_shells_and_no_angles() -> None:
    found = describe(Structure(Lattice.cubic(15), ["Fe"], [[0.2, 0.3, 0.4]]))
    assert found["distance 1 mean"] == found["distance 3 min"] == REACH
    assert found["neighbours 1 mean"] == found["ligands mean"] == found["bridges per site"] == 0
    assert found["angle mean"] == found["bridged gain"] == found["direct gain"] == FILL
    assert found["space group"] == 221


def test_large_cells_are_described_without_symmetry() -> None:
    rng = np.random.default_rng(0)
    grid = np.array(list(itertools.product(range(7), repeat=3))) / 7
    crystal = Crystal(np.eye(3) * 21, grid + rng.normal(0, 0.005, grid.shape), np.where(np.arange(343) % 5, 8, 26))
    assert len(crystal) > MAX_ATOMS
    found = dict(zip(GEOMETRY_NAMES, magnetic_geometry(crystal), strict=True))
    assert {found[name] for name in SYMMETRY_NAMES} == {FILL}
    assert found["direct gain"] == FILL
    assert 2 < found["ligand distance mean"] < 4


def test_everything_is_finite_on_real_crystals(data_folder: Path) -> None:
    rows = itertools.islice(read_records(data_folder / "magndata" / "magndata.jsonl.gz"), 0, 1500, 15)
    found = [list(describe(as_crystal(row["parent_cell"])).values()) for row in rows if row["usable"]]
    assert len(found) > 50
    assert np.isfinite(found).all()
    assert (np.std(found, axis=0) > 0).all(), "every feature tells crystals apart"


def test_remarks_of_the_symmetry_library_are_not_printed() -> None:
    """Python prints warnings of loggers that nobody has set up: nameless lines between the rows of a screening."""
    code = """
from magnetite.structures import Crystal
from magnetite.sublattice import magnetic_geometry
import numpy as np
coords = [[-0.00321, -0.0053, -5e-05], [0.50168, 0.50454, 0.01326], [-0.00221, -0.00314, 0.02663],
          [0.50654, 0.50109, 0.03948]]
magnetic_geometry(Crystal(np.diag([2.87, 2.87, 108.0]), np.array(coords), np.full(4, 26)))
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stderr == ""
