"""Bad input is named; a potential's constants, tensors with spin–orbit coupling, become an exchange model."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ase.build import bulk

from magnetite.cli import main
from magnetite.errors import ExchangeError
from magnetite.exchange import ExchangeModel, temperature
from magnetite.exchange.conventions import K_B
from magnetite.exchange.formats import read, write
from magnetite.exchange.luttinger import ground_state
from magnetite.exchange.plots import plot_thermal
from magnetite.exchange.shells import shells
from magnetite.exchange.temperature import Effort, transition_temperature
from magnetite.potential.batch import collate, surroundings
from magnetite.potential.derivatives import differentiate
from magnetite.potential.exchange import exchange_of
from magnetite.potential.network import PotentialConfig, PotentialNetwork
from magnetite.structures import as_crystal

STEPS = np.eye(3, dtype=int)
TINY = Effort(spins=(27, 64), temperatures=4, steps=200, relaxations=1, scout_spins=27, scout_steps=50)


def cube(**more) -> ExchangeModel:
    bonds = [[0, 0, *step] for step in STEPS]
    return ExchangeModel.from_bonds(3 * np.eye(3), np.zeros((1, 3)), bonds, np.ones(3), name="cube", **more)


def record(**changes) -> dict:
    bonds = [[0, 1, 0, 0, 0, 1.5], [0, 1, -1, 0, 0, 1.5]]
    places = [[0, 0, 0], [0.5, 0, 0]]
    base = {"lattice": (4 * np.eye(3)).tolist(), "frac_coords": places, "bonds": bonds, "moments": [1.0, 2.0]}
    return {**base, "name": "pair", **changes}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"moments": [1.0]}, r"moments has shape \(1,\), not \(2,\)"),
        ({"moments": [[0, 0, 1.0], [0, 0, -1.0]]}, r"moments has shape \(2, 3\)"),
        ({"moments": [1.0, -1.0]}, "negative"),
        ({"S": [1.0]}, r"spins has shape \(1,\)"),
        ({"bonds": [[0, 1]]}, "a bond is"),
        ({"bonds": [[0, 1, 0, 0, 0, float("nan")]]}, "not finite"),
        ({"lattice": None}, "lacks lattice"),
    ],
)
def test_records_that_do_not_fit_are_refused(changes, message: str, tmp_path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(record(**changes)))
    with pytest.raises(ExchangeError, match=message):
        read(tmp_path / "x.json")


def test_a_file_of_several_records_wants_a_name(tmp_path) -> None:
    (tmp_path / "x.jsonl").write_text("\n".join(json.dumps(record(name=name)) for name in "ab") + "\n")
    with pytest.raises(ExchangeError, match="2 records, say which: a, b"):
        read(tmp_path / "x.jsonl")
    assert read(tmp_path / "x.jsonl", name="b").name == "b"
    (tmp_path / "y.json").write_text("[1, 2]")
    with pytest.raises(ExchangeError, match="not a list"):
        read(tmp_path / "y.json")


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz"])
def test_packed_records_survive(ending: str, tmp_path) -> None:
    file = write(cube(), tmp_path / f"x.json{ending}")
    np.testing.assert_array_equal(read(file).couplings, cube().couplings)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(ExchangeError, match=rf"x\.json{ending}: cannot be read"):
        read(file)


def test_missing_moments_are_said(tmp_path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(record(moments=None)))
    assert any("1 μB assumed" in note for note in read(tmp_path / "x.json").notes)
    lines = write(cube(), tmp_path / "x.cfg").read_text().splitlines()
    (tmp_path / "x.cfg").write_text("\n".join(line for line in lines if not line.startswith("mu_s")))
    assert any("1 μB assumed" in note for note in read(tmp_path / "x.cfg").notes)


def test_files_that_end_early_are_refused(tmp_path) -> None:
    lines = write(cube(), tmp_path / "x.cfg").read_text().splitlines()
    (tmp_path / "x.cfg").write_text("\n".join(lines[:-1]))
    with pytest.raises(ExchangeError, match="announces 3 pairs"):
        read(tmp_path / "x.cfg")
    lines = write(cube(), tmp_path / "x.csv").read_text().splitlines()
    (tmp_path / "x.csv").write_text("\n".join([*lines[:-1], "0,0,1"]))
    with pytest.raises(ExchangeError, match="line 5 has fewer values"):
        read(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text("\n".join([*lines[:-1], f"{lines[-1]},5"]))
    with pytest.raises(ExchangeError, match="line 5 has more values"):
        read(tmp_path / "x.csv")


def test_commands_refuse_before_they_work(tmp_path, capsys) -> None:
    file = str(write(cube(), tmp_path / "x.json"))
    for command, arguments, message in (
        ("tc", ["--spin", "nan"], "positive length"),
        ("tc", ["--seed", "-1"], "whole number from 0"),
        ("tc", ["--temperatures", "1", "3", "2.5"], "whole number"),
        ("tc", ["--temperatures", "1", "3", "inf"], "whole number"),
        ("tc", ["--temperatures", "1", "3", "nan"], "whole number"),
        ("tc", ["--plot", str(tmp_path / "x.xyz")], "a picture ends in"),
        ("tc", ["--out", str(tmp_path / "none" / "x.json")], "no such folder"),
        ("exchange", ["--plot-q", str(tmp_path / "none" / "x.png")], "no such folder"),
        ("exchange", ["--potential", "propagation"], "not a potential"),
        ("exchange", ["--magnetic-forces"], "give --fit"),
        ("exchange", ["--to-format", "vampire"], "goes with --to"),
        ("exchange", ["--fit", "nan"], "must be a number above 0"),
        ("exchange", ["--potential", "potential-fe", "--reach", "-1"], "must be a number above 0"),
        ("exchange", ["--out", str(tmp_path / "x.foo")], "must end in .mcif"),
        ("tc", ["--reach", "4"], "give --potential"),
        ("tc", ["--fit", "4", "--potential", "potential-nio"], "not allowed with"),
        ("exchange", ["--fit", "4", "--name", "NiO"], "of files of exchange constants"),
    ):
        try:
            code = main([command, file, *arguments])
        except SystemExit as leaving:  # argparse's own
            code = leaving.code
        assert code == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.5), (0.4, 0.9), (1.8, 2.6), (3.0, 6.0)])
def test_temperatures_far_from_the_transition_are_reported(low: float, high: float) -> None:
    effort = Effort(spins=(64, 216), steps=300, scout_spins=64, scout_steps=100)
    report = transition_temperature(
        cube(spins=1.0), effort=effort, temperatures=np.linspace(low, high, 6) / K_B, seed=1
    )
    assert any("miss the transition" in text for text in report.warnings)
    assert (report.monte_carlo, report.error, report.corrected, report.method) == (None, None, None, "none")
    assert "classical         – K" in str(report)
    assert "no transition" in plot_thermal(report).get_suptitle()


def test_models_without_a_bond_say_so() -> None:
    empty = ExchangeModel.from_bonds(np.eye(3), np.zeros((1, 3)), np.zeros((0, 5)), [])
    for ask in (ground_state, transition_temperature):
        with pytest.raises(ExchangeError, match=r"no exchange constant|no coupling"):
            ask(empty)


@pytest.mark.parametrize("ending", ["json", "csv"])
def test_a_file_without_a_bond_is_shown(ending: str, tmp_path, capsys) -> None:
    empty = ExchangeModel.from_bonds(np.eye(3), np.zeros((1, 3)), np.zeros((0, 5)), [])
    assert main(["exchange", str(write(empty, tmp_path / f"x.{ending}"))]) == 0
    assert "1 magnetic sites, 0 bonds" in capsys.readouterr().out


def test_a_checkpoint_of_something_else_is_refused(tmp_path) -> None:
    asked = {"effort": TINY, "temperatures": np.array([1.3, 1.45, 1.6]) / K_B, "checkpoint": tmp_path}
    transition_temperature(cube(), **asked)
    for file in tmp_path.glob("*.npz"):
        with np.load(file) as content:
            kept = dict(content)
        others = ({"other": np.ones(3)}, {**kept, "spins": np.ones(3)}, {**kept, "slots": kept["slots"].astype(float)})
        for damage in (None, *others):
            file.write_bytes(b"")  # as a crash of the whole machine leaves it
            if damage is not None:
                np.savez(file, **damage)
            with pytest.raises(ExchangeError, match="is no checkpoint of a simulation"):
                transition_temperature(cube(), **asked)
        np.savez(file, **kept)


def test_reports_say_what_is_not_known() -> None:
    report = transition_temperature(cube(), effort=TINY, temperatures=np.array([1.3, 1.45, 1.6]) / K_B)
    assert report.corrected is None
    assert any("spin lengths unknown" in text for text in report.warnings)
    assert any("3 temperatures are too few" in text for text in report.warnings)


def test_interrupted_commands_keep_what_is_finished(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(temperature, "QUICK", TINY)
    file = str(write(cube(spins=1.0), tmp_path / "x.json"))
    arguments = ["tc", file, "--effort", "quick", "--quiet", "--temperatures", "14", "20", "4"]
    kept = [*arguments, "--checkpoint", str(tmp_path / "kept")]
    real = temperature.simulate
    done = []

    def interrupt(*args, **more):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return real(*args, **more)

    monkeypatch.setattr(temperature, "simulate", interrupt)
    assert main(kept) == 130
    assert len(list((tmp_path / "kept").glob("*.npz"))) == 1
    assert "interrupted" in capsys.readouterr().err
    monkeypatch.setattr(temperature, "simulate", real)
    assert main(kept) == 0
    resumed = capsys.readouterr().out
    assert main(arguments) == 0
    assert capsys.readouterr().out == resumed


def test_the_bar_moves(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(temperature, "QUICK", TINY)
    file = str(write(cube(spins=1.0), tmp_path / "x.json"))
    assert main(["tc", file, "--effort", "quick", "--temperatures", "14", "20", "4"]) == 0
    shown = capsys.readouterr().err
    assert "cube, 64 spins" in shown
    assert "100%" in shown


def test_shells_join_what_is_alike() -> None:
    values = np.array([1.0, 1.2, 5.0])
    places = [[0, 0, 0], [0.5, 0, 0]]
    bonds = [[0, 1, 0, 0, 0], [0, 1, -1, 0, 0], [0, 0, 0, 1, 0]]
    model = ExchangeModel.from_bonds(4 * np.eye(3), places, bonds, values, species=["Fe1", "Fe2"])
    near, far = shells(model)
    assert (near.pair, near.neighbours, near.distance) == ("Fe1-Fe2", 2, 2)
    assert (near.mean, near.spread) == (pytest.approx(1.1), pytest.approx(0.1))
    assert (far.pair, far.neighbours, far.mean) == ("Fe1-Fe1", 1, 5)


def test_with_spin_orbit_coupling_a_potential_gives_whole_tensors() -> None:
    """Summed over all images they are the second derivatives of a cell's energy."""
    torch.manual_seed(1)
    cutoff, places = 2.6, {26: 0}
    config = PotentialConfig(
        (26,), (2.0,), (0.5,), (0.4,), cutoff=cutoff, radial=4, channels=8, hidden=16, spin_orbit=True, energy_scale=1.0
    )
    network = PotentialNetwork(config).double()
    for name, parameter in network.named_parameters():
        if "explicit" in name or name.endswith("4.weight"):
            torch.nn.init.normal_(parameter, std=0.2)
    network.requires_grad_(requires_grad=False)

    def batched(items):
        return collate(items, places, cutoff).to(torch.device("cpu"), torch.float64)

    model = SimpleNamespace(
        network=network, collate=batched, prepare=lambda taken: surroundings(taken.crystal, taken.moments, cutoff),
        objections=lambda _: (), objections_to_turning=tuple,
    )  # fmt: skip
    atoms = bulk("Fe", "bcc", a=2.87, cubic=True)
    atoms.rattle(0.1, seed=2)
    moments = np.random.default_rng(0).normal(size=(2, 3))
    found = exchange_of(model, atoms, moments=moments, reach=2 * cutoff)
    lengths = np.linalg.norm(moments, axis=1)
    exact, step = np.zeros((3, 3)), 1e-4
    for axis in range(3):
        slopes = []
        for sign in (1, -1):
            moved = moments.copy()
            moved[1, axis] += sign * step
            item = surroundings(as_crystal(atoms), moved, cutoff)
            slopes.append(-differentiate(network, batched([item])).magnetic[0].numpy())
        exact[:, axis] = (slopes[0] - slopes[1]) / (2 * step)
    exact *= -1e3 * lengths.prod()
    between = (found.bonds[:, 0] == 0) & (found.bonds[:, 1] == 1)
    assert np.allclose(found.tensors[between].sum(axis=0), exact, atol=1e-4 * abs(exact).max())
    assert abs(exact - exact.T).max() > 1e-3 * abs(exact).max()  # an antisymmetric part: no inversion
    exchange = ExchangeModel.from_bonds(found.lattice, found.frac_coords, found.bonds, found.tensors)
    assert exchange.has_tensors
    assert not exchange.is_isotropic
