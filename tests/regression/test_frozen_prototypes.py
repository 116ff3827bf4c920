"""Frozen weights give frozen structure types; on the ideal samples they score what the card says.

After a change of weights on purpose: ``python tests/regression/test_frozen_prototypes.py`` writes the answers anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import magnetite
from magnetite.api import load_classifier
from magnetite.pipeline import run
from magnetite.prototypes.supercells import pristine_samples
from magnetite.prototypes.train import read_classes
from magnetite.zoo import DEFAULT_CLASSIFIER, find_card

ANSWERS = Path(__file__).with_name("prototype_answers.json")
STRUCTURES = Path(__file__).parents[2] / "examples" / "structures"


def answers(device: str = "cpu") -> dict[str, dict[str, object]]:
    """What the shipped weights say of the examples, rounded."""
    paths = sorted(STRUCTURES.iterdir())
    reports = magnetite.classify_many(paths, device=device)
    return {
        path.name: {
            "prototype": report.prototype,
            "probability": round(report.probability, 4),
            "mutual_information": round(report.mutual_information, 4),
            "warned": bool(report.warnings),
        }
        for path, report in zip(paths, reports, strict=True)
    }


def test_frozen_weights_give_frozen_types(device: str) -> None:
    expected = json.loads(ANSWERS.read_text())
    assert expected["sha256"] == find_card(DEFAULT_CLASSIFIER).content["sha256"], "new weights: write the answers anew"
    got = answers(device)
    assert got.keys() == expected["answers"].keys()
    for name, answer in expected["answers"].items():
        assert got[name]["prototype"] == answer["prototype"], name
        assert got[name]["probability"] == pytest.approx(answer["probability"], abs=2e-3), name
        assert got[name]["mutual_information"] == pytest.approx(answer["mutual_information"], abs=2e-3), name
        assert got[name]["warned"] == answer["warned"], name


@pytest.mark.parametrize(
    ("name", "prototype"),
    [
        ("Fe.cif", "bcc_W_A_cI2_229_a"),
        ("Co.vasp", "hcp_Mg_A_hP2_194_c"),
        ("NiO.cif", "RockSalt_NaCl"),
    ],
)
def test_textbook_crystals(name: str, prototype: str) -> None:
    report = magnetite.classify_structure(STRUCTURES / name, device="cpu", passes=200)
    assert report.prototype == prototype
    assert report.probability > 0.9


def test_every_pristine_sample_is_recognized(data_folder: Path) -> None:
    prototypes = read_classes(data_folder)
    variants = pristine_samples(prototypes)
    assert len(variants) == 396
    model = load_classifier(device="cpu")
    assert [entry.label for entry in model.classes] == [prototype.label for prototype in prototypes]
    found = run(model.with_passes(50), [variant.sample for variant in variants])
    wrong = [v.label for v, report in zip(variants, found, strict=True) if report.prototype != v.label]
    assert wrong == []


def test_the_authors_own_descriptors_are_recognized(data_folder: Path) -> None:
    """396 vectors that were computed elsewhere, by the software of the paper."""
    import numpy as np

    with np.load(data_folder / "arise" / "reference_soap" / "soap_pristine.npz") as stored:
        x, y = torch.from_numpy(stored["x"]).float(), torch.from_numpy(stored["y"]).long()
    network = load_classifier(device="cpu").network
    found = network.sample_probabilities(x, 50)[0].argmax(1)
    assert float((found == y).double().mean()) > 0.99


if __name__ == "__main__":
    content = {"sha256": find_card(DEFAULT_CLASSIFIER).content["sha256"], "answers": answers()}
    ANSWERS.write_text(json.dumps(content, indent=1) + "\n")
