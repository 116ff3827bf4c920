"""Exchange constants fitted to energies and magnetic forces whose answer is known."""

from __future__ import annotations

import tracemalloc
from copy import deepcopy
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from pymatgen.core import Lattice, Structure
from pymatgen.electronic_structure.core import Magmom

from magnetite.cli import main
from magnetite.errors import DataError, ExchangeError
from magnetite.exchange.fitting import ExchangeFit, fit_exchange, fit_exchange_to_forces
from magnetite.exchange.fourier import fourier
from magnetite.exchange.states import fit_file, with_errors

J1, J2, MOMENT = 12.0, -3.5, 2.2


def orders(j1: float, j2: float) -> tuple[list[Structure], list[float]]:
    """Simple cubic crystals of 1, 2, 4 and 8 sites with energies of a known model."""
    patterns = {(1, 1, 1): lambda _: 1, (1, 1, 2): lambda c: (-1) ** c[2], (1, 2, 2): lambda c: (-1) ** (c[1] + c[2]),
                (2, 2, 2): lambda c: (-1) ** sum(c), (1, 1, 4): lambda c: 1 if c[2] < 2 else -1}  # fmt: skip
    structures, energies = [], []
    for sizes, sign in patterns.items():
        cells = list(np.ndindex(*sizes))
        moments = [2.2 * sign(cell) for cell in cells]
        cell = Structure(Lattice.orthorhombic(*(3.0 * n for n in sizes)), ["Fe"] * len(cells), np.array(cells) / sizes)
        cell.add_site_property("magmom", moments)
        total = -8.0 * len(cells)
        for place in cells:
            for step in np.ndindex(3, 3, 3):
                shift = np.array(step) - 1
                j = {1: j1, 2: j2}.get(int(abs(shift).sum()), 0.0)
                other = tuple(int(n) for n in (np.array(place) + shift) % sizes)
                total -= 0.5 * j * sign(place) * sign(other) / 1000
        structures.append(cell)
        energies.append(total)
    return structures, energies


def test_constants_come_back_from_energies_of_cells_of_mixed_size() -> None:
    structures, energies = orders(12.0, -3.5)
    fit = fit_exchange(structures, energies, cutoff=4.5)
    assert np.allclose(fit.couplings, [12.0, -3.5], atol=1e-6)
    assert fit.offset == pytest.approx(-8)
    assert fit.residual < 1e-6
    noisy = fit_exchange(structures, np.array(energies) + 0.002 * np.array([1, -1, 1, -1, 1]), cutoff=4.5)
    assert (noisy.errors > 0.01).all()
    assert (abs(noisy.couplings - [12.0, -3.5]) < 6 * noisy.errors).all()
    assert fourier(fit.model, np.zeros((1, 3)))[0, 0, 0].real == pytest.approx(6 * 12 - 12 * 3.5)


def test_orders_that_cannot_tell_shells_apart_are_refused() -> None:
    structures, energies = orders(12.0, -3.5)
    with pytest.raises(ExchangeError, match="do not tell 3 unknowns apart"):
        fit_exchange(structures[:2], energies[:2], cutoff=4.5)
    bare = structures[0].copy().remove_site_property("magmom")
    with pytest.raises(ExchangeError, match="magmom"):
        fit_exchange([bare], [0.0], cutoff=4.5)


def test_states_of_other_crystals_and_with_other_moments_are_refused_or_said() -> None:
    structures, energies = orders(12.0, -3.5)
    assert not fit_exchange(structures, energies, cutoff=4.5).model.notes
    mixed = [s.copy() for s in structures]
    mixed[-1].replace(0, "Co", properties={"magmom": 2.2})
    with pytest.raises(ExchangeError, match=r"state 4 is of Fe3Co, state 0 of Fe"):
        fit_exchange(mixed, energies, cutoff=4.5)
    collapsed = [s.copy() for s in structures]
    collapsed[3].add_site_property("magmom", [0.05, *collapsed[3].site_properties["magmom"][1:]])
    with pytest.raises(ExchangeError, match="88% of the Fe atoms carry a moment in state 3, 100% in state 0"):
        fit_exchange(collapsed, energies, cutoff=4.5)
    shorter = [s.copy() for s in structures]
    shorter[2].add_site_property("magmom", [0.5 * m for m in shorter[2].site_properties["magmom"]])
    notes = with_errors(fit_exchange(shorter, energies, cutoff=4.5)).notes
    assert "moments of Fe are 1.10 to 2.20 μB long" in notes[0]


def test_an_element_of_which_a_part_is_magnetic_is_said() -> None:
    def state(second: float) -> Structure:
        places = [[0, 0, 0], [0, 0, 0.25], [0, 0, 0.5], [0, 0, 0.75]]
        cell = Structure(Lattice.orthorhombic(9.0, 9.0, 8.0), ["Fe"] * 4, places)
        return cell.add_site_property("magmom", [2.0, 0.0, second, 0.0])

    fit = fit_exchange([state(2.0), state(-2.0)], [-0.01, 0.01], cutoff=4.5)
    assert fit.couplings == pytest.approx([5.0])
    assert fit.model.notes == ("only 50% of the Fe atoms carry a moment",)


def canted(seed: int, shake: float = 0.0) -> tuple[Atoms, np.ndarray]:
    """Simple cubic iron with random directions, its energy by J1 and J2, and -dE/dm by finite differences."""
    rng = np.random.default_rng(seed)
    cells = np.array(list(np.ndindex(3, 3, 4)))
    atoms = Atoms("Fe" * len(cells), positions=3.0 * cells + rng.uniform(-shake, shake, cells.shape),
                  cell=[9.0, 9.0, 12.0], pbc=True)  # fmt: skip
    spins = rng.normal(size=cells.shape)
    spins /= np.linalg.norm(spins, axis=1, keepdims=True)
    gaps = cells[None] - cells[:, None]
    gaps -= np.rint(gaps / [3, 3, 4]).astype(int) * [3, 3, 4]
    gaps = np.sort(abs(gaps), axis=-1)
    table = np.where((gaps == [0, 0, 1]).all(-1), J1, 0.0) + np.where((gaps == [0, 1, 1]).all(-1), J2, 0.0)

    def energy(moments: np.ndarray) -> float:
        units = moments / np.linalg.norm(moments, axis=1, keepdims=True)
        return -5.0 * len(cells) - 0.5e-3 * float(np.einsum("ij,ia,ja", table, units, units))

    moments, step = MOMENT * spins, 1e-4
    forces = np.zeros_like(moments)
    for place in np.ndindex(*moments.shape):
        change = np.zeros_like(moments)
        change[place] = step
        forces[place] = -(energy(moments + change) - energy(moments - change)) / (2 * step)
    atoms.calc = SinglePointCalculator(atoms, energy=energy(moments), magmoms=moments)
    return atoms, forces


def structure_of(atoms: Atoms) -> Structure:
    crystal = Structure(atoms.cell[:], atoms.numbers, atoms.positions, coords_are_cartesian=True)
    return crystal.add_site_property("magmom", atoms.get_magnetic_moments().tolist())


def known(fit: ExchangeFit, tolerance: float) -> bool:
    return len(fit.couplings) == 2 and np.allclose(fit.couplings, [J1, J2], atol=tolerance)


def test_constants_come_back_from_magnetic_forces() -> None:
    atoms, forces = canted(0)
    fit = fit_exchange_to_forces([structure_of(atoms)], [forces], cutoff=4.5)
    assert known(fit, 1e-4), "moments of 2.2 μB: forces are per μB, constants per unit vector"
    assert fit.offset is None
    assert fit.explained == pytest.approx(1)
    along = 0.05 * atoms.get_magnetic_moments()
    again = fit_exchange_to_forces([structure_of(atoms)], [forces + along], cutoff=4.5)
    assert known(again, 1e-4), "what acts along the moments is no exchange"
    noise = np.random.default_rng(1).normal(scale=0.002, size=forces.shape)
    noisy = fit_exchange_to_forces([structure_of(atoms)], [forces + noise], cutoff=4.5)
    assert (noisy.errors > 0.1).all()
    assert (abs(noisy.couplings - [J1, J2]) < 4 * noisy.errors).all()
    assert 0.9 < noisy.explained < 1


def test_many_equations_take_no_more_memory_than_they_hold() -> None:
    atoms, forces = canted(0)
    states = [structure_of(atoms)] * 40
    tracemalloc.start()
    assert known(fit_exchange_to_forces(states, [forces] * 40, cutoff=4.5), 1e-4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # bytes; equations squared would be 150 MB


def test_moments_along_axes_of_their_own_and_moments_that_are_none() -> None:
    atoms, forces = canted(0)
    structure = structure_of(atoms)
    vectors = structure.site_properties["magmom"]
    structure.add_site_property("magmom", [Magmom(np.linalg.norm(m), saxis=np.array(m)) for m in vectors])
    assert known(fit_exchange_to_forces([structure], [forces], cutoff=4.5), 1e-4)
    for wrong in (np.nan, "up", [1.0, 2.0]):
        structure.add_site_property("magmom", [wrong, *vectors[1:]])
        with pytest.raises(ExchangeError, match="moments must be"):
            fit_exchange_to_forces([structure], [forces], cutoff=4.5)


def test_displaced_atoms_stay_in_their_shells() -> None:
    states = [canted(seed, shake=0.01) for seed in range(3)]
    fit = fit_exchange_to_forces([structure_of(a) for a, _ in states], [f for _, f in states], cutoff=4.5)
    assert known(fit, 1e-4)
    assert [shell.distance for shell in fit.shells] == pytest.approx([3.0, 3 * 2**0.5], abs=0.01)


def test_states_that_say_nothing_are_refused() -> None:
    atoms, forces = canted(0)
    flat = structure_of(atoms)
    flat.add_site_property("magmom", [[0.0, 0.0, 2.0]] * len(flat))
    with pytest.raises(ExchangeError, match="collinear"):
        fit_exchange_to_forces([flat], [forces], cutoff=4.5)
    with pytest.raises(ExchangeError, match=r"shape \(36, 3\)"):
        fit_exchange_to_forces([structure_of(atoms)], [forces[:5]], cutoff=4.5)
    stretched = [structure_of(atoms) for _ in range(60)]
    for number, structure in enumerate(stretched):
        structure.scale_lattice(structure.volume * (1 + 0.01 * number))
    with pytest.raises(ExchangeError, match="one crystal"):
        fit_exchange_to_forces(stretched, [forces] * 60, cutoff=4.5)


def test_a_file_of_states_is_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    states = []
    for seed in range(5):
        atoms, forces = canted(seed)
        atoms.arrays["magnetic_forces"] = forces
        states.append(atoms)
    file = tmp_path / "states.extxyz"
    ase.io.write(file, states)
    assert known(fit_file(file, 4.5), 1e-3)
    assert known(fit_file(file, 4.5, to_forces=True), 1e-3)
    notes = with_errors(fit_file(file, 4.5)).notes
    assert any("±" in note for note in notes)
    table = tmp_path / "J.csv"
    assert main(["exchange", str(file), "--fit", "4.5", "--magnetic-forces", "--to", str(table)]) == 0
    out = capsys.readouterr().out
    assert "fitted to magnetic forces" in out
    assert "12.0000" in out
    assert table.is_file()
    begun = deepcopy(states)
    for atoms in begun:
        atoms.set_initial_magnetic_moments(atoms.calc.results.pop("magmoms"))
    guessed = tmp_path / "guessed.extxyz"
    ase.io.write(guessed, begun)
    with pytest.warns(UserWarning, match="5 of 5 frames have no magmoms, only initial_magmoms"):
        assert known(fit_file(guessed, 4.5), 1e-3)
    del states[0].arrays["magnetic_forces"]
    bare = tmp_path / "bare.extxyz"
    ase.io.write(bare, states[0])
    with pytest.raises(DataError, match="magnetic_forces"):
        fit_file(bare, 4.5, to_forces=True)
    assert main(["exchange", str(bare), "--fit", "4.5"]) == 2
    assert "do not tell 3 unknowns apart" in capsys.readouterr().err
