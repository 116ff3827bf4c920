"""Which models there are: those in the wheel, those of installed packages, and any card by its path.

A package offers a model by an entry point in the group ``magnetite.models`` whose name is the
model's and whose object is the path of a card (or a function without arguments that returns it).
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from importlib.metadata import entry_points
from importlib.resources import files
from os import PathLike, fspath
from pathlib import Path

from magnetite.errors import ZooError
from magnetite.zoo.cards import Card

DEFAULT_MODEL = "magnetism"
DEFAULT_CLASSIFIER = "prototypes"
DEFAULT_RANKER = "propagation"
ENTRY_POINT_GROUP = "magnetite.models"


def available() -> dict[str, Path | str]:
    """Names of all models, with the card's path (the wheel's) or the package that offers it."""
    own: dict[str, Path | str] = {path.stem: path for path in _folder().glob("*.json")}
    others: dict[str, Path | str] = {
        point.name: point.dist.name if point.dist else point.value
        for point in entry_points(group=ENTRY_POINT_GROUP)
        if point.name not in own
    }
    return dict(sorted(own.items())) | others


def find_card(name: str | PathLike[str]) -> Card:
    """The card of a model, by the model's name or the card's path.

    Raises:
        ZooError: there is no such model (the closest names are given), or its card is broken.
    """
    if isinstance(name, PathLike):
        name = fspath(name)
    if not isinstance(name, str):
        raise ZooError(f"a model is named by text or the path of a card, not {name!r}")
    if name.endswith(".json"):
        return Card.read(Path(name))
    own = _folder() / f"{name}.json"
    if os.path.isfile(own) and own.parent == _folder():  # noqa: PTH113 (Path.is_file raises at names too long)
        return Card.read(own)
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        try:
            offered = point.load()
            path = Path(offered() if callable(offered) else offered)
        except Exception as error:
            raise ZooError(f"the entry point {point.value} of model {name!r} failed ({error})") from error
        return Card.read(path)
    names = sorted(available())
    close = get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(names) or 'none'}"
    raise ZooError(f"no model is called {name!r}; {hint}")


def _folder() -> Path:
    return Path(str(files("magnetite.zoo"))) / "weights"
