"""Frozen weights give frozen answers; on unseen data they score what the card says.

After a change of weights on purpose: ``python tests/regression/test_frozen.py`` writes the answers anew.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import magnetite
from magnetite.zoo import DEFAULT_MODEL, find_card

MODELS = (DEFAULT_MODEL, "magnetism-best")
ANSWERS = Path(__file__).with_name("answers.json")
STRUCTURES = Path(__file__).parents[2] / "examples" / "structures"


def answers(model: str, device: str = "cpu") -> dict[str, dict[str, object]]:
    """What shipped weights say of the examples, rounded."""
    paths = sorted(STRUCTURES.iterdir())
    reports = magnetite.analyze_many(paths, model=model, device=device)
    return {
        path.name: {
            "order": report.label,
            "probabilities": {name: round(p, 5) for name, p in report.probabilities.items()},
            "zero_k": round(report.zero_k_probability, 5),
            "largest_moment": round(max(report.site_moments), 4),
            "in_domain": report.in_domain,
        }
        for path, report in zip(paths, reports, strict=True)
    }


@pytest.mark.parametrize("model", MODELS)
def test_frozen_weights_give_frozen_answers(model: str, device: str) -> None:
    expected = json.loads(ANSWERS.read_text())[model]
    assert expected["sha256"] == find_card(model).content["sha256"], "new weights: write the answers anew"
    got = answers(model, device)
    assert got.keys() == expected["answers"].keys()
    for name, answer in expected["answers"].items():
        assert got[name]["order"] == answer["order"], name
        assert got[name]["in_domain"] == answer["in_domain"], name
        assert got[name]["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-4), name
        assert got[name]["zero_k"] == pytest.approx(answer["zero_k"], abs=1e-4), name
        assert got[name]["largest_moment"] == pytest.approx(answer["largest_moment"], abs=1e-3), name


def test_the_card_states_what_the_weights_score(data_folder: Path) -> None:
    """On the rows of the test split; the full table is printed by ``magnetite evaluate``."""
    from magnetite.evaluation.order import measure
    from magnetite.order.train import read_examples

    model = magnetite.load(device="cpu")
    examples = read_examples(data_folder, progress=False, folds=[0])
    found = {m.name: m.value for m in measure(model.network, examples, model.calibration, model.device)}
    for metric in model.card.content["metrics"]:
        assert math.isclose(found[metric["name"]], metric["value"], abs_tol=2e-3), metric["name"]
    assert found["order accuracy"] > 0.77, "gradient boosting on composition and size reaches 0.770"
    assert found["zero k accuracy"] > 0.725, "gradient boosting reaches 0.725"


if __name__ == "__main__":
    content = {name: {"sha256": find_card(name).content["sha256"], "answers": answers(name)} for name in MODELS}
    ANSWERS.write_text(json.dumps(content, indent=1) + "\n")
