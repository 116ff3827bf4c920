"""The whole study as one document with its figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import magnetite
from magnetite.evaluation.paper import reference
from magnetite.evaluation.paper.figures import new_figure, plot_accuracies, plot_confusion
from magnetite.evaluation.paper.orders import (
    accuracies,
    element_section,
    order_section,
    system_section,
    ternary_section,
)  # fmt: skip
from magnetite.evaluation.paper.others import (
    composition_section,
    experiment_section,
    leak_section,
    propagation_section,
    size_section,
    threshold_section,
    trust_section,
)  # fmt: skip
from magnetite.evaluation.paper.propagation import HONEST, propagation_models
from magnetite.evaluation.paper.rows import read_rows
from magnetite.evaluation.paper.section import Section
from magnetite.evaluation.paper.settings import Settings
from magnetite.evaluation.paper.study import Study, order_models, prepare
from magnetite.evaluation.paper.work import Work
from magnetite.order.model import OrderModel
from magnetite.order.network import ORDER_CLASSES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAME = "paper-2022"
DPI = 80
INTRODUCTION = """\
# The 2022 paper, table by table

Merker, Heiberger, Nguyen et al., *Machine learning magnetism classifiers from atomic coordinates*, iScience 25, 105192
(2022), [doi:10.1016/j.isci.2022.105192](https://doi.org/10.1016/j.isci.2022.105192): every table and figure of its
results, with this package's models on data of the same kind, beside the paper's figures.

Written by `magnetite evaluate --paper --data DATA --out docs{quick}`: model {model}, magnetite {version}, {rows:,} rows
of GGA+U chemistry and {compounds:,} of MAGNDATA, seeds 0 to {last}. The data differ from the paper's (see
[data.md](data.md)): more antiferromagnets, primitive chemical cells, NM labels that are inferred and therefore look
easier than they are. Unless a line says otherwise, rows are split by reduced formula and everything is measured on
formulas that nothing trained on."""


def write_study(
    model: OrderModel, data: Path, out: Path, settings: Settings, *, quick: bool = False, progress: bool = True
) -> tuple[Path, float]:
    """Do the study and write it down; an interrupted one continues.

    Args:
        model: of the zoo; its body is shared by the models of the study.
        data: folder with the labelled data.
        out: folder for the document, ``images/`` and ``work/`` (what is kept, git-ignored).
        settings: how much is done.
        quick: what the document says of how it was made.
        progress: show bars.

    Returns:
        The document's path, and the seconds of processor time that all its results took, also those kept from before.

    Raises:
        DataError: a file of the data folder or a kept result is missing or broken.
        MagnetiteError: what draws figures is not installed.
    """
    new_figure(1, 1)  # whatever draws must be there before the work, not after it
    work = Work(out / "work")
    study = prepare(model, *read_rows(data, settings.folds, work, progress=progress), settings, work, progress=progress)
    images = out / "images"
    images.mkdir(parents=True, exist_ok=True)
    parts = [
        INTRODUCTION.format(
            quick=" --quick" if quick else "", model=model.card, version=magnetite.__version__,
            rows=len(study.everything), compounds=len(study.compounds), last=settings.models - 1,
        )
    ]  # fmt: skip
    for section in sections(study):
        parts.append(f"## {section.title}\n\n{section.text}")
        for name, figure in section.figures.items():
            _save(figure, images / f"paper-{name}.png")
    parts.append(f"## Time\n\nAll results of this page together: {work.total / 60:.1f} minutes of processor time.")
    path = out / f"{NAME}.md"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path, work.total


def sections(study: Study) -> list[Section]:
    """All parts of the document, in its order."""
    models, propagation = order_models(study), propagation_models(study)
    test = study.orders[study.orders.test]
    first = order_section(study, models)
    k_truth, k_answer = propagation[HONEST].joined
    answers = np.concatenate([model["stacked"].argmax(1) for model in models])
    first.figures["accuracies"] = plot_accuracies(
        {
            "magnetic order": (accuracies(models, test.label, "stacked"), reference.ORDER_RANGE),
            "zero or non-zero k": (propagation[HONEST].accuracies, reference.K_RANGE),
        }
    )
    first.figures["confusion"] = plot_confusion(
        {
            "magnetic order": (np.tile(test.label, len(models)), answers, ORDER_CLASSES),
            "propagation vector": (1 - k_truth, 1 - k_answer, ("zero", "non-zero")),
        }
    )
    return [
        first,
        propagation_section(study, propagation),
        element_section(study, models),
        system_section(study, models),
        composition_section(study),
        ternary_section(study, models),
        threshold_section(study),
        size_section(study, models),
        leak_section(study),
        trust_section(study, models),
        experiment_section(study, models),
    ]


def _save(figure: Figure, path: Path) -> None:
    """Write a picture with a palette: a third of the size, and none the worse for it."""
    from PIL import Image

    partial = path.with_suffix(".part")
    figure.savefig(partial, dpi=DPI, format="png", bbox_inches="tight")
    with Image.open(partial) as picture:
        picture.convert("RGB").quantize(96).save(path, optimize=True)
    partial.unlink()
