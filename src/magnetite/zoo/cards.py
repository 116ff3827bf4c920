"""Model cards: what a model is, was trained on, scores and cannot do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from magnetite.errors import ZooError

LONGEST = 160
"""Letters of the schema's own words that an error repeats."""


@dataclass(frozen=True, eq=False)
class Card:
    """A validated card; the keys are described in ``card.schema.json``. A file that has not changed is one card.

    Attributes:
        path: the card's file; the weights lie beside it.
        content: the card as read.
    """

    path: Path
    content: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Card:
        """Read and validate a card.

        Raises:
            ZooError: the file is missing, not JSON or does not follow the schema.
        """
        try:
            return _read(path, path.stat().st_mtime_ns)
        except (OSError, ValueError, RecursionError) as error:
            raise ZooError(f"model card cannot be read ({error})", str(path)) from error

    @property
    def name(self) -> str:
        """Name by which the model is loaded."""
        return str(self.content["name"])

    @property
    def version(self) -> str:
        """Version of the weights."""
        return str(self.content["version"])

    @property
    def family(self) -> str:
        """Kind of model."""
        return str(self.content["family"])

    @property
    def elements(self) -> frozenset[str]:
        """Elements that the training data covers."""
        return frozenset(self.content["elements"])

    @property
    def settings(self) -> dict[str, Any]:
        """The family's own settings: size, calibration, domain."""
        return dict(self.content["settings"])

    @property
    def weights(self) -> Path:
        """The weights' file."""
        return self.path.parent / str(self.content["weights"])

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def check_name(name: str) -> None:
    """Check that a model can be called so.

    Raises:
        ZooError: it cannot.
    """
    if not re.fullmatch(_schema()["properties"]["name"]["pattern"], name):
        raise ZooError("is no name of a model; give lower-case letters, digits and hyphens, a letter first", name)


@lru_cache(maxsize=32)
def _read(path: Path, changed: int) -> Card:  # noqa: ARG001 (a changed file is read again)
    import jsonschema

    content = json.loads(path.read_text(encoding="utf-8"))
    problem = next(iter(jsonschema.Draft202012Validator(_schema()).iter_errors(content)), None)
    if problem is not None:
        where = "/".join(map(str, problem.absolute_path)) or "card"
        told = problem.message  # begins with what is there, of any length, and ends with what is wrong with it
        told = told if len(told) <= LONGEST else f"…{told[-LONGEST:]}"
        raise ZooError(f"model card is not valid: {where}: {told}", str(path))
    return Card(path, content)


@cache
def _schema() -> dict[str, Any]:
    text = files("magnetite.zoo").joinpath("card.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
