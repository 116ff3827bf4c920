"""The reader of magnetic CIF files, against cells that are known independently of it.

`magnetic_cif` lets spglib find the magnetic operations of a cell that is written out in full here,
and writes only its asymmetric unit; reading must give the full cell back.
"""

import gzip
from fractions import Fraction

import numpy as np
import pytest
import spglib
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcif_text import mcif_text
from pymatgen.core import Element, Lattice, Structure

from magnetite.datasets.mcif import read_mcif
from magnetite.datasets.wave_vectors import is_lattice_vector, parse_wave_vector
from magnetite.errors import MagnetiteError, ReadError, StructureError
from magnetite.structures import as_crystal

DRAFT = {  # tags as the drafts of the dictionary spell them
    "_space_group_symop_magn_operation.xyz": "_space_group_symop.magn_operation_xyz",
    "_space_group_symop_magn_centering.xyz": "_space_group_symop.magn_centering_xyz",
    "_atom_site_moment.": "_atom_site_moment_",
    "_parent_space_group.name_H-M_alt": "_parent_space_group.name_H-M",
}
HEAD = """#\\#CIF_2.0
data_test
_chemical_name_systematic
;
;
_citation_journal_volume "a # b"
loop_
_citation_author_name

loop_
_irrep_id
_irrep_presence
mGM1+ .
_details
;
words, an unclosed 'quote and # a hash
;
_transition_temperature 67.4(2)
_experiment_temperature 'below 10'
_space_group_magn.number_BNS 136.499
"""
"""What real files also hold, and what makes careless readers stumble."""


def coordinate(row, shift):
    """One coordinate of an operation, as text."""
    text = "".join(
        f"{'+' if n > 0 else '-'}{abs(n) if abs(n) > 1 else ''}{x}" for n, x in zip(row, "xyz", strict=True) if n
    )
    shift = Fraction(shift % 1).limit_denominator(48) % 1
    return text.lstrip("+") + (f"+{shift}" if shift else "")


def magnetic_cif(lattice, species, coords, moments, *symmetry):
    """The text of a file with the asymmetric unit and the magnetic operations of a full cell."""
    parent, k = symmetry or ("P 1", "[0 0 0]")
    moments = np.array(moments, float)
    numbers = [Element(s).Z for s in species]
    found = spglib.get_magnetic_symmetry((lattice.matrix, coords, numbers, moments), symprec=1e-4)
    operations, centerings = [], []
    inverse = []
    for r, t, reverse in zip(found["rotations"], found["translations"], found["time_reversals"], strict=True):
        text = ",".join(coordinate(row, s) for row, s in zip(r, t, strict=True)) + (",-1" if reverse else ",+1")
        (centerings if (r == np.eye(3)).all() else operations).append(text)
        inverse.append((r, text))
    # Every product centering × operation is listed already; one operation of each class is enough.
    operations = ["x,y,z,+1", *operations] if len(centerings) == 1 else [text for _, text in inverse]
    centerings = sorted(centerings, key=lambda text: text != "x,y,z,+1")
    axes = lattice.matrix / np.linalg.norm(lattice.matrix, axis=1)[:, None]
    unit = sorted(set(found["equivalent_atoms"].tolist()))
    along = moments @ np.linalg.inv(axes)
    return mcif_text(
        [f"{length:.5f}(2)" for length in lattice.abc],
        [f"{angle:.4f}" for angle in lattice.angles],
        operations=operations,
        centerings=centerings,
        sites=[
            f"{species[i]}{i} {species[i]} {' '.join(f'{x:.5f}(3)' for x in np.array(coords[i]) % 1)} 1" for i in unit
        ],
        moments=[
            f"{species[i]}{i} {' '.join(f'{m:.3f}' for m in along[i])} mx,my,mz" for i in unit if np.any(moments[i])
        ],
        head=HEAD,
        parent=(parent, 136, k),
    )


def mnf2():
    """k = 0 antiferromagnet, collinear along c: rutile."""
    x = 0.305
    flat = [[x, x, 0], [1 - x, 1 - x, 0], [0.5 + x, 0.5 - x, 0.5], [0.5 - x, 0.5 + x, 0.5]]
    moments = [[0, 0, 4.6], [0, 0, -4.6], *[[0, 0, 0]] * 4]
    return Lattice.tetragonal(4.87, 3.31), ["Mn", "Mn", *["F"] * 4], [[0, 0, 0], [0.5, 0.5, 0.5], *flat], moments


def mno():
    """k = (1/2, 1/2, 1/2) in the doubled cubic cell, moments in the (111) sheets: type II."""
    grid = np.array([(i, j, k) for i in range(4) for j in range(4) for k in range(4)])
    metal = grid.sum(axis=1) % 2 == 0
    coords = np.concatenate([grid[metal], grid[~metal]]) / 4
    sign = np.where(grid[metal].sum(axis=1) % 4 == 0, 1, -1)
    moments = np.concatenate([sign[:, None] * np.array([1, 1, -2]) * 1.8, np.zeros((32, 3))])
    return Lattice.cubic(8.88), ["Mn"] * 32 + ["O"] * 32, coords.tolist(), moments.tolist()


def iron():
    """bcc ferromagnet, along c."""
    return Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]], [[0, 0, 2.2]] * 2


def mn3ge():
    """Hexagonal 120° order with inverse and non-orthogonal axes: six Mn, six directions in the plane."""
    x = 0.838
    six = [[x, 2 * x, 0.25], [-2 * x, -x, 0.25], [x, -x, 0.25]]
    six += [[-a, -b, 0.75] for a, b, _ in six]
    angles = np.radians([0, 120, 240] * 2)
    moments = [[2.5 * np.cos(a), 2.5 * np.sin(a), 0] for a in angles] + [[0, 0, 0]] * 2
    return (
        Lattice.hexagonal(5.34, 4.31),
        ["Mn"] * 6 + ["Ge"] * 2,
        [*six, [1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]],
        moments,
    )


def magnetite():
    """Ferrimagnetic inverse spinel, in the cubic cell: tetrahedral against octahedral iron."""
    faces = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    a = np.concatenate([faces + 1 / 8, faces + 7 / 8])
    b = np.concatenate(
        [
            faces + np.array(shift)
            for shift in ([0.5, 0.5, 0.5], [0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5])
        ]
    )
    u = 0.255
    base = [[u, u, u], [u, 0.25 - u, 0.25 - u], [0.25 - u, u, 0.25 - u], [0.25 - u, 0.25 - u, u]]
    base += [[-i, -j, -k] for i, j, k in base]
    o = np.concatenate([faces + np.array(shift) for shift in base])
    species = ["Fe"] * 24 + ["O"] * 32
    moments = [[0, 0, -4.2]] * 8 + [[0, 0, 3.9]] * 16 + [[0, 0, 0]] * 32
    return Lattice.cubic(8.39), species, np.concatenate([a, b, o]).tolist(), moments


def write(tmp_path, text, name="a.mcif"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def assert_same(structure, lattice, species, coords, moments):
    """Atom by atom, in any order."""
    assert len(structure) == len(species)
    assert np.allclose(structure.lattice.parameters, lattice.parameters, atol=1e-3)
    expected = Structure(lattice, species, coords)
    # Both frames hold the same cell, perhaps turned against each other.
    turn = np.linalg.inv(lattice.matrix) @ structure.lattice.matrix
    distances = structure.lattice.get_all_distances(structure.frac_coords, expected.frac_coords)
    partner = distances.argmin(axis=1)
    assert len(set(partner.tolist())) == len(species)
    assert distances.min(axis=1).max() < 0.01
    assert [site.specie.symbol for site in structure] == [species[i] for i in partner]
    assert np.allclose(structure.site_properties["magmom"], np.array(moments)[partner] @ turn, atol=0.01)


CASES = {
    "MnF2": (mnf2, "P 42/m n m", "[0 0 0]", "AFM", True, 6),
    "MnO": (mno, "F m -3 m", "[1/2 1/2 1/2]", "AFM", False, 2),
    "Fe": (iron, "I m -3 m", "0,0,0", "FM", True, 1),
    "Mn3Ge": (mn3ge, "P 63/m m c", "[0 0 0]", "AFM", True, 8),
    "Fe3O4": (magnetite, "F d -3 m", "'0 0 0'", "FiM", True, 14),
}


@pytest.mark.parametrize("name", CASES)
def test_full_cell_from_asymmetric_unit(name, tmp_path):
    make, parent, k, order, zero_k, atoms = CASES[name]
    cell = make()
    found = read_mcif(write(tmp_path, magnetic_cif(*cell, parent, k)))
    assert_same(found.structure, *cell)
    assert found.order == order
    assert found.zero_k is zero_k
    assert len(found.parent_structure) == atoms
    assert "magmom" not in found.parent_structure.site_properties
    assert found.parent_space_group == parent
    assert found.bns_number == "136.499"
    assert found.transition_temperature == 67.4
    assert found.temperature is None  # written in words


@pytest.mark.parametrize("name", CASES)
def test_both_spellings_read_alike(name, tmp_path):
    make, parent, k, *_ = CASES[name]
    text = magnetic_cif(*make(), parent, k)
    draft = text
    for new, old in DRAFT.items():
        draft = draft.replace(new, old)
    assert draft != text
    first, second = read_mcif(write(tmp_path, text)), read_mcif(write(tmp_path, draft, "b.mcif"))
    assert first.structure == second.structure
    assert first.k_vectors == second.k_vectors
    assert first.parent_space_group == second.parent_space_group


@pytest.mark.parametrize("name", ["MnF2", "MnO", "Fe", "Fe3O4"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_agrees_with_pymatgen_where_it_reads(name, tmp_path):
    make, parent, k, *_ = CASES[name]
    text = magnetic_cif(*make(), parent, k).replace("loop_\n_citation_author_name\n\n", "")
    path = write(tmp_path, text)
    theirs, ours = Structure.from_file(path), read_mcif(path).structure
    assert theirs.composition == ours.composition
    moments = [m.global_moment for m in theirs.site_properties["magmom"]]
    assert_same(ours, theirs.lattice, [s.specie.symbol for s in theirs], theirs.frac_coords.tolist(), moments)


def test_moment_stands_along_unit_vectors_of_oblique_axes(tmp_path):
    text = magnetic_cif(Lattice.hexagonal(4.0, 5.0), ["Co"], [[0, 0, 0]], [[0, 0, 1.0]])
    for row, size in (("2.000 0.000 0.000", 2.0), ("2.000 2.000 0.000", 2.0), ("2.000 -2.000 0.000", 12**0.5)):
        low = text[: text.index("loop_\n_space_group_symop_magn_operation")] + (
            "loop_\n_space_group_symop_magn_operation.xyz\nx,y,z,+1\n" + text[text.index("loop_\n_atom_site_label") :]
        )
        found = read_mcif(write(tmp_path, low.replace("0.000 0.000 1.000", row)))
        assert np.linalg.norm(found.moments[0]) == pytest.approx(size)


def test_unequal_axes_turn_moments_rightly(tmp_path):
    """In a 2a × b hexagonal supercell an operation mixes axes of different lengths."""
    text = mcif_text(
        (8.804, 4.402, 7.204),
        (90, 90, 120),
        operations=("x,y,z,+1", "-x+1/2,-2x+y,z+1/2,+1", "-x,-y,z+1/2,+1", "x+1/2,2x-y,z,+1"),
        centerings=("x,y,z,+1", "x+1/2,y,z,-1"),
        sites=["Ho1 0 0 0.25"],
        moments=["Ho1 -3.4 -1.7 6.0"],
    )
    found = read_mcif(write(tmp_path, text))
    sizes = np.linalg.norm(found.moments, axis=1)
    assert len(sizes) == 4
    assert np.allclose(sizes, np.sqrt(36 + 1.7**2 * 3), atol=0.01)
    assert (found.order, found.k_vectors, found.zero_k) == ("AFM", (), False)


GOOD = magnetic_cif(*mnf2(), "P 42/m n m", "[0 0 0]")
MN0 = "Mn0 Mn 0.00000(3) 0.00000(3) 0.00000(3) 1"


@pytest.mark.parametrize(
    ("old", "new", "error", "match"),
    [
        (MN0, MN0[:-1] + "0.5", StructureError, "Mn0 is partly occupied"),
        ("Mn0 0.000 0.000 4.600", "Mn0 1.000 0.000 4.600", StructureError, "Mn0: the moment breaks the symmetry"),
        ("Mn0 0.000 0.000 4.600", "Mn0 0.000 x 4.600", StructureError, "moment of Mn0 is 'x'"),
        ("Mn0 0.000 0.000 4.600", "Mn9 0.000 0.000 4.600", StructureError, "not listed: Mn9"),
        ("1 x,y,z,+1", "1 x,y,z", StructureError, "'x,y,z' is malformed"),
        ("1 x,y,z,+1", "1 x,y,z+1/0,+1", StructureError, "malformed"),
        ("1 x,y,z,+1", "1 2x,y,z,+1", StructureError, "changes the volume"),
        ("[0 0 0]", "[0 0]", StructureError, "three components"),
        ("[0 0 0]", "[0 0 q]", StructureError, "not a number"),
        ("_cell_length_a", "_cell_length_q", ReadError, "lacks _cell_length_a"),
        ("_cell_angle_gamma 90.0000", "_cell_angle_gamma 190", StructureError, "impossible"),
        ("_cell_length_c 3.31000(2)", "_cell_length_c 0", StructureError, "impossible"),
        ("Mn0 Mn ", "Mn0 Xx ", StructureError, "unknown element 'Xx'"),
        (MN0, f"{MN0}\nMn8 Mn 0.02 0 0 1", StructureError, "two sites coincide"),
        ("_atom_site_moment.crystalaxis", "_atom_site_moment.Cartn", ReadError, "lists no moments"),
        ("_symop_magn_operation.xyz", "_symop_operation.xyz", ReadError, "no magnetic ones"),
        ("data_test\n", "data_test\n_cell_modulation_dimension 1\n", StructureError, "modulated"),
        ("data_test\n", "data_test\n_cell_wave_vector_x 0.1\n", StructureError, "modulated"),
        ("data_test\n", "", ReadError, "holds no crystals"),
        ("data_test\n", "data_b\n_cell_length_a 1\n_atom_site_fract_x 0\ndata_test\n", ReadError, "holds 2 crystals"),
    ],
)
def test_says_what_is_wrong(old, new, error, match, tmp_path):
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(error, match=match) as caught:
        read_mcif(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"  \n", b"\x00\x01\xff", b"\xff\xfe\xfd", b"not a cif", b"\x89PNG\r\n"])
def test_hopeless_files(content, tmp_path):
    path = tmp_path / "a.mcif"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"a\.mcif"):
        read_mcif(path)
    with pytest.raises(ReadError, match="cannot be read"):
        read_mcif(tmp_path / "missing.mcif")
    with pytest.raises(ReadError, match="cannot be read"):
        read_mcif(tmp_path)


def test_packed_files_are_read_as_they_are(tmp_path):
    path = tmp_path / "a.mcif.gz"
    path.write_bytes(gzip.compress(GOOD.encode()))
    plain = read_mcif(write(tmp_path, GOOD))
    assert read_mcif(path).structure == plain.structure
    assert as_crystal(path).reduced_formula == plain.structure.reduced_formula


def test_small_errors_of_print_are_healed(tmp_path):
    """A forbidden 0.02 μB and a third written 0.333 land on what the site's symmetry allows."""
    rounded = GOOD.replace("Mn0 0.000 0.000 4.600", "Mn0 0.020 0.000 4.600")
    found = read_mcif(write(tmp_path, rounded))
    assert np.abs(found.moments[:, :2]).max() < 1e-9
    text = magnetic_cif(*mn3ge()).replace("0.33333(3)", "0.333").replace("0.66667(3)", "0.667")
    assert len(read_mcif(write(tmp_path, text)).structure) == 8


def test_the_smallest_moment_that_counts(tmp_path):
    lattice, species, coords, moments = iron()
    found = read_mcif(write(tmp_path, magnetic_cif(lattice, species, coords, np.array(moments) * 0.1 / 2.2)))
    assert found.order == "FM"
    assert found.min_projection == pytest.approx(1)


def test_declared_k_against_moments_is_not_decided(tmp_path):
    found = read_mcif(write(tmp_path, GOOD.replace("[0 0 0]", "[0 0 1/2]")))
    assert found.zero_k_declared is False
    assert found.zero_k_of_moments is True
    assert found.zero_k is None


def test_integer_k_of_a_centred_parent_is_not_zero():
    assert is_lattice_vector((0, 0, 1), "P 4/n m m")
    assert not is_lattice_vector((0, 0, 1), "I 4/m m m")
    assert is_lattice_vector((0, 1, 1), "I 4/m m m")
    assert not is_lattice_vector((0, 0, 1.5), "R -3 m")
    assert not is_lattice_vector((0.5, 0, 0), "P 1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/2 1/2 0", (Fraction(1, 2), Fraction(1, 2), 0)),
        ("[0.5,0.5,-0.25]", (Fraction(1, 2), Fraction(1, 2), Fraction(-1, 4))),
        ("0.333 0.3333(2) .67", (Fraction(1, 3), Fraction(1, 3), Fraction(2, 3))),
        ("0.12 0.1475 0", (Fraction(3, 25), Fraction(59, 400), 0)),
    ],
)
def test_wave_vectors_are_exact(text, expected):
    assert parse_wave_vector(text) == expected


def test_nothing_but_own_errors_from_damaged_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    raw = GOOD.encode()

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        start=st.integers(0, len(raw)),
        length=st.integers(0, 40),
        insert=st.one_of(
            st.binary(max_size=12), st.text(" \n_;'\"#[]().,+-/?0159exyzloop_data", max_size=12).map(str.encode)
        ),
        stop=st.one_of(st.none(), st.integers(0, len(raw))),
    )
    def check(start, length, insert, stop):
        path = folder / "x.mcif"
        path.write_bytes((raw[:start] + insert + raw[start + length :])[:stop])
        try:
            found = read_mcif(path)
        except MagnetiteError as error:
            message = str(error)
        else:
            message = f"{path}: {found.order}, {len(found.moments)}"
        assert "x.mcif" in message

    check()
