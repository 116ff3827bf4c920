"""Peak memory of screening, by number of rows.

python benchmarks/memory.py --data structures.jsonl.gz
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from magnetite.datasets.records import open_lines


def screen(source: Path, rows: int, folder: Path) -> tuple[float, float]:
    """Peak RSS in MiB and seconds of screening the first rows of a file."""
    part, out = folder / f"{rows}.jsonl.gz", folder / f"{rows}.parquet"
    with gzip.open(part, "wb", compresslevel=1) as handle:
        handle.writelines(itertools.islice(open_lines(source), rows))
    command = [sys.executable, "-m", "magnetite", "screen", str(part), "--out", str(out), "--device", "cpu"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"screening failed: {' '.join(command)}")
    return usage.ru_maxrss / 1024, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="JSON-lines file of structures, at least 50,000 rows")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 50_000])
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        print("| rows | peak RSS, MiB | rows/s |\n| ---: | ---: | ---: |")
        for rows in args.rows:
            peak, seconds = screen(args.data, rows, folder)
            print(f"| {rows:,} | {peak:.0f} | {rows / seconds:.0f} |", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
