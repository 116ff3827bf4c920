"""UppASD's files as UppASD reads them: by type, in the coordinates of the posfile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from magnetite.errors import ExchangeError
from magnetite.exchange import ExchangeModel
from magnetite.exchange.formats import read, write
from magnetite.exchange.fourier import maximum

if TYPE_CHECKING:
    from pathlib import Path

IRON, HALF = 2.87, 0.5


def folder(path: Path, cell: object, sites: list[str], bonds: list[str], **settings: str) -> Path:
    """UppASD's four files as people write them."""
    path.mkdir()
    rows = "\n".join(" ".join(map(str, row)) for row in np.asarray(cell))
    more = "\n".join(f"{key} {value}" for key, value in settings.items())
    (path / "inpsd.dat").write_text(
        f"simid test\ncell {rows}\nSym 0\nposfile ./posfile\nmomfile ./momfile\nexchange ./jfile\n{more}\nalat 1e-10\n"
    )
    (path / "posfile").write_text("\n".join(sites) + "\n")
    (path / "momfile").write_text("\n".join(f"{n} 1 2.2 0 0 1" for n in range(1, len(sites) + 1)) + "\n")
    (path / "jfile").write_text("\n".join(bonds) + "\n")
    return path


def cube(step: float) -> list[str]:
    """Bonds of bcc iron from site 1 alone, as UppASD's own example has them."""
    corners = [(a, b, c) for a in (-step, step) for b in (-step, step) for c in (-step, step)]
    return [f"1 1 {a} {b} {c} 1.0" for a, b, c in corners]


def test_bonds_of_a_type_are_bonds_of_all_its_sites(tmp_path: Path) -> None:
    cell, sites = IRON * np.eye(3), ["1 1 0 0 0", f"2 1 {IRON / 2} {IRON / 2} {IRON / 2}"]
    cartesian = read(folder(tmp_path / "c", cell, sites, cube(IRON / 2), posfiletype="C", maptype="1"))
    assert np.bincount(np.concatenate([cartesian.first, cartesian.second])).tolist() == [8, 8]
    assert np.allclose(cartesian.distances, IRON * 3**0.5 / 2)
    sites[1] = "2 1 0.5 0.5 0.5"
    direct = read(folder(tmp_path / "d", cell, sites, cube(HALF), posfiletype="D", maptype="1"))
    assert maximum(direct).value == pytest.approx(maximum(cartesian).value)
    # each of a type of its own: the other site has the bonds that end there, and none of its own
    sites[1] = "2 2 0.5 0.5 0.5"
    both = [*cube(HALF), *(line.replace("1 1 ", "2 1 ", 1) for line in cube(HALF))]
    apart = read(folder(tmp_path / "a", cell, sites, both, posfiletype="D", maptype="1"))
    assert maximum(apart).value == pytest.approx(maximum(cartesian).value)


def test_bonds_in_direct_coordinates_of_a_skew_cell(tmp_path: Path) -> None:
    cell = np.array([[0, 2.0, 2.0], [2.0, 0, 2.0], [2.0, 2.0, 0]])
    near = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, -1, 0), (1, 0, -1), (0, 1, -1)]
    bonds = [f"1 1 {s * a} {s * b} {s * c} 0.5" for a, b, c in near for s in (1, -1)]
    model = read(folder(tmp_path / "x", cell, ["1 1 0 0 0"], bonds, posfiletype="D", maptype="1"))
    assert np.allclose(model.distances, 8**0.5)
    assert len(model.first) == 6


def test_a_bond_to_nowhere_and_a_site_that_is_not_there(tmp_path: Path) -> None:
    cell, sites = np.eye(3), ["1 1 0 0 0", "2 2 0.5 0.5 0.4"]
    with pytest.raises(ExchangeError, match="ends at no site"):
        read(folder(tmp_path / "x", cell, sites, ["1 2 0.5 0.5 0.6 1.0"], posfiletype="D", maptype="1"))
    with pytest.raises(ExchangeError, match="names site 3; the posfile has 2"):
        read(folder(tmp_path / "y", cell, sites, ["1 3 0 0 0 1.0"], posfiletype="D", maptype="2"))


def test_lines_go_by_the_site_they_begin_with(tmp_path: Path) -> None:
    bonds = [[0, 0, 1, 0, 0], [0, 1, 0, 0, 0]]
    places = [[0, 0, 0], [0.5, 0.4, 0.5]]
    model = ExchangeModel.from_bonds(3 * np.eye(3), places, bonds, [1.0, 2.0], moments=[1.0, 2.0])
    inputs = write(model, tmp_path / "x")
    for name in ("posfile", "momfile"):
        file = inputs.with_name(name)
        lines = file.read_text().splitlines()
        file.write_text("\n".join(reversed(lines)) + "\n")
        found = read(inputs)
        assert np.allclose(found.frac_coords, places)
        assert found.moments.tolist() == [1.0, 2.0]
        assert np.allclose(sorted(found.distances), sorted(model.distances))
        file.write_text("\n".join([lines[0], lines[0]]) + "\n")
        with pytest.raises(ExchangeError, match=f"the {name} must begin its lines with the sites"):
            read(inputs)
        file.write_text("\n".join(lines) + "\n")


def test_sites_of_one_element_are_written_as_types_of_their_own(tmp_path: Path) -> None:
    """An alternating chain: UppASD, which keeps bonds by type, must not overwrite one constant with the other."""
    bonds = [[0, 1, 0, 0, 0], [1, 0, 1, 0, 0]]
    chain = ExchangeModel.from_bonds(
        np.diag([6.0, 20, 20]), [[0, 0, 0], [0.5, 0, 0]], bonds, [10.0, 1.0], species=["Cu", "Cu"]
    )
    inputs = write(chain, tmp_path / "chain")
    kinds = [line.split()[1] for line in inputs.with_name("posfile").read_text().splitlines()]
    assert len(set(kinds)) == 2
    assert sorted(read(inputs).couplings) == pytest.approx([1.0, 10.0])


def test_a_name_without_a_latin_letter_leaves_no_empty_simid(tmp_path: Path) -> None:
    model = ExchangeModel.from_bonds(np.eye(3), np.zeros((1, 3)), [[0, 0, 1, 0, 0]], [1.0], name="λ")
    assert write(model, tmp_path / "x").read_text().startswith("simid exchange\n")
