"""Screening: many structures into one parquet table, in order, in constant memory, resumable."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tqdm.auto import tqdm

from magnetite import __version__
from magnetite.api import load_order_model
from magnetite.errors import MagnetiteError
from magnetite.parts import EXISTS, Parts
from magnetite.pipeline import run
from magnetite.reports import CLASSES
from magnetite.sources import check, count_entries, folder_files, read_entries
from magnetite.structures import printable
from magnetite.zoo import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from magnetite.reports import MagnetismReport
    from magnetite.structures import Crystal
    from magnetite.zoo.cards import Card

ROWS_PER_PART, SECONDS_PER_PART = 1000, 120.0
"""Rows or time after which results are safe on the disk, whichever comes first."""
SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        ("id", pa.string()),
        ("formula", pa.string()),
        ("ordering", pa.string()),
        *((f"p_{name.lower()}", pa.float64()) for name in CLASSES),
        ("zero_k_probability", pa.float64()),
        ("uncertainty", pa.float64()),
        ("mutual_information", pa.float64()),
        ("in_domain", pa.bool_()),
        ("max_moment", pa.float64()),
        ("warnings", pa.list_(pa.string())),
        ("error", pa.string()),
        pa.field("model", pa.string(), nullable=False),
    ]
)
"""Columns of the table; `max_moment` is the largest |m| in μB. On an error, only source, id and model are set."""


@dataclass
class Summary:
    """What a screening did.

    Attributes:
        rows: rows of the table.
        computed: of these, those of this run; the others were kept from an interrupted one.
        seconds: how long this run took.
        classes: number of rows of each class of order.
        errors: number of rows without a prediction.
        examples: the first few errors, as ``source: reason``.
    """

    rows: int = 0
    computed: int = 0
    seconds: float = 0.0
    classes: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    examples: list[str] = field(default_factory=list)

    EXAMPLES = 5

    def add(self, table: pa.Table) -> None:
        """Count the rows of a part of the table."""
        self.rows += len(table)
        self.classes.update(x for x in table["ordering"].to_pylist() if x is not None)
        for source, error in zip(table["source"].to_pylist(), table["error"].to_pylist(), strict=True):
            if error is not None:
                self.errors += 1
                if len(self.examples) < self.EXAMPLES:
                    self.examples.append(f"{source}: {error}")


class ScreeningInterrupted(KeyboardInterrupt):
    """Ctrl-C during a screening, after everything that was finished has been stored.

    Args:
        rows: number of rows kept.
    """

    def __init__(self, rows: int) -> None:
        super().__init__(f"{rows} rows are kept")
        self.rows = rows


def screen(
    inputs: Sequence[Path],
    out: Path,
    *,
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    overwrite: bool = False,
    progress: bool = False,
) -> Summary:
    """Predict every structure of the inputs into a parquet file with one row each, in order.

    Interrupted, it leaves finished rows in ``OUT.parts/``, and the same call continues there.

    Args:
        inputs: structure files, jsonl files, ASE databases, folders.
        out: the parquet file; its columns are `SCHEMA`.
        model: a model's name or the path of a card.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda`` …
        overwrite: replace `out` if it exists, once the new one is finished.
        progress: show a progress bar on stderr.

    Raises:
        MagnetiteError: an input is missing or empty, `out` exists or is no file, or what was interrupted was
            something else. A structure that cannot be used is no reason to stop: it becomes a row with an error.
        ZooError: no such model, or not one of magnetic order.
        DeviceError: no such device.
        ScreeningInterrupted: on Ctrl-C.
    """
    if out.exists() and not out.is_file():
        raise MagnetiteError(
            "is a folder" if out.is_dir() else "is a pipe or a device; the table needs a file", str(out)
        )
    if out.exists() and not overwrite:
        raise MagnetiteError(EXISTS, str(out))
    if out.is_symlink():
        out = out.resolve()  # the table replaces what the link leads to, not the link
    if not out.parent.is_dir():
        raise MagnetiteError("its folder does not exist", str(out))
    for path in inputs:
        check(path)
    loaded = load_order_model(model, device)
    start, summary = time.perf_counter(), Summary()
    with Parts(out, SCHEMA, _manifest(inputs, loaded.card), overwrite=overwrite) as parts:
        kept = parts.rows
        total = _total(inputs) if progress else None
        with tqdm(total=total, initial=kept, desc="screening", unit="", disable=not progress) as bar:
            try:
                _fill(parts, inputs, loaded, bar)
            except KeyboardInterrupt:
                raise ScreeningInterrupted(parts.rows) from None
        summary.computed = parts.rows - kept
        for table in parts.finish():
            summary.add(table)
    summary.seconds = time.perf_counter() - start
    return summary


def _fill(parts: Parts, inputs: Sequence[Path], model: Any, bar: Any) -> None:
    """Predict what is not yet among the parts."""
    names: deque[tuple[str, str | None]] = deque()  # of what is in the pipeline; as long as that is wide

    def crystals() -> Iterator[Crystal | MagnetiteError]:
        entries = chain.from_iterable(map(read_entries, inputs))
        for entry in islice(entries, parts.rows, None):
            name, crystal = entry.read()
            names.append((entry.source, name))
            yield crystal

    first, rows, stored = parts.rows, [], time.monotonic()
    try:
        for report in run(model, crystals(), on_error="report"):
            rows.append(_row(*names.popleft(), report))
            if len(rows) == ROWS_PER_PART or time.monotonic() - stored > SECONDS_PER_PART:
                parts.append(rows)
                first, rows, stored = parts.rows, [], time.monotonic()
            bar.update()
    finally:
        # Also on Ctrl-C and errors; some rows are stored already if that came just after storing them.
        if rest := rows[parts.rows - first :]:
            parts.append(rest)


def _row(source: str, name: str | None, report: MagnetismReport) -> dict[str, Any]:
    row: dict[str, Any] = {"source": source, "id": name, "error": report.error, "model": report.model}
    if report.error is not None:
        return row
    return row | {
        "formula": report.formula,
        "ordering": report.label,
        **{f"p_{name.lower()}": report.probabilities[name] for name in CLASSES},
        "zero_k_probability": report.zero_k_probability,
        "uncertainty": report.uncertainty,
        "mutual_information": report.mutual_information,
        "in_domain": report.in_domain,
        "max_moment": report.max_moment,
        "warnings": list(report.warnings),
    }


def _manifest(inputs: Sequence[Path], card: Card) -> dict[str, Any]:
    """What the rows depend on."""
    return {
        "inputs": [_fingerprint(path) for path in inputs],
        "model": {"name": card.name, "version": card.version, "sha256": card.content["sha256"]},
        "magnetite": __version__,
    }


def _fingerprint(path: Path) -> dict[str, Any]:
    """Path, size and time of a file; of a folder, a hash of these of its files."""
    name = printable(path.resolve())
    if not path.is_dir():
        return {"path": name, "size": path.stat().st_size, "changed": path.stat().st_mtime_ns}
    digest = hashlib.sha256()
    for file in folder_files(path):
        try:
            status = file.stat()
            state = f"{status.st_size}\0{status.st_mtime_ns}"
        except OSError as error:  # a link to nothing, say: its own row will tell
            state = str(error.errno)
        # Any name will do, also one with bytes that are no UTF-8.
        digest.update(f"{file.relative_to(path)}\0{state}\n".encode(errors="surrogatepass"))
    return {"path": name, "files": digest.hexdigest()}


def _total(inputs: Sequence[Path]) -> int | None:
    counts = [count_entries(path) for path in inputs]
    return None if None in counts else sum(c for c in counts if c is not None)
