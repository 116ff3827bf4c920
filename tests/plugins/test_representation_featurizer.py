"""Representations inside matminer, through its own machinery."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matminer.featurizers.base import MultipleFeaturizer
from pymatgen.core import Lattice, Structure
from sklearn.base import clone

from magnetite.errors import MagnetiteError
from magnetite.representations import list_representations, represent
from magnetite_matminer import RepresentationFeaturizer

DISORDERED = Structure(Lattice.cubic(3), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])


@pytest.mark.parametrize("entry", list_representations(), ids=lambda entry: entry.name)
def test_every_entry_is_a_featurizer(entry, rutile: Structure) -> None:
    featurizer = RepresentationFeaturizer(entry.name)
    table = featurizer.featurize_dataframe(pd.DataFrame({"s": [rutile]}), "s", pbar=False)
    labels = featurizer.feature_labels()
    assert len(labels) == len(set(labels)) == entry.length
    assert table[labels].to_numpy()[0] == pytest.approx(represent(rutile, entry.name))
    assert featurizer.citations() == entry.citations
    assert entry.library in featurizer.implementors()


def test_errors_are_rows_of_nan(nio: Structure) -> None:
    featurizer = RepresentationFeaturizer("soap", r_cut=4.0)
    table = pd.DataFrame({"s": [nio, DISORDERED]})
    found = featurizer.featurize_dataframe(table, "s", ignore_errors=True, return_errors=True, pbar=False)
    assert np.isfinite(found.iloc[0][featurizer.feature_labels()].to_numpy(float)).all()
    assert found.iloc[1][featurizer.feature_labels()].isna().all()
    assert "partly occupied" in found["RepresentationFeaturizer Exceptions"][1]
    with pytest.raises(MagnetiteError, match="structure 1: has partly occupied"):
        featurizer.featurize_many([nio, DISORDERED], pbar=False)
    assert featurizer.precheck(nio)
    assert not featurizer.precheck(DISORDERED)
    assert not featurizer.precheck(nio.composition)
    for wrong in (RepresentationFeaturizer("soap", radius=4), RepresentationFeaturizer("soap", cell="unit")):
        with pytest.raises(MagnetiteError, match=r"no option radius|must be one of given"):
            wrong.precheck(nio)


def test_a_search_over_options_changes_the_features(nio: Structure) -> None:
    featurizer = RepresentationFeaturizer("soap", r_cut=4.0)
    before = featurizer.featurize(nio)
    assert not np.allclose(before, featurizer.set_params(r_cut=6.0).featurize(nio))
    assert featurizer.get_params() == {"name": "soap", "cell": "given", "r_cut": 6.0}
    assert featurizer.set_params(r_cut=4.0).featurize(nio) == pytest.approx(before)
    with pytest.raises(MagnetiteError, match="has no option radius"):
        featurizer.set_params(radius=3)
    assert RepresentationFeaturizer("soap").set_params(name="one-hot").feature_labels()[0].startswith("one-hot")


def test_copies_and_company(nio: Structure) -> None:
    featurizer = RepresentationFeaturizer("megnet16", cell="primitive", pooling="max")
    assert clone(featurizer).get_params() == {"name": "megnet16", "cell": "primitive", "pooling": "max"}
    both = MultipleFeaturizer([featurizer, RepresentationFeaturizer("one-hot")], iterate_over_entries=False)
    table = both.featurize_dataframe(pd.DataFrame({"s": [nio]}), "s", pbar=False)
    assert table.shape == (1, 1 + 16 + 103)
    with pytest.raises(MagnetiteError, match="did you mean"):
        RepresentationFeaturizer("megnet")
