"""Long builds that survive interruption: every finished row is on disk before the next one begins.

Beside the result ``x.jsonl.gz`` stands ``x.jsonl.gz.partial`` while a build runs. The same command finds
it, skips what is done and tries again what failed. At the end the rows become the result, the
failures ``x.jsonl.gz.errors.jsonl``.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import orjson

from magnetite.datasets.records import Record, write_records
from magnetite.errors import DataError
from magnetite.lock import locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Journal:
    """The rows of a build, as a context manager that leaves its file behind unless `finish` was called.

    Args:
        out: the result; its name ends in ``.jsonl`` or ``.jsonl.gz``.
        task: what is built, with whatever settings change it; a build is only continued as the same task.

    Raises:
        DataError: the folder is missing, or an unfinished build of another task is there.
        MagnetiteError: another process builds the same.
    """

    def __init__(self, out: Path, task: str) -> None:
        self.out, self.task = out, task
        self.partial = out.with_name(out.name + ".partial")
        self.errors = out.with_name(out.name + ".errors.jsonl")
        self.lock = out.with_name(out.name + ".lock")
        self.done: set[str] = set()
        self.failures: dict[str, str] = {}
        if not out.name.endswith((".jsonl", ".jsonl.gz")):
            raise DataError("the result's name must end in .jsonl or .jsonl.gz", str(out))
        if not out.parent.is_dir():
            raise DataError("no such folder", str(out.parent))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(locked(self.lock, self.out))
            sound = self._load() if self.partial.is_file() else 0
            self._file: BinaryIO = stack.enter_context(self.partial.open("ab", buffering=0))
            self._file.truncate(sound)
            if not sound:
                self._append({"task": self.task})
            self._held = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def add(self, key: str, record: Record) -> None:
        """Keep a finished row."""
        self._append({"key": key, "record": record})
        self.done.add(key)
        self.failures.pop(key, None)

    def fail(self, key: str, reason: str) -> None:
        """Note that a row cannot be built, and why."""
        self._append({"key": key, "error": reason})
        self.failures[key] = reason

    def finish(self) -> int:
        """Turn the rows into the result; returns their number."""
        count = write_records(self.out, self._records())
        if self.failures:
            rows = ({"key": key, "error": reason} for key, reason in sorted(self.failures.items()))
            write_records(self.errors, rows)
        else:
            self.errors.unlink(missing_ok=True)
        self._file.close()
        self.partial.unlink()
        return count

    def _append(self, line: dict[str, Any]) -> None:
        # One unbuffered write a line: an interruption tears at most the last one.
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY))

    def _lines(self) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Sound lines up to the first torn one."""
        with self.partial.open("rb") as file:
            for raw in file:
                try:
                    line = orjson.loads(raw)
                except orjson.JSONDecodeError:
                    return
                if not raw.endswith(b"\n") or not isinstance(line, dict):
                    return
                yield raw, line

    def _load(self) -> int:
        """Recall an earlier run; returns the length of its sound part in bytes."""
        length = 0
        for raw, line in self._lines():
            if not length and line.get("task") != self.task:
                raise DataError(
                    f"is an unfinished build of something else ({line.get('task')}); finish it, or delete the file",
                    str(self.partial),
                )
            length += len(raw)
            if "record" in line:
                self.done.add(line["key"])
                self.failures.pop(line["key"], None)
            elif "error" in line:
                self.failures[line["key"]] = line["error"]
        return length

    def _records(self) -> Iterator[Record]:
        seen: set[str] = set()
        for _, line in self._lines():
            if "record" in line and line["key"] not in seen:
                seen.add(line["key"])
                yield line["record"]
