"""Crystals that many tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Before anything reads it: the suite runs as many processes as there are cores, and threads that wait spin.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import ase.io
import pytest
import torch
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

try:
    import second_device  # before the first gradient: torch counts devices once
except ImportError:  # torch's own names for it are experimental
    second_device = None

torch.set_num_threads(1)  # small graphs: one thread beats two, and answers repeat


@pytest.fixture
def nio() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.177), ["Ni", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture
def rutile() -> Structure:
    return Structure.from_spacegroup(
        "P4_2/mnm", Lattice.tetragonal(4.8734, 3.3099), ["Mn", "F"], [[0, 0, 0], [0.305, 0.305, 0]]
    )


@pytest.fixture
def corundum() -> Structure:
    return Structure.from_spacegroup(
        "R-3c", Lattice.hexagonal(4.961, 13.599), ["Cr", "O"], [[0, 0, 0.3475], [0.3058, 0, 0.25]]
    )


@pytest.fixture
def files(nio: Structure, rutile: Structure, tmp_path: Path) -> list[str]:
    """Two structures in one file and one in another."""
    atoms = [AseAtomsAdaptor.get_atoms(structure) for structure in (nio, rutile)]
    ase.io.write(tmp_path / "two.extxyz", atoms)
    rutile.to(str(tmp_path / "MnF2.cif"))
    return [str(tmp_path / "two.extxyz"), str(tmp_path / "MnF2.cif")]


@pytest.fixture(params=["cpu", "away"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The CPU, then one that stands for a GPU and refuses tensors that were left on the CPU."""
    if request.param == "cpu":
        yield "cpu"
        return
    from magnetite import runtime
    from magnetite.prototypes import ensemble, model

    if second_device is None:
        pytest.skip("this torch has no devices written in Python")
    for sizes in (runtime.EDGES_PER_BATCH, ensemble.ROWS_AT_ONCE, model.PrototypeModel.edges_per_batch):
        monkeypatch.setitem(sizes, second_device.NAME, sizes["cpu"])
    with second_device.SecondDevice():
        yield second_device.NAME


@pytest.fixture
def data_folder() -> Path:
    """The training data, if this machine has it."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("MAGNETITE_DATA", default))
    if not (folder / "dft_magnetic").is_dir():
        pytest.skip("training data is not here (set MAGNETITE_DATA)")
    return folder
