"""Relatives: who is one, and what they are said to have voted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pymatgen.core import Structure

from magnetite.order.relatives import CAUTION, COLUMNS, KINDS, Relatives, family_codes
from magnetite.runtime import collate
from magnetite.structures import as_crystal
from magnetite.sublattice import magnetic_geometry


def codes(*structures: Structure) -> np.ndarray:
    crystals = [as_crystal(s).primitive[0] for s in structures]
    geometries = [magnetic_geometry(c) for c in crystals]
    batch = collate([c.graph for c in crystals], [c.volume / len(c) for c in crystals], geometries)
    return family_codes(batch).numpy()


def replaced(structure: Structure, **elements: str) -> Structure:
    return structure.replace_species(elements, in_place=False)


def test_who_is_a_relative(nio: Structure, rutile: Structure, corundum: Structure) -> None:
    others = [replaced(nio, Ni="Mn"), replaced(nio, Ni="Eu"), replaced(nio, Ni="Mn", O="F"), rutile, corundum]
    own, *found = codes(nio, *others)
    assert (own == found).tolist() == [
        [True, True, True],  # one metal with a Hubbard U for another
        [True, True, False],
        [True, True, False],
        [False, False, False],
        [False, False, False],
    ]


def test_nobody_else_in_the_batch_and_no_other_cell_changes_the_family(nio: Structure, rutile: Structure) -> None:
    shuffled = Structure.from_sites(list(reversed(nio.make_supercell([2, 1, 1], in_place=False))))
    together = codes(rutile, nio, shuffled)
    np.testing.assert_array_equal(together, np.concatenate([codes(rutile), codes(nio), codes(nio)]))


CODES = np.array([[7, -5, 3], [7, -5, 4], [7, 9, 3], [1, 9, 8]])
FORMULAS = ["A", "A", "B", "C"]
IS_AFM = np.array([True, False, True, False])


def test_votes_are_counted_and_strangers_get_the_mean() -> None:
    table = Relatives.of(CODES, IS_AFM)
    asked = torch.tensor([[7, -5, 3], [2, 2, 2]])
    assert table.ask(asked).tolist() == [[[1, 2], [1, 1], [0, 2]], [[0, 0]] * KINDS]
    known, strange = table(asked).view(2, KINDS, 2)
    assert known[:, 1].tolist() == [3, 2, 2]
    assert known[0, 0] == pytest.approx((2 + CAUTION / 2) / (3 + CAUTION))
    assert strange.tolist() == [[0.5, 0]] * KINDS  # half of all votes are for AFM


def test_rows_that_train_are_not_told_what_their_own_formula_voted() -> None:
    voters = np.array([True, True, True, False])
    table = Relatives.of(CODES[voters], IS_AFM[voters])
    told = table.without_own_formula(CODES, FORMULAS, voters, IS_AFM).reshape(4, KINDS, 2)
    assert told.shape[1] * told.shape[2] == COLUMNS
    assert told[:, :, 1].tolist() == [[1, 0, 1], [1, 0, 0], [2, 0, 1], [0, 1, 0]]
    mean = 2 / 3
    assert told[0, 0, 0] == pytest.approx((1 + CAUTION * mean) / (1 + CAUTION))  # B alone, which is AFM
    others = table.without_own_formula(CODES, list("WXYZ"), np.zeros(4, bool), IS_AFM)
    np.testing.assert_array_equal(others, table(torch.from_numpy(CODES)).numpy())
