"""Spirit itself reads what we write for it, and finds our energy."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from magnetite.exchange import ExchangeModel
from magnetite.exchange.formats import write

if TYPE_CHECKING:
    from pathlib import Path

CELLS = (3, 2, 4)
# In a process of its own: the library takes over Ctrl-C and writes into the folder that it runs in.
PEER = """
import sys, numpy
from spirit import configuration, geometry, state, system
with state.State(sys.argv[1], quiet=True) as run:
    geometry.set_n_cells(run, [int(n) for n in sys.argv[2:]])
    configuration.random(run)
    system.update_data(run)
    spins, places = system.get_spin_directions(run), geometry.get_positions(run)
    numpy.savez("state.npz", spins=spins, places=places, energy=system.get_energy(run))
"""


def random_model(*, vectors: bool) -> ExchangeModel:
    """Three sites in a triclinic cell and fourteen bonds, with Dzyaloshinskii–Moriya vectors if asked for."""
    rng = np.random.default_rng(0)
    bonds = {(0, 1, 0, 0, 0), (1, 1, 1, 0, 0)}
    while len(bonds) < 14:
        i, j, *image = (*rng.integers(3, size=2).tolist(), *rng.integers(-1, 2, size=3).tolist())
        if (i < j or (i == j and tuple(image) > (0, 0, 0))) and abs(i - j) + np.abs(image).sum():
            bonds.add((i, j, *image))
    couplings = rng.normal(size=len(bonds))
    if vectors:
        across = np.cross(np.eye(3), rng.normal(size=(len(bonds), 1, 3)))
        couplings = couplings[:, None, None] * np.eye(3) + across
    cell = [[4, 0.3, 0], [0.5, 3.6, 0.2], [0.1, 0, 5.0]]
    coords = [[0, 0, 0], [0.5, 0.4, 0.1], [0.2, 0.7, 0.6]]
    return ExchangeModel.from_bonds(cell, coords, sorted(bonds), couplings, moments=[1.0, 2.0, 3.0], name="random")


@pytest.mark.skipif(find_spec("spirit") is None, reason="Spirit has no wheel for this platform")
@pytest.mark.parametrize("vectors", [False, True])
def test_spirit_finds_our_energy(vectors: bool, tmp_path: Path) -> None:
    model = random_model(vectors=vectors)
    write(model, tmp_path / "x.cfg")
    command = [sys.executable, "-c", PEER, "x.cfg", *map(str, CELLS)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    with np.load(tmp_path / "state.npz") as found:
        spins, places, energy = found["spins"], found["places"], float(found["energy"])
    fractions = places @ np.linalg.inv(model.lattice)
    number = {}
    for spin, fraction in enumerate(fractions):
        site = int(abs((fraction - model.frac_coords + 0.5) % 1 - 0.5).max(axis=1).argmin())
        number[(site, *np.rint(fraction - model.frac_coords[site]).astype(int).tolist())] = spin
    assert len(number) == len(spins) == 3 * np.prod(CELLS)
    expected = 0.0
    for cell in product(*map(range, CELLS)):
        for i, j, image, coupling in zip(model.first, model.second, model.images, model.couplings, strict=True):
            one, other = spins[number[(int(i), *cell)]], spins[number[(int(j), *((cell + image) % CELLS).tolist())]]
            expected -= one @ (coupling * np.eye(3) if np.ndim(coupling) == 0 else coupling) @ other
    assert energy == pytest.approx(expected, abs=1e-4)
