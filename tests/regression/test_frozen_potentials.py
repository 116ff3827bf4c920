"""Frozen weights of the potentials give frozen answers; on unseen frames they score what their cards say.

After a change of weights on purpose: ``python tests/regression/test_frozen_potentials.py`` writes the answers anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS

from magnetite.zoo import find_card
from magnetite_ase import SpinPotential

ANSWERS = Path(__file__).with_name("potential_answers.json")


def iron(a: float, moment: float, repeat: int = 1) -> Atoms:
    atoms = bulk("Fe", "bcc", a=a, cubic=True) * (repeat, repeat, repeat)
    atoms.set_initial_magnetic_moments(np.full(len(atoms), moment))
    return atoms


def nickel_oxide() -> Atoms:
    """Spins reversed from one (111) layer to the next, in a cell of two layers."""
    cell = 4.17 / 2 * np.array([[2, 1, 1], [1, 2, 1], [1, 1, 2]])
    atoms = Atoms("Ni2O2", scaled_positions=[[0] * 3, [0.5] * 3, [0.25] * 3, [0.75] * 3], cell=cell, pbc=True)
    atoms.set_initial_magnetic_moments([1.2735, -1.2735, 0, 0])
    return atoms


CASES = {"potential-fe": lambda: iron(2.84, 2.2), "potential-nio": nickel_oxide}


def answer(name: str, device: str = "cpu") -> dict[str, object]:
    """What the shipped weights say of a shaken crystal, rounded."""
    atoms = CASES[name]()
    atoms.rattle(0.02, seed=0)
    atoms.calc = SpinPotential(name, device=device)
    return {
        "sha256": find_card(name).content["sha256"],
        "energy": round(atoms.get_potential_energy(), 5),
        "forces": atoms.get_forces().round(5).tolist(),
        "stress": atoms.get_stress().round(6).tolist(),
        "magnetic_forces": atoms.calc.get_magnetic_forces(atoms).round(5).tolist(),
    }


@pytest.mark.parametrize("name", sorted(CASES))
def test_frozen_weights_give_frozen_answers(name: str, device: str) -> None:
    expected = json.loads(ANSWERS.read_text())[name]
    got = answer(name, device)
    assert expected.pop("sha256") == got.pop("sha256"), "new weights: write the answers anew"
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, atol=2e-5, err_msg=key)


def test_iron_is_iron() -> None:
    """Positions, cell and moments relax together to the ferromagnet that density functional theory knows."""
    atoms = iron(2.78, 1.9)
    atoms.rattle(0.05, seed=1)
    atoms.calc = SpinPotential("potential-fe", moments="relaxed", device="cpu")
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.01, steps=100)
    assert atoms.cell.cellpar() == pytest.approx([2.83] * 3 + [90] * 3, rel=0.01)
    assert atoms.get_magnetic_moments() == pytest.approx([2.2] * 2, abs=0.15)
    assert np.abs(atoms.calc.get_magnetic_forces(atoms)).max() < 2e-3


def test_moments_collapse_under_pressure_and_energies_rise_beyond_the_data() -> None:
    found = []
    for a in (2.70, 2.83, 2.95):
        atoms = iron(a, 2.1)
        atoms.calc = SpinPotential("potential-fe", moments="relaxed", device="cpu")
        found.append(atoms.get_magnetic_moments()[0])
    assert found[0] < found[1] < found[2]
    atoms.calc = SpinPotential("potential-fe", device="cpu")
    settled = atoms.get_potential_energy()
    atoms.set_initial_magnetic_moments([3.4, 3.4])
    far, apart = (pytest.warns(UserWarning, match=text) for text in ("leaves the trained range", "networks differ"))
    with far, apart:
        assert atoms.get_potential_energy() > settled


def test_states_that_no_frame_shows_are_said() -> None:
    """Antiparallel moments at the ferromagnet's volume: in range, but the networks part."""
    atoms = iron(2.83, 2.2)
    atoms.calc = SpinPotential("potential-fe", device="cpu")
    atoms.get_potential_energy()
    known = atoms.calc.report
    assert not known.warnings
    atoms.set_initial_magnetic_moments([2.2, -2.2])
    with pytest.warns(UserWarning, match="energies of its networks differ"):
        atoms.get_potential_energy()
    assert atoms.calc.report.energy_spread > 20 * known.energy_spread
    assert not any("range" in warning for warning in atoms.calc.report.warnings)


def test_volumes_beyond_the_data_are_said() -> None:
    atoms = iron(4.0, 2.2)
    atoms.calc = SpinPotential("potential-fe", device="cpu")
    volume, apart = (pytest.warns(UserWarning, match=text) for text in ("Å³/atom leaves the", "networks differ"))
    with volume, apart:
        atoms.get_potential_energy()


def test_dynamics_conserve_energy() -> None:
    atoms = iron(2.84, 2.2, 2)
    atoms.calc = SpinPotential("potential-fe", device="cpu")
    thermalize_momenta(atoms, temperature_K=300, rng=np.random.default_rng(0))
    start = atoms.get_total_energy()
    VelocityVerlet(atoms, timestep=1.0 * units.fs, logfile=None).run(30)
    assert (atoms.get_total_energy() - start) / len(atoms) == pytest.approx(0, abs=2e-4)


def test_the_card_states_what_the_weights_score(data_folder: Path) -> None:
    """On the held-out frames of iron; the full table is printed by ``benchmarks/potential.py``."""
    import magnetite
    from magnetite.potential.frames import groups_of
    from magnetite.potential.tasks import measure
    from magnetite.potential.train import prepare_split

    path = data_folder / "potential" / "fe_fitsnap_npj2021.extxyz.gz"
    split, _ = prepare_split(path, self_consistent=True, without=("EOS_001_Jun2020",))
    model = magnetite.load("potential-fe", "cpu")
    group = "BCC-HCP-transition"
    found = measure(model.network, groups_of(split.test)[group], model.device)
    said = {
        metric["name"].removeprefix("RMSE "): metric["value"]
        for metric in model.card.content["metrics"] if metric["protocol"].endswith(group)
    }  # fmt: skip
    assert found == pytest.approx(said, rel=1e-2)


if __name__ == "__main__":
    ANSWERS.write_text(json.dumps({name: answer(name) for name in sorted(CASES)}, indent=1) + "\n")
