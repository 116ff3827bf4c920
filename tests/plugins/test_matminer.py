"""The featurizer: batched, with matminer's own conventions for errors, labels and columns."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matminer.featurizers.base import MultipleFeaturizer
from matminer.featurizers.structure import DensityFeatures
from pymatgen.core import Lattice, Structure
from sklearn.base import clone

import magnetite
from magnetite.errors import MagnetiteError, StructureError, ZooError
from magnetite_matminer import MagneticOrderFeaturizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from magnetite.reports import MagnetismReport

    from .conftest import Oracle

    Make = Callable[..., MagnetismReport]

DISORDERED = Structure(Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
LABELS = [
    "magnetite P(NM)", "magnetite P(AFM)", "magnetite P(FM)", "magnetite P(zero k)",
    "magnetite uncertainty", "magnetite mutual information", "magnetite in domain",
    "magnetite max |m|", "magnetite mean |m|",
]  # fmt: skip
ERRORS = "MagneticOrderFeaturizer Exceptions"


@pytest.fixture
def featurizer() -> MagneticOrderFeaturizer:
    return MagneticOrderFeaturizer(device="cpu")


@pytest.fixture
def structures(nio: Structure, rutile: Structure) -> list[Structure]:
    return [nio, rutile, Structure(Lattice.cubic(2.866), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])]


def numbers(report: MagnetismReport) -> list[float]:
    assert report.site_moments is not None
    moments = report.site_moments
    shares = [report.probabilities[name] for name in ("NM", "AFM", "FM")]
    trust = [report.zero_k_probability, report.uncertainty, report.mutual_information, float(report.in_domain)]
    return [*shares, *trust, max(moments), sum(moments) / len(moments)]


def test_features_are_those_of_the_report(featurizer: MagneticOrderFeaturizer, structures: list[Structure]) -> None:
    expected = [numbers(report) for report in magnetite.analyze_many(structures, device="cpu")]
    found = featurizer.featurize_many(structures, pbar=False)
    assert isinstance(found, list)
    assert all(isinstance(row, list) for row in found)
    for row, other in zip(found, expected, strict=True):
        assert row == pytest.approx(other)
    assert featurizer.featurize(structures[0]) == pytest.approx(expected[0], abs=1e-5)
    assert featurizer.feature_labels() == LABELS


def test_a_column_is_one_pass(
    featurizer: MagneticOrderFeaturizer, structures: list[Structure], oracle: Oracle, report: Make
) -> None:
    oracle.report = report("NM", None, zero_k_probability=None, uncertainty=0.0)
    featurizer.set_n_jobs(3)
    rows = featurizer.featurize_many(structures * 20, pbar=False)
    assert oracle.calls == 1
    assert len(rows) == 60
    assert rows[0][:3] == list(oracle.report.probabilities.values())
    assert [rows[0][4], rows[0][6]] == [0, 0]
    assert np.isnan([rows[0][i] for i in (3, 7, 8)]).all(), "what the model does not give is NaN"


@pytest.mark.parametrize(
    "wrap",
    [
        list,
        tuple,
        lambda s: [(x,) for x in s],
        lambda s: [[x] for x in s],
        lambda s: pd.Series(s, index=[7, 8, 9]),
        lambda s: pd.DataFrame({"structure": s}),
        lambda s: pd.DataFrame({"structure": s}).to_numpy(),
    ],
)
def test_every_container_of_matminer_is_taken(
    wrap: Callable[[list[Structure]], Any], featurizer: MagneticOrderFeaturizer, structures: list[Structure]
) -> None:
    seen: list[Structure] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("magnetite.api.analyze_many", lambda given, **_: seen.extend(given) or [])
        featurizer.featurize_many(wrap(structures), pbar=False)
    assert len(seen) == 3
    assert all(one is other for one, other in zip(seen, structures, strict=True))


def test_what_is_no_column_is_refused(featurizer: MagneticOrderFeaturizer, nio: Structure) -> None:
    with pytest.raises(TypeError, match="list-like"):
        featurizer.featurize_many(iter([nio]))
    with pytest.raises(StructureError, match="row 0: holds 2 values; give one column"):
        featurizer.featurize_many([(nio, nio)])
    with pytest.raises(ValueError, match="ignore_errors"):
        featurizer.featurize_many([nio], return_errors=True)
    assert featurizer.featurize_many([]) == []


def test_errors_raise_or_become_rows(featurizer: MagneticOrderFeaturizer, nio: Structure) -> None:
    column = [nio, DISORDERED, None, nio]
    with pytest.raises(StructureError, match="structure 1: has partly occupied sites"):
        featurizer.featurize_many(column, pbar=False)
    rows = featurizer.featurize_many(column, ignore_errors=True, return_errors=True, pbar=False)
    assert [len(row) for row in rows] == [len(LABELS) + 1] * 4
    assert np.isnan(rows[1][:-1]).all()
    assert "partly occupied" in rows[1][-1]
    assert "NoneType" in rows[2][-1]
    assert np.isnan(rows[0][-1])
    assert rows[3][:-1] == pytest.approx(rows[0][:-1], rel=1e-5, abs=1e-6)
    assert len(featurizer.featurize_many(column, ignore_errors=True, pbar=False)[1]) == len(LABELS)


def test_a_dataframe_gains_columns(featurizer: MagneticOrderFeaturizer, nio: Structure) -> None:
    table = pd.DataFrame({"structure": [nio, DISORDERED]}, index=["good", "bad"])
    found = featurizer.featurize_dataframe(table, "structure", ignore_errors=True, return_errors=True, pbar=False)
    assert list(found.columns) == ["structure", *LABELS, ERRORS]
    assert found.loc["good", LABELS[:3]].sum() == pytest.approx(1)
    assert found.loc["bad", LABELS].isna().all()
    assert "partly occupied" in found.loc["bad", ERRORS]
    assert pd.isna(found.loc["good", ERRORS])
    levels = featurizer.featurize_dataframe(table, "structure", ignore_errors=True, multiindex=True, pbar=False)
    assert ("MagneticOrderFeaturizer", LABELS[0]) in levels.columns
    assert featurizer.feature_labels() == LABELS, "matminer appends to the list it is given"


@pytest.mark.parametrize("by_entry", [False, True])
def test_beside_other_featurizers(by_entry: bool, featurizer: MagneticOrderFeaturizer, nio: Structure) -> None:
    both = MultipleFeaturizer([featurizer, DensityFeatures(["density"])], iterate_over_entries=by_entry)
    both.set_n_jobs(1)
    table = pd.DataFrame({"structure": [nio, DISORDERED, nio]})
    found = both.featurize_dataframe(table, "structure", ignore_errors=True, pbar=False)
    assert list(found.columns) == ["structure", *LABELS, "density"]
    assert found["magnetite P(NM)"].isna().tolist() == [False, True, False]
    assert found["density"].notna().all()
    assert found.loc[0, LABELS].tolist() == pytest.approx(featurizer.featurize(nio), rel=1e-5, abs=1e-6)
    assert set(featurizer.citations()) <= set(both.citations())


def test_the_bar_shows_on_request(
    featurizer: MagneticOrderFeaturizer,
    nio: Structure,
    oracle: Oracle,
    report: Make,
    capsys: pytest.CaptureFixture[str],
) -> None:
    oracle.report = report("FM", (1.0,))
    featurizer.featurize_many([nio], pbar=False)
    assert capsys.readouterr().err == ""
    featurizer.featurize_many([nio])
    assert "MagneticOrderFeaturizer" in capsys.readouterr().err
    featurizer.featurize_many([nio], pbar={"desc": "ours"})
    assert "ours: 100%" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("preset", "labels"), [("all", LABELS), ("probabilities", LABELS[:4]), ("moments", LABELS[7:])]
)
def test_presets(preset: str, labels: list[str], nio: Structure, oracle: Oracle, report: Make) -> None:
    oracle.report = report("FM", (1.0, 2.0))
    featurizer = MagneticOrderFeaturizer.from_preset(preset, device="cpu")
    assert featurizer.feature_labels() == labels
    everything = dict(zip(LABELS, numbers(oracle.report), strict=True))
    assert featurizer.featurize(nio) == [everything[label] for label in labels]
    assert featurizer.device == "cpu"


def test_wrong_names_are_told(nio: Structure) -> None:
    with pytest.raises(MagnetiteError, match="no feature set is called 'probability'; did you mean 'probabilities'"):
        MagneticOrderFeaturizer.from_preset("probability")
    with pytest.raises(MagnetiteError, match="did you mean 'probabilities'"):
        MagneticOrderFeaturizer().set_params(features="probability").feature_labels()
    with pytest.raises(MagnetiteError, match="did you mean 'probabilities'"):
        MagneticOrderFeaturizer().set_params(features="probability").transform([nio])
    with pytest.raises(ZooError, match="no model is called"):  # also where the errors of structures are ignored
        MagneticOrderFeaturizer(model="nonsense").featurize_many([None], ignore_errors=True, pbar=False)
    with pytest.raises(ZooError, match="not of magnetic order"):
        MagneticOrderFeaturizer(model="prototypes").featurize_many([None], ignore_errors=True, pbar=False)


def test_it_pickles_small_before_and_after_use(featurizer: MagneticOrderFeaturizer, nio: Structure) -> None:
    before = pickle.dumps(featurizer)
    expected = featurizer.featurize_many([nio], pbar=False)
    assert pickle.dumps(featurizer) == before, "nothing of the model may stay on the instance"
    assert len(before) < 1000
    again = pickle.loads(before)
    assert again.featurize_many([nio], pbar=False) == [pytest.approx(expected[0])]
    assert again.n_jobs == 1


def test_it_is_a_scikit_learn_transformer(nio: Structure) -> None:
    featurizer = clone(MagneticOrderFeaturizer("moments", device="cpu"))
    assert featurizer.get_params() == {"features": "moments", "model": "magnetism", "device": "cpu"}
    assert np.shape(featurizer.fit_transform([nio, DISORDERED])) == (2, 2)


def test_precheck(featurizer: MagneticOrderFeaturizer, nio: Structure) -> None:
    table = pd.DataFrame({"structure": [nio, DISORDERED, nio, nio]})
    assert featurizer.precheck_dataframe(table, "structure") == 0.75


def test_credits(featurizer: MagneticOrderFeaturizer) -> None:
    assert any("105192" in entry and "Merker" in entry for entry in featurizer.citations())
    assert all(entry.startswith("@") and entry.count("{") == entry.count("}") for entry in featurizer.citations())
    assert featurizer.implementors()


def test_a_pool_of_others_does_not_hang_on_forked_threads(in_new_process: Callable[[str], str]) -> None:
    out = in_new_process("""
import os, signal, torch
from matminer.featurizers.base import MultipleFeaturizer
from pymatgen.core import Lattice, Structure
from magnetite_matminer import MagneticOrderFeaturizer
signal.alarm(40)  # a hang is a failure, of this process and of its forks
os.register_at_fork(after_in_child=lambda: signal.alarm(30))
torch.set_num_threads(2)
iron = Structure(Lattice.cubic(2.866), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
featurizer = MagneticOrderFeaturizer()
expected = featurizer.featurize(iron)
both = MultipleFeaturizer([featurizer])  # whose default is one process for each core
both.set_n_jobs(2)
rows = both.featurize_many([iron] * 3, pbar=False)
print(max(abs(a - b) for row in rows for a, b in zip(row, expected, strict=True)) < 1e-4)
""")
    assert out == "True\n"


def test_importing_it_imports_no_torch(in_new_process: Callable[[str], str]) -> None:
    code = "import sys, magnetite_matminer as m; m.MagneticOrderFeaturizer(); print('torch' in sys.modules)"
    assert in_new_process(code) == "False\n"
