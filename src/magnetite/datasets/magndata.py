"""From a folder of magnetic CIF files (MAGNDATA's) to the rows that propagation-vector models learn from.

Rows hold two cells. Only ``parent_cell`` may be a model's input: the magnetic cell, its number of atoms
and its size relative to the chemical cell all give the label away.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from magnetite.datasets.journal import Journal
from magnetite.datasets.mcif import MagneticStructure, read_mcif
from magnetite.errors import DataError, MagnetiteError
from magnetite.structures import printable

if TYPE_CHECKING:
    from pathlib import Path

    from pymatgen.core.structure import Structure

    from magnetite.datasets.records import Record

SYMMETRY_TOLERANCE = 0.01
"""Å; for the space group of files that do not declare their parent's."""
_ENTRY = re.compile(r"\d+(?:\.\d+)+")


def build_magndata(folder: Path, out: Path, *, progress: bool = False) -> tuple[int, dict[str, str]]:
    """Read every ``.mcif`` file of a folder (and its subfolders) into one file of rows.

    Finished rows are kept while the build runs; the same call continues an interrupted one.

    Args:
        folder: with the files; named as MAGNDATA names them (``0.1_LaMnO3.mcif``) they keep its ids.
        out: the result, ``.jsonl`` or ``.jsonl.gz``; see `as_record` for its rows.
        progress: show a progress bar.

    Returns:
        The number of rows, and for each file that cannot be used the reason, which also stands in
        ``<out>.errors.jsonl``.

    Raises:
        DataError: the folder has no such files, or the result cannot be written there.
    """
    files = sorted(file for file in folder.rglob("*.mcif") if file.is_file()) if folder.is_dir() else []
    if not files:
        raise DataError("holds no .mcif files" if folder.is_dir() else "no such folder", str(folder))
    identities = _identities(files)
    with Journal(out, f"magndata {printable(folder.resolve())}") as journal:
        for file in tqdm(files, desc="reading mcif", unit="", disable=not progress):
            key = printable(file.relative_to(folder).as_posix())
            if key in journal.done:
                continue
            try:
                record = as_record(read_mcif(file), identities[file], key)
            except MagnetiteError as error:
                journal.fail(key, error.reason)
            else:
                journal.add(key, record)
        return journal.finish(), dict(sorted(journal.failures.items()))


def as_record(found: MagneticStructure, identity: str, file: str) -> Record:
    """The row of a magnetic structure.

    ``usable`` is False where the declared propagation vector contradicts the moments
    (``k_label_conflict``), where nothing is ordered, or where the moments carry no label.
    ``group_compound`` (formula and space group) is what a split must keep together.

    Args:
        found: the structure.
        identity: its id.
        file: the name of its file.
    """
    moments = found.moments
    sizes = np.linalg.norm(moments, axis=1)
    parent, formula = found.parent_structure, str(found.crystal.reduced_formula)
    number = found.parent_number or _space_group(parent)
    order, zero_k = found.order, found.zero_k
    return {
        "id": identity,
        "file": file,
        "formula": found.structure.composition.formula.replace(" ", ""),
        "reduced_formula": formula,
        "elements": sorted(found.crystal.elements),
        "commensurate": True,
        "usable": zero_k is not None and order != "NM",
        "order": order,
        "zero_k": zero_k,
        "zero_k_declared": found.zero_k_declared,
        "zero_k_lattice": found.zero_k_of_moments,
        "k_label_conflict": zero_k is None,
        "k_vectors": [[str(component) for component in k] for k in found.k_vectors],
        "r_net": round(found.net_share, 5),
        "min_projection": None if found.min_projection is None else round(found.min_projection, 4),
        "max_moment": round(float(sizes.max()), 4),
        "n_mag_sites": int((sizes > 0).sum()),
        "bns_number": found.bns_number,
        "parent_hm": found.parent_space_group,
        "parent_it": found.parent_number,
        "TN_K": found.transition_temperature,
        "Texp_K": found.temperature,
        "group_compound": f"{formula}|{number}",
        "parent_cell": _cell(parent),
        "magnetic_cell": {**_cell(found.structure), "moments_cart": moments.round(5).tolist()},
    }


def _cell(structure: Structure) -> dict[str, Any]:
    return {
        "lattice": np.array(structure.lattice.matrix).round(6).tolist(),
        "species": [site.specie.symbol for site in structure],
        "frac_coords": np.array(structure.frac_coords).round(6).tolist(),
    }


def _space_group(structure: Structure) -> int | None:
    import spglib

    cell = (structure.lattice.matrix.tolist(), structure.frac_coords.tolist(), [site.specie.Z for site in structure])
    with np.errstate(all="ignore"):
        dataset = spglib.get_symmetry_dataset(cell, symprec=SYMMETRY_TOLERANCE)
    return None if dataset is None else int(dataset.number)


def _identities(files: list[Path]) -> dict[Path, str]:
    """MAGNDATA's number where the file's name begins with one that no other file has, else the name."""
    matches = {file: _ENTRY.match(file.stem) for file in files}
    stems = {file: printable(file.stem) for file in files}
    numbers = {file: match[0] if match else stems[file] for file, match in matches.items()}
    counts = Counter(numbers.values())
    return {file: number if counts[number] == 1 else stems[file] for file, number in numbers.items()}
