"""Results that are worked out once and kept, so that an interrupted study continues where it stopped."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import DataError
from magnetite.whole import whole

Arrays: TypeAlias = dict[str, NDArray[Any]]
SECONDS = "seconds"
"""Name under which the processor time that a result took is kept beside it: comparable on a busy machine too."""


class Work:
    """A folder of named results.

    Args:
        folder: made if missing, with a ``.gitignore``: intermediate results are nobody's source.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        self.spent: dict[str, float] = {}

    def within(self, name: str) -> Work:
        """A folder inside this one, for results that hold for one model or one size of study."""
        inner = Work(self.folder / name)
        inner.spent = self.spent
        return inner

    def kept(self, name: str, make: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
        """A result: read if it is there, else made and written, whole or not at all.

        Args:
            name: of its file, without the ending.
            make: works it out; arrays of numbers or of text.

        Raises:
            DataError: the file is broken; its removal mends that.
        """
        path = self.folder / f"{name}.npz"
        if not path.is_file():
            started = time.process_time()
            made = dict(make())
            made[SECONDS] = np.array(time.process_time() - started)
            with whole(path) as handle:
                np.savez(handle, **made)  # type: ignore[arg-type]  # its own options have other types
        try:
            with np.load(path, allow_pickle=False) as stored:
                found = {key: stored[key] for key in stored.files}
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(
                f"kept result cannot be read ({error}); remove it to have it made anew", str(path)
            ) from error
        self.spent[str(path)] = float(found.pop(SECONDS))
        return found

    def scratch(self, name: str) -> Path:
        """A folder for a training's checkpoints; the caller removes it when the result is kept."""
        return self.folder / "training" / name

    @property
    def total(self) -> float:
        """Seconds of processor time that all results used so far took, also if they were made another day."""
        return sum(self.spent.values())
