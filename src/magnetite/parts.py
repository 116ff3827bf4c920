"""Tables that survive a crash: finished chunks as part files, merged into one parquet file at the end.

``OUT.parts/`` holds a manifest, which says what is being computed, and parts named by their first row.
Every file appears whole by an atomic rename, so whatever is there is done, and whatever is missing is
computed again.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any, Self

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from magnetite.errors import MagnetiteError
from magnetite.lock import take_lock
from magnetite.whole import whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS_PER_GROUP = 50_000
"""Rows in one row group of the merged file; as many are held in memory while merging."""
EXISTS = "exists; give --overwrite to replace it"


class Parts:
    """The unfinished table of one output file; a context that keeps others from writing it too.

    Args:
        out: the file that is to be.
        schema: of its columns.
        manifest: what is being computed; an unfinished table of anything else is refused.
        overwrite: replace the file if it is there.

    Raises:
        MagnetiteError: the file is there, there is an unfinished table of something else, or somebody is writing it.
    """

    def __init__(self, out: Path, schema: pa.Schema, manifest: dict[str, Any], *, overwrite: bool = True) -> None:
        self.out, self.schema, self.manifest, self.overwrite = out, schema, manifest, overwrite
        self.folder = out.with_name(out.name + ".parts")
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        """Take the folder, make it if it is missing, and drop what a crash left unusable."""
        self.folder.mkdir(exist_ok=True)
        self._lock = take_lock(self.folder / "lock", self.out)
        try:
            self._spare()
            self._compare_manifest()
            for path in self.folder.glob("*.tmp"):
                path.unlink()
            self.rows = self._count()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Let others in again."""
        assert self._lock is not None
        self._lock.close()

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Store rows that follow those there are."""
        path = self._path(self.rows)
        table = pa.Table.from_pylist(rows, schema=self.schema)
        with whole(path) as handle:
            pq.write_table(table, handle, write_page_checksum=True)
        self.rows += len(rows)

    def tables(self) -> Iterator[pa.Table]:
        """The rows stored so far, part by part."""
        for path in self._parts():
            yield self._read(path)

    def finish(self) -> Iterator[pa.Table]:
        """Merge the parts into the output file, yielding its row groups as they are written."""
        merged = self.folder / "merged.tmp"
        waiting: list[pa.Table] = []
        with pq.ParquetWriter(merged, self.schema, compression="zstd") as writer:
            for path in self._parts():
                waiting.append(self._read(path))
                if sum(map(len, waiting)) >= ROWS_PER_GROUP:
                    yield _write_group(writer, waiting)
                    waiting = []
            if waiting:
                yield _write_group(writer, waiting)
        with merged.open("rb") as handle:
            os.fsync(handle.fileno())
        merged.replace(self.out)
        # The manifest goes first: parts without one are what is left of a finished table.
        for path in (self._manifest_path, *self._parts()):
            path.unlink(missing_ok=True)
        self._leave()

    def _leave(self) -> None:
        """Take the lock's file and, if nothing is left in it, the folder away."""
        (self.folder / "lock").unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    @property
    def _manifest_path(self) -> Path:
        return self.folder / "manifest.json"

    def _path(self, first_row: int) -> Path:
        return self.folder / f"part-{first_row:012d}.parquet"

    def _parts(self) -> list[Path]:
        return sorted(self.folder.glob("part-*.parquet"))

    def _read(self, path: Path) -> pa.Table:
        return pq.read_table(path, schema=self.schema, page_checksum_verification=True)

    def _spare(self) -> None:
        """Stop where the file is there, asked under the lock: another process may have finished it since it was not."""
        if self.out.exists() and not self.overwrite:
            self._leave()
            raise MagnetiteError(EXISTS, str(self.out))

    def _compare_manifest(self) -> None:
        try:
            found = orjson.loads(self._manifest_path.read_bytes())
        except FileNotFoundError:
            for path in self._parts():
                path.unlink()
            with whole(self._manifest_path) as handle:
                handle.write(orjson.dumps(self.manifest, option=orjson.OPT_INDENT_2))
            return
        except orjson.JSONDecodeError:
            found = {}
        if not isinstance(found, dict) or found != self.manifest:
            keys = [k for k in self.manifest if not isinstance(found, dict) or found.get(k) != self.manifest[k]]
            raise MagnetiteError(
                f"holds an unfinished table of something else (different: {', '.join(keys) or 'format'}); "
                "repeat the command that began it, or delete the folder to start afresh",
                str(self.folder),
            )

    def _count(self) -> int:
        """Rows of the parts that follow each other without a gap; those after a gap are dropped."""
        rows, whole = 0, True
        for path in self._parts():
            try:
                whole = whole and path == self._path(rows)
                rows += len(self._read(path)) if whole else 0
            except (OSError, pa.ArrowException):  # damaged by a crash of the whole machine
                whole = False
            if not whole:
                path.unlink()
        return rows


def _write_group(writer: pq.ParquetWriter, tables: list[pa.Table]) -> pa.Table:
    table = pa.concat_tables(tables)
    writer.write_table(table, row_group_size=len(table))
    return table
