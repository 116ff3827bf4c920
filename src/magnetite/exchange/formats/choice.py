"""Which reader or writer a file wants."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from magnetite.datasets.records import PACKED
from magnetite.errors import DataError, ExchangeError
from magnetite.exchange.formats import records, spirit, table, uppasd, vampire

if TYPE_CHECKING:
    from magnetite.exchange.model import ExchangeModel

FORMATS = ("uppasd", "vampire", "spirit", "csv", "json")
_READERS = {
    "uppasd": uppasd.read, "vampire": vampire.read, "spirit": spirit.read, "csv": table.read, "json": records.read,
}  # fmt: skip
_WRITERS = {
    "uppasd": uppasd.write, "vampire": vampire.write, "spirit": spirit.write, "csv": table.write,
    "json": records.write,
}  # fmt: skip
_ENDINGS = {
    ".ucf": "vampire", ".csv": "csv", ".json": "json", ".jsonl": "json", ".cfg": "spirit",
    **dict.fromkeys(PACKED, "json"),
}  # fmt: skip
_PROGRAMS = ("uppasd", "vampire", "spirit")
"""Their files have no place for spin lengths."""


def read(path: str | Path, fmt: str | None = None, *, name: str | None = None) -> ExchangeModel:
    """Read exchange constants.

    Args:
        path: UppASD's inpsd.dat or its folder, Vampire's ucf, Spirit's cfg, our csv or json, or JSON lines of records.
        fmt: one of `FORMATS`; by the name of the file if None.
        name: which record of a file with several.

    Raises:
        ExchangeError: the file is missing, of an unknown kind, or not what it should be.
    """
    source = Path(path)
    if not source.exists():
        raise ExchangeError("no such file", str(source))
    chosen = _chosen(source, fmt)
    if chosen != "uppasd" and source.is_dir():
        raise ExchangeError(f"is a folder, not a {chosen} file", str(source))
    try:
        if chosen == "json":
            return records.read(source, name)
        return _READERS[chosen](source)
    except ExchangeError as error:
        raise error.at(str(source)) from None
    except DataError as error:
        raise ExchangeError(error.reason, str(source)) from error
    except OSError as error:
        raise ExchangeError(f"cannot be opened ({error.strerror})", str(source)) from error
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError, csv.Error) as error:
        raise ExchangeError(
            f"is not a {chosen} file that can be read ({type(error).__name__}: {error})", str(source)
        ) from error


def write(model: ExchangeModel, path: str | Path, fmt: str | None = None) -> Path:
    """Write exchange constants.

    Args:
        model: the constants.
        path: the file; for UppASD the folder. Replaced if it is there.
        fmt: one of `FORMATS`; by the ending if None.

    Returns:
        The file that other programs are given. A warning says what it has no place for.

    Raises:
        ExchangeError: no such format, or it cannot hold what the model holds.
    """
    target = Path(path)
    chosen = _chosen(target, fmt)
    if chosen != "uppasd":
        target.parent.mkdir(parents=True, exist_ok=True)
    written = _WRITERS[chosen](model, target)
    lost = ["spin lengths S"] if chosen in _PROGRAMS and np.isfinite(model.spins).any() else []
    if chosen == "vampire" and (model.moments != 1).any():
        lost.append("moments (they belong into the material file)")
    if lost:
        warnings.warn(f"{written} has no place for {' and '.join(lost)}", stacklevel=2)
    return written


def _chosen(path: Path, fmt: str | None) -> str:
    if fmt is not None:
        if fmt not in FORMATS:
            raise ExchangeError(f"no format is called {fmt!r}; there are {', '.join(FORMATS)}")
        return fmt
    if path.suffix.lower() in _ENDINGS:
        return _ENDINGS[path.suffix.lower()]
    if path.is_dir() or path.name.lower().endswith("inpsd.dat") or not path.suffix:
        return "uppasd"
    raise ExchangeError(f"unknown kind of file; say which: {', '.join(FORMATS)}", str(path))
