"""Frozen weights of the ranker give frozen answers.

After a change of weights on purpose: ``python tests/regression/test_frozen_propagation.py`` writes the answers anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import magnetite
from magnetite.zoo import find_card

ANSWERS = Path(__file__).with_name("propagation_answers.json")
STRUCTURES = Path(__file__).parents[2] / "examples" / "structures"


def answers(device: str = "cpu") -> dict[str, list[list[object]]]:
    """The first wave vectors of the examples, where k = 0 is as probable as all others together."""
    found = {}
    for path in sorted(STRUCTURES.iterdir()):
        ranked = magnetite.rank_wave_vectors(path, 0.5, limit=4, device=device)
        found[path.name] = [[v.point, v.star_size, round(v.probability, 5)] for v in ranked]
    return found


def test_frozen_weights_give_frozen_answers(device: str) -> None:
    expected = json.loads(ANSWERS.read_text())
    assert expected["sha256"] == find_card("propagation").content["sha256"], "new weights: write the answers anew"
    got = answers(device)
    assert got.keys() == expected["answers"].keys()
    for name, vectors in expected["answers"].items():
        assert [v[:2] for v in got[name]] == [v[:2] for v in vectors], name
        assert [v[2] for v in got[name]] == pytest.approx([v[2] for v in vectors], abs=1e-4), name


if __name__ == "__main__":
    content = {"sha256": find_card("propagation").content["sha256"], "answers": answers()}
    ANSWERS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
