"""Exchange models: conventions, bond lists, files of other programs."""

from __future__ import annotations

import json
import tracemalloc
from itertools import product

import numpy as np
import pytest

from magnetite.errors import ExchangeError
from magnetite.exchange import Convention, ExchangeModel, from_convention, to_convention
from magnetite.exchange.conventions import RYDBERG
from magnetite.exchange.formats import FORMATS, read, write
from magnetite.exchange.fourier import Fourier, _grid_sizes, maximum
from magnetite.exchange.relaxation import magnetic_cell

pytestmark = pytest.mark.filterwarnings("ignore:.*has no place for")

BONDS = [[0, 1, 0, 0, 0], [0, 1, -1, 0, 0], [0, 0, 1, 0, 0], [1, 1, 0, 1, -1], [0, 1, 0, 0, 1]]


def example(couplings, second=(0.6, 0.3, 0.1), **more) -> ExchangeModel:
    lattice = [[3.0, 0.0, 0.0], [0.4, 4.0, 0.0], [0.0, 0.3, 5.0]]
    defaults = {"species": ["Fe", "Mn"], "moments": [2.5, 3.5], "spins": [1.5, 2.0], "name": "example"}
    return ExchangeModel.from_bonds(lattice, [[0.1, 0.2, 0.3], second], BONDS, couplings, **(defaults | more))


def energies(model: ExchangeModel, seed: int = 3) -> float:
    """Of the same random directions in a 2×2×2 cell, in the order of cells and sites."""
    cell = magnetic_cell(model, 2 * np.eye(3, dtype=int))
    x = np.random.default_rng(seed).standard_normal((len(cell), 3))
    order = np.lexsort(cell.cells.T)
    x = x.reshape(8, len(model), 3)[np.argsort(order)].reshape(-1)
    return float(-0.5 * x @ cell.matrix @ x)


def test_conventions_of_one_physical_pair_agree() -> None:
    once = from_convention(3.0, Convention.PAIRS_ONCE)
    assert from_convention(1.5, "double_counting") == once
    assert from_convention(-3.0, "pairs-once-positive") == once
    assert from_convention(-1.5, "double_counting_positive") == once
    assert from_convention(2.0, "pairs_once", spins=(1.0, 1.5)) == once
    tensors = np.arange(18.0).reshape(2, 3, 3)
    ours = from_convention(tensors, "double_counting", spins=(2.0, 0.5))
    back = to_convention(ours, "double_counting", spins=(2.0, 0.5))
    assert np.allclose(back, tensors)
    with pytest.raises(ExchangeError, match="there are pairs_once"):
        from_convention(1.0, "thrice")


def test_bonds_listed_once_or_in_both_directions_are_the_same() -> None:
    values = np.arange(1.0, 6.0)
    once = example(values)
    both = np.array(BONDS + [[j, i, -a, -b, -c] for i, j, a, b, c in BONDS])
    twice = ExchangeModel.from_bonds(once.lattice, once.frac_coords, both, np.tile(values, 2))
    assert len(once.first) == len(twice.first) == 5
    assert np.isclose(energies(once), energies(twice))


def test_parallel_energy_counts_each_pair_once() -> None:
    model = example(np.arange(1.0, 6.0))
    assert np.isclose(model.energy(np.tile([0, 0, 1.0], (2, 1))), -15.0)


@pytest.mark.parametrize(
    ("bonds", "message"),
    [
        ([[0, 0, 0, 0, 0]], "to itself"),
        ([[0, 2, 0, 0, 0]], "site 2"),
        ([[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]], "contradict"),
    ],
)
def test_bad_bonds_are_refused(bonds, message: str) -> None:
    with pytest.raises(ExchangeError, match=message):
        ExchangeModel.from_bonds(np.eye(3), np.zeros((2, 3)), bonds, np.arange(1.0, 1.0 + len(bonds)))


def test_numbers_that_no_crystal_has_are_refused() -> None:
    with pytest.raises(ExchangeError, match=r"couplings holds a number of size 1e\+308"):
        example([1, 2, 1e308, 4, 5])
    with pytest.raises(ExchangeError, match=r"below 1,000,000, not \[0\.0, 0\.0, 1e\+30"):
        ExchangeModel.from_bonds(np.eye(3), np.zeros((1, 3)), [[0, 0, 1e30, 0, 0]], [1.0])
    with pytest.raises(ExchangeError, match="species are not the symbols"):
        example(np.ones(5), species=["Fe", ["Mn"]])


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ExchangeError, match="not finite"):
        example([1, 2, np.nan, 4, 5])
    with pytest.raises(ExchangeError, match="not positive"):
        example(np.ones(5), spins=-1.0)
    with pytest.raises(ExchangeError, match="not symmetric"):
        example(np.ones(5), anisotropy=np.tile([[0, 1, 0], [0, 0, 0], [0, 0, 0.0]], (2, 1, 1)))


@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_gives_back_the_energies(fmt: str, tmp_path) -> None:
    model = example([3.0, -1.5, 0.25, 7.0, -0.125])
    written = write(model, tmp_path / {"vampire": "x.ucf", "spirit": "x.cfg"}.get(fmt, f"x.{fmt}"), fmt)
    back = read(written, fmt)
    assert np.isclose(energies(back), energies(model), rtol=1e-7)
    assert np.allclose(sorted(back.distances), sorted(model.distances), atol=1e-6)


def test_positions_outside_the_cell_keep_their_bonds(tmp_path) -> None:
    """Vampire wants them inside; the cells of bonds must move along."""
    model = example([3.0, -1.5, 0.25, 7.0, -0.125], second=(0.6, -0.7, 1.1))
    back = read(write(model, tmp_path / "x.ucf"))
    pairs = [sorted(zip(m.distances.round(6), m.couplings.round(6), strict=True)) for m in (model, back)]
    assert pairs[0] == pairs[1]


@pytest.mark.parametrize("fmt", ["uppasd", "vampire", "csv", "json"])
def test_tensors_survive(fmt: str, tmp_path) -> None:
    tensors = np.random.default_rng(0).standard_normal((5, 3, 3))
    back = read(write(example(tensors), tmp_path / "x", fmt), fmt)
    assert back.has_tensors
    assert np.isclose(energies(back), energies(example(tensors)), rtol=1e-6)


def test_spirit_holds_dzyaloshinskii_vectors_but_nothing_symmetric(tmp_path) -> None:
    d = np.array([0.3, -0.7, 1.1])
    cross = np.array([[0, d[2], -d[1]], [-d[2], 0, d[0]], [d[1], -d[0], 0]])
    a, b = np.random.default_rng(0).standard_normal((2, 3))
    assert np.isclose(a @ cross @ b, d @ np.cross(a, b))
    model = example(np.tile(2 * np.eye(3) + cross, (5, 1, 1)))
    assert np.isclose(energies(read(write(model, tmp_path / "x.cfg"))), energies(model))
    with pytest.raises(ExchangeError, match="symmetric anisotropic"):
        write(example(np.tile(np.diag([1.0, 2, 3]), (5, 1, 1))), tmp_path / "x.cfg")


def test_what_is_not_known_of_each_site_and_what_was_noted_survives(tmp_path) -> None:
    known = example(np.ones(5), spins=[2.0, np.nan], notes=("fitted: ± 0.1 meV",))
    for name in ("x.json", "x.csv", "x.json.gz"):
        back = read(write(known, tmp_path / name))
        assert np.array_equal(back.spins, known.spins, equal_nan=True)
        assert back.notes == known.notes


@pytest.mark.parametrize(
    ("name", "lost"), [("x.ucf", r"spin lengths S and moments"), ("x.cfg", "spin lengths S$"), ("x", "spin lengths S$")]
)
def test_what_a_file_has_no_place_for_is_said(name: str, lost: str, tmp_path) -> None:
    with pytest.warns(UserWarning, match=f"has no place for {lost}"):
        write(example(np.ones(5)), tmp_path / name)


def test_unreadable_files_say_so(tmp_path) -> None:
    with pytest.raises(ExchangeError, match="no such file"):
        read(tmp_path / "none.csv")
    (tmp_path / "bad.ucf").write_text("# nothing\n1 1 1\n")
    with pytest.raises(ExchangeError, match=r"bad\.ucf"):
        read(tmp_path / "bad.ucf")
    (tmp_path / "x.xyz").write_text("1\n")
    with pytest.raises(ExchangeError, match="say which"):
        read(tmp_path / "x.xyz")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ExchangeError, match=r"folder\.csv: is a folder, not a csv file"):
        read(tmp_path / "folder.csv")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ExchangeError, match=r"deep\.json: is not a json file .*recursion"):
        read(tmp_path / "deep.json")
    lines = write(example(np.ones(5)), tmp_path / "long.csv").read_text().splitlines()
    (tmp_path / "long.csv").write_text("\n".join([*lines, "0" * 200_000]))
    with pytest.raises(ExchangeError, match=r"long\.csv: is not a csv file .*field larger"):
        read(tmp_path / "long.csv")
    inputs = write(example(np.ones(5)), tmp_path / "uppasd", "uppasd")
    inputs.write_text(inputs.read_text().replace("./posfile", "x" * 5000))
    with pytest.raises(ExchangeError, match=r"uppasd: cannot be opened .*too long"):
        read(tmp_path / "uppasd")


def test_lines_after_vampires_interactions_are_not_dropped_in_silence(tmp_path) -> None:
    file = write(example(np.ones(5)), tmp_path / "x.ucf")
    text = file.read_text()
    file.write_text(text + "1 isotropic\n0 0 1 0 0 0 1e-21\n")
    assert "biquadratic exchange is not read" in read(file).notes
    file.write_text(text + "0 isotropic\n")
    assert len(read(file).notes) == 1
    file.write_text(text + text)
    with pytest.raises(ExchangeError, match="lines follow the interactions"):
        read(file)


def test_uppasd_energy_is_that_which_uppasd_printed(data_folder) -> None:
    model = read(data_folder / "exchange" / "uppasd" / "Co2Fe2H4")
    lines = (data_folder / "exchange" / "uppasd" / "Co2Fe2H4" / "UppASD_MC_1_thermal.dat").read_text().splitlines()
    cold = [line.split() for line in lines[1:4]]
    slope = (float(cold[2][7]) - float(cold[1][7])) / (float(cold[2][0]) - float(cold[1][0]))
    ground = float(cold[1][7]) - slope * float(cold[1][0])
    ours = model.energy(np.tile([0, 0, 1.0], (len(model), 1))) / len(model) / (RYDBERG / 1000)
    assert ours == pytest.approx(ground, rel=5e-3)


def test_terms_that_a_format_cannot_hold_are_refused_or_said(tmp_path) -> None:
    easy = example(np.ones(5), anisotropy=np.tile(np.diag([0, 0, 0.3]), (2, 1, 1)))
    for fmt in ("uppasd", "vampire", "spirit"):
        with pytest.raises(ExchangeError, match="single-ion anisotropy"):
            write(easy, tmp_path / f"easy_{fmt}", fmt)
    assert np.allclose(read(write(easy, tmp_path / "easy.csv")).anisotropy, easy.anisotropy)
    inputs = write(example(np.ones(5)), tmp_path / "folder", "uppasd")
    inputs.write_text(inputs.read_text() + "anisotropy ./kfile\n")
    assert any("kfile is not read" in note for note in read(inputs).notes)
    config = write(example(np.ones(5)), tmp_path / "x.cfg")
    config.write_text(config.read_text() + "anisotropy_magnitude 0.5\nexternal_field_magnitude 0.0\n")
    assert [note for note in read(config).notes if "not read" in note] == ["anisotropy_magnitude is not read"]


@pytest.mark.parametrize(("setting", "message"), [("Sym 1", "one bond of each shell"), ("do_ralloy 1", "random alloy")])
def test_uppasd_inputs_whose_jfile_is_no_list_of_bonds_are_refused(setting: str, message: str, tmp_path) -> None:
    inputs = write(example(np.ones(5)), tmp_path / "folder", "uppasd")
    inputs.write_text(inputs.read_text() + "do_ralloy 0\n")
    assert len(read(inputs).first) == 5
    inputs.write_text(inputs.read_text() + f"{setting}   as UppASD's examples have it\n")
    with pytest.raises(ExchangeError, match=message):
        read(inputs)


def test_a_bond_ends_in_a_whole_cell_whatever_the_file(tmp_path) -> None:
    model = example([3.0, -1.5, 0.25, 7.0, -0.125])
    for fmt, name in (("json", "x.json"), ("vampire", "x.ucf"), ("spirit", "x.cfg"), ("uppasd", "x")):
        written = write(model, tmp_path / name, fmt)
        file = written.with_name("jfile") if fmt == "uppasd" else written
        if fmt == "json":
            content = json.loads(file.read_text())
            content["bonds"][0][2] = 0.5
            file.write_text(json.dumps(content))
        else:
            lines = file.read_text().splitlines()
            words = lines[-1].split()
            words[-2] = "0.5"
            file.write_text("\n".join([*lines[:-1], " ".join(words)]) + "\n")
        with pytest.raises(ExchangeError, match=r"whole numbers, not \[.*0\.5"):
            read(written, fmt)
    near = np.array([[0, 1, 1 - 1e-9, 0, 0]])
    assert ExchangeModel.from_bonds(np.eye(3), [[0, 0, 0], [0.5, 0, 0]], near, [1.0]).images.tolist() == [[1, 0, 0]]


def test_a_weak_bond_contradicts_itself_beside_a_strong_one() -> None:
    bonds = [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, -1, 0]]

    def weak(one: float, other: float) -> ExchangeModel:
        return ExchangeModel.from_bonds(np.eye(3), np.zeros((1, 3)), bonds, [10.0, one, other])

    for one, other in ((0.15, -0.15), (0.15, 0.10)):
        with pytest.raises(ExchangeError, match=r"\[0, 0, 0, -?1, 0\] .* contradict"):
            weak(one, other)
    assert sorted(weak(0.0005, 0.0010).couplings) == pytest.approx([0.00075, 10.0])  # digits of whoever computed both


def test_columns_of_spirit_that_would_be_dropped_are_refused(tmp_path) -> None:
    config = write(example(np.ones(5)), tmp_path / "x.cfg")
    text = config.read_text()

    def rewritten(header: str, more: str) -> None:
        head, rows = text.split("i j da db dc Jij\n")
        config.write_text(head + header + "\n" + "".join(f"{row} {more}\n" for row in rows.splitlines()))

    for header, more, message in (
        ("i j da db dc Jij Dij Dija Dijb Dijc", "3 1 0 0", "Dija Dijb Dijc"),
        ("i j da db dc Jij Dij", "3", "no column dijx"),
        ("i j da db dc Jij Kij", "1", "cannot be read: kij"),
    ):
        rewritten(header, more)
        with pytest.raises(ExchangeError, match=message):
            read(config)
    rewritten("i j da db dc Jij Dij Dijx Dijy Dijz", "3 0 2 0")
    assert np.allclose(read(config).couplings[:, 2, 0], 3.0)
    config.write_text(text.replace("pairs 5", "pairs 6") + "1 0 0 0 0 1\n")
    with pytest.raises(ExchangeError, match="adds them up"):
        read(config)


def test_a_model_keeps_its_own_numbers() -> None:
    moments, species = np.array([2.5, 3.5]), np.array(["Fe", "Mn"])
    model = example(np.arange(1.0, 6.0), moments=moments, species=species)
    moments[0] = 9.0
    assert model.moments[0] == 2.5
    assert model.species == ("Fe", "Mn")


def test_a_bond_to_a_site_that_is_not_there_is_named() -> None:
    for i, j, wrong in ((0, -1, -1), (2, 1, 2)):
        with pytest.raises(ExchangeError, match=rf"names site {wrong} \(from 0\), but there are 2"):
            ExchangeModel.from_bonds(np.eye(3), np.array([[0, 0, 0], [0.5, 0, 0]]), [[i, j, 0, 0, 0]], [1.0])


def test_numbers_too_large_for_a_site_are_refused(tmp_path) -> None:
    file = write(example(np.ones(5)), tmp_path / "x.csv")
    file.write_text(file.read_text().replace("\n0,1,", "\n99999999999999999999,1,", 1))
    with pytest.raises(ExchangeError, match="is not a csv file that can be read"):
        read(file)


def test_highest_eigenvalues_are_found_a_few_at_a_time() -> None:
    rng = np.random.default_rng(0)
    bonds = [[i, j, *rng.integers(-1, 2, 3)] for i in range(30) for j in range(i)]
    model = ExchangeModel.from_bonds(np.eye(3) * 9, rng.random((30, 3)), bonds, rng.normal(size=len(bonds)))
    transform, points = Fourier(model), rng.random((3000, 3))
    tracemalloc.start()
    found = transform.highest(points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6  # bytes; all matrices at once are 43 MB
    assert np.allclose(found[-1], np.linalg.eigvalsh(transform(points[-1:]))[0, -1])


def test_matrices_of_large_models_are_held_fewer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred matrices of thousands of rows are tens of GB."""
    rng = np.random.default_rng(0)
    bonds = [[i, j, *rng.integers(-1, 2, 3)] for i in range(40) for j in range(i)]
    model = ExchangeModel.from_bonds(np.eye(3) * 9, rng.random((40, 3)), bonds, rng.normal(size=len(bonds)))
    transform, points = Fourier(model), rng.random((300, 3))
    whole = transform.highest(points)
    monkeypatch.setattr("magnetite.exchange.fourier.ENTRIES", 10 * 40**2)
    tracemalloc.start()
    found = transform.highest(points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6  # bytes; all matrices at once are 8 MB
    assert np.allclose(found, whole)


def test_supercells_are_searched_as_finely_not_with_as_many_points() -> None:
    """6,000 matrices of hundreds of rows take minutes; the zone of the larger cell is smaller."""
    bonds = [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 1, 1, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 1]]
    values = [3.0] * 3 + [-1.2] * 3
    small = ExchangeModel.from_bonds(np.eye(3) * 3, [[0, 0, 0]], bonds, values)
    size, table = 3, []
    for a, b, c in product(range(size), repeat=3):
        for bond in bonds:
            end = np.array([a, b, c]) + bond[2:]
            table.append([9 * a + 3 * b + c, int((end % size) @ [9, 3, 1]), *(end // size)])
    places = np.array(list(product(range(size), repeat=3))) / size
    large = ExchangeModel.from_bonds(np.eye(3) * 9, places, table, values * size**3)
    assert np.prod(_grid_sizes(small)) * 12 / 27 >= np.prod(_grid_sizes(large)) >= np.prod(_grid_sizes(small)) / 27
    assert maximum(large).value == pytest.approx(maximum(small).value, rel=1e-6)


def test_the_highest_of_several_hills_is_found() -> None:
    """Kagome layers with a far neighbour: the best points of the grid are images of one hill, another one is higher."""
    middles = np.array([[0.5, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0]])
    cell = np.array([[1, 0, 0], [-0.5, 3**0.5 / 2, 0], [0, 0, 5]])
    strengths = {0.5: 0.566, 0.75**0.5: -0.633, 5.0: 0.452}
    bonds, couplings = [], []
    for i, j, *image in product(range(3), range(3), range(-7, 8), range(-7, 8), (-1, 0, 1)):
        distance = np.linalg.norm((middles[j] + image - middles[i]) @ cell)
        for length, strength in strengths.items():
            if abs(distance - length) < 1e-6:
                bonds.append((i, j, *image))
                couplings.append(strength)
    model = ExchangeModel.from_bonds(cell, middles, bonds, couplings)
    fine = np.array(list(product(np.arange(60) / 60, np.arange(60) / 60, [0])))
    assert maximum(model).value >= Fourier(model).highest(fine).max()
