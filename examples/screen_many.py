"""Screen a folder: batched, in order, in constant memory; what cannot be read is reported, not raised."""

from pathlib import Path

import magnetite

folder = Path(__file__).parent / "structures"
paths = [*sorted(folder.iterdir()), folder / "not_there.cif"]

for path, report in zip(paths, magnetite.analyze_many(paths, on_error="report"), strict=True):
    if report.error is not None:
        print(f"{path.name:15} {report.error}")
        continue
    shares = "  ".join(f"{name} {share:.2f}" for name, share in report.probabilities.items())
    print(f"{path.name:15} {report.label:4} [{shares}]  largest |m| {report.max_moment:.2f} μB")
