"""UppASD: inpsd.dat with posfile, momfile and jfile.

J in mRy, H = -Σ_{i≠j} J e_i·e_j: every pair twice, so that a pair's energy here is 2 J (UppASD manual, exchange; its
stored ground-state energies, tested against). Bonds with ``maptype`` 1 are vectors in the coordinates of the posfile
(``posfiletype``), with 2 and 3 cells. UppASD keeps them by the type of the first site: all sites of the type have them.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from magnetite.errors import ExchangeError
from magnetite.exchange.conventions import RYDBERG, Convention, from_convention, to_convention
from magnetite.exchange.model import ExchangeModel, whole
from magnetite.whole import whole_path

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MILLI_RYDBERG = RYDBERG / 1000
ANGSTROM = 1e10
NEAR = 0.02
"""Of a cell: bonds must end this close to a site."""
UNREAD = ("anisotropy", "dm", "pd", "biqdm", "bq", "sa", "ip_hfield", "hfield")
"""Files and fields of the Hamiltonian that are not taken over."""
SCALARS, TENSORS = 6, 14
"""Columns of a jfile: i, j, three of the bond, then 1 or 9 numbers."""


def read(path: Path) -> ExchangeModel:
    """Read what an inpsd.dat names, or the inpsd.dat of a folder.

    Files that it names and that are not there are looked for by their ending (``…posfile``) beside it.

    Raises:
        ExchangeError: a file is missing, they do not fit each other, or UppASD would make more bonds of the jfile than
            it lists (``Sym``) or of several kinds of atoms on a site (``do_ralloy``).
    """
    inputs = _only(path, "*inpsd.dat") if path.is_dir() else path
    text = inputs.read_text(encoding="utf-8")
    settings = {line.split()[0].lower(): line.split()[1:] for line in text.splitlines() if len(line.split()) > 1}
    _refuse_short_lists(settings)
    cell = _cell(text)
    scale = float(settings["alat"][0].lower().replace("d", "e")) * ANGSTROM if "alat" in settings else 1.0
    positions = np.loadtxt(_beside(inputs, settings.get("posfile"), "posfile"), ndmin=2)
    moments = np.loadtxt(_beside(inputs, settings.get("momfile"), "momfile"), ndmin=2)
    bonds = np.loadtxt(_beside(inputs, settings.get("exchange"), "jfile"), ndmin=2)
    numbered = positions.shape[1] > 4  # noqa: PLR2004
    if numbered:
        positions = _by_site(positions, "posfile")
    direct = settings.get("posfiletype", ["C"])[0].upper() == "D"
    coords = positions[:, -3:] if direct else positions[:, -3:] @ np.linalg.inv(cell)
    if len(moments) != len(coords):
        raise ExchangeError(f"{len(coords)} positions but {len(moments)} moments")
    moments = _by_site(moments, "momfile")
    map_type = int(settings.get("maptype", ["1"])[0])
    if map_type == 3:  # noqa: PLR2004 (its cells count from positions within half a cell of the origin)
        coords = coords - np.rint(coords - 1e-9)
    if bonds.shape[1] < SCALARS:
        raise ExchangeError(f"a jfile has at least {SCALARS} columns, not {bonds.shape[1]}")
    kinds = positions[:, 1].astype(int) if numbered else np.ones(len(coords), int)
    first, second = (_sites(column, len(coords)) for column in bonds[:, :2].T)
    steps: NDArray[np.float64] = bonds[:, 2:5]
    if map_type != 1:
        steps = whole(bonds[:, :5], inputs.stem)[:, 2:] + coords[second] - coords[first]
    elif not direct:
        steps = steps @ np.linalg.inv(cell)
    which, table = _of_all_sites(first, steps, coords, kinds)
    tensors = bonds.shape[1] >= TENSORS
    values = bonds[:, 5:TENSORS].reshape(-1, 3, 3) if tensors else bonds[:, 5]
    values = from_convention(values * MILLI_RYDBERG, Convention.DOUBLE_COUNTING)
    sizes = moments[:, 2]
    notes = ["negative moments in the momfile are taken by size"] if (sizes < 0).any() else []
    notes += [f"{key} {' '.join(settings[key])} is not read" for key in UNREAD if key in settings]
    return ExchangeModel.from_bonds(
        cell * scale, coords, table, values[which],
        species=[f"X{kind}" for kind in kinds], moments=abs(sizes), name=settings.get("simid", [inputs.stem])[0],
        notes=tuple(notes),
    )  # fmt: skip


def write(model: ExchangeModel, path: Path) -> Path:
    """Write the four files into a folder; returns the inpsd.dat.

    Size, temperatures and steps in it are a beginning; moments start parallel to z.

    Raises:
        ExchangeError: there is single-ion anisotropy, which would need a kfile.
    """
    model.refuse_anisotropy("UppASD")
    path.mkdir(parents=True, exist_ok=True)
    one, other, images, values = model.directed()
    values = to_convention(values, Convention.DOUBLE_COUNTING) / MILLI_RYDBERG
    flat = values.reshape(len(values), -1)
    rows = [
        " ".join([f"{i + 1:4d} {j + 1:4d}", *(f"{c:4d}" for c in image), *(f"{x:16.10f}" for x in numbers)])
        for i, j, image, numbers in zip(one, other, images, flat, strict=True)
    ]
    sites = [  # each of a type of its own, because bonds go by types
        f"{n:4d} {n:4d} " + " ".join(f"{c:18.12f}" for c in place) for n, place in enumerate(model.frac_coords, start=1)
    ]
    moments = [f"{n + 1:4d} 1 {size:12.7f} 0.0 0.0 1.0" for n, size in enumerate(model.moments)]
    cell = "\n      ".join(" ".join(f"{c:18.12f}" for c in row) for row in model.lattice)
    tensor = "do_jtensor 1\n" if model.has_tensors else ""
    name = re.sub(r"[^A-Za-z0-9]", "", model.name)[:8] or "exchange"
    head = (
        f"simid {name}\nncell 16 16 16\nBC P P P\ncell  {cell}\nSym 0\n"
        f"posfile ./posfile\nposfiletype D\nmomfile ./momfile\nexchange ./jfile\nmaptype 2\n{tensor}"
        f"mode M\ntemp 10\nmcNstep 10000\nalat 1.0e-10\n"
    )
    files = {"posfile": sites, "momfile": moments, "jfile": rows, "inpsd.dat": [head.rstrip()]}
    with ExitStack() as stack:  # none of them is replaced before all are written: they belong to each other
        for file, lines in files.items():
            stack.enter_context(whole_path(path / file)).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path / "inpsd.dat"


def _refuse_short_lists(settings: dict[str, list[str]]) -> None:
    """Stop where the jfile is not the list of all bonds: one bond taken for its shell orders another way."""
    if _number(settings, "sym"):
        raise ExchangeError("Sym is not 0: its jfile holds one bond of each shell; list all bonds and set Sym 0")
    if _number(settings, "do_ralloy"):
        raise ExchangeError("do_ralloy is not 0: sites of a random alloy hold several kinds of atoms, here one alone")


def _number(settings: dict[str, list[str]], key: str) -> int:
    return int(settings[key][0]) if key in settings else 0


def _cell(text: str) -> NDArray[np.float64]:
    numbers: list[float] = []
    inside = False
    for line in text.splitlines():
        words = line.split()
        if words and words[0].lower() == "cell":
            inside, words = True, words[1:]
        if inside and words:
            numbers += [float(word) for word in words[:3]]
        if len(numbers) == 9:  # noqa: PLR2004
            return np.array(numbers).reshape(3, 3)
    raise ExchangeError("inpsd.dat gives no cell")


def _beside(inputs: Path, named: list[str] | None, ending: str) -> Path:
    """The file that is named, or the only one with this ending."""
    if named and (inputs.parent / named[0]).is_file():
        return inputs.parent / named[0]
    return _only(inputs.parent, f"*{ending}")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise ExchangeError(f"has {len(found) or 'no'} {pattern}; one is needed", str(folder))
    return found[0]


def _by_site(rows: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """The lines in the order of the sites that they begin with, by which UppASD goes."""
    order = np.argsort(rows[:, 0], kind="stable")
    found: NDArray[np.float64] = rows[order]
    if not np.array_equal(found[:, 0], np.arange(1, len(rows) + 1)):
        raise ExchangeError(f"the {name} must begin its lines with the sites, each once, counted from 1")
    return found


def _sites(numbers: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Sites of the jfile, counted from 0."""
    sites = np.rint(numbers).astype(np.int64) - 1
    wrong = (sites < 0) | (sites >= size) | (sites + 1 != numbers)
    if wrong.any():
        raise ExchangeError(f"the jfile names site {numbers[wrong][0]:g}; the posfile has {size}, counted from 1")
    return sites


def _of_all_sites(
    first: NDArray[np.int64], steps: NDArray[np.float64], coords: NDArray[np.float64], kinds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The bonds that each site of a type has when one of them is listed.

    Args:
        first: the site that each line names first, (n_lines,).
        steps: from there to where the bond ends, in fractions of the cell, (n_lines, 3).
        coords: of the sites, (n_sites, 3).
        kinds: their types, (n_sites,).

    Returns:
        The line of each bond, (n_bonds,), and its sites and cell, (n_bonds, 5).
    """
    lines, table = [], []
    for site, place in enumerate(coords):
        of_type = np.flatnonzero(kinds[first] == kinds[site])
        gaps = (place + steps[of_type])[:, None, :] - coords
        cells = np.rint(gaps)
        missed = abs(gaps - cells).max(axis=2)
        second = missed.argmin(axis=1)
        rows = np.arange(len(of_type))
        ends = missed[rows, second] <= NEAR
        if (~ends & (first[of_type] == site)).any():
            raise ExchangeError("a bond of the jfile ends at no site")
        lines.append(of_type[ends])
        table.append(np.column_stack([np.full(len(rows), site), second, cells[rows, second]])[ends])
    return np.concatenate(lines), np.concatenate(table)
