"""Structures with computed moments from the Materials Project, through its own client (mp-api).

Two steps, so that a broken connection costs little: a light listing of all materials chooses which are
wanted, then their structures come in chunks, each kept as it arrives.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from magnetite.datasets.journal import Journal
from magnetite.elements import MAGNETIC_ELEMENTS, in_order_set, is_ggau
from magnetite.errors import DataError
from magnetite.structures import say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from magnetite.datasets.records import Record

SOURCE = "Materials Project"
CHUNK = 200
"""Materials in a request; longer lists of ids do not fit into its address."""
MAX_SITES = 250
LISTING_FIELDS = ["material_id", "formula_pretty", "ordering"]
FIELDS = ["material_id", "formula_pretty", "structure", "ordering", "total_magnetization"]
CHEMISTRIES = ("ggau", "magnetic", "all")


def connect() -> Any:
    """A client of the Materials Project, with the key in the environment variable ``MP_API_KEY``.

    Raises:
        DataError: mp-api is not installed, the key is not set, or the client refuses it.
    """
    try:
        from mp_api.client import MPRester
    except ImportError as error:
        raise DataError("mp-api is not installed; run: pip install 'magnetite[mp]'", SOURCE) from error
    key = os.environ.get("MP_API_KEY", "").strip()
    if not key:
        raise DataError(
            "set the environment variable MP_API_KEY to your key (https://materialsproject.org/api)", SOURCE
        )
    try:
        return MPRester(key, mute_progress_bars=True)
    except Exception as error:  # noqa: BLE001 (its traceback may show the key)
        raise DataError(f"the client does not start ({_quiet(error, key)})", SOURCE) from None


def fetch(
    client: Any, out: Path, *, chemistry: str = "ggau", chunk: int = CHUNK, progress: bool = False
) -> tuple[int, dict[str, str]]:
    """Write a row for every wanted material; the same call continues an interrupted one.

    Args:
        client: an ``MPRester``.
        out: the result, ``.jsonl`` or ``.jsonl.gz``; see `as_record` for its rows.
        chemistry: ``ggau`` (what GGA+U is used for, with a magnetic element), ``magnetic`` (any compound
            with a magnetic element) or ``all``.
        chunk: materials in a request.
        progress: show a progress bar.

    Returns:
        The number of rows, and for each material that cannot be used the reason, which also stands in
        ``<out>.errors.jsonl``.

    Raises:
        DataError: a request failed (what has arrived is kept), the chemistry is unknown, or the result
            cannot be written there.
    """
    if chemistry not in CHEMISTRIES:
        raise DataError(f"unknown chemistry {chemistry!r}; one of {', '.join(CHEMISTRIES)}", SOURCE)
    version = _ask("database version", client.get_database_version)
    # A new release renames and recomputes materials: rows of two must not mix.
    with Journal(out, f"materials project {version} {chemistry}") as journal:
        wanted = [identity for identity in _listing(client, chemistry) if identity not in journal.done]
        kept = len(journal.done)
        with tqdm(total=kept + len(wanted), initial=kept, desc="fetching", unit="", disable=not progress) as bar:
            for start in range(0, len(wanted), chunk):
                identities = wanted[start : start + chunk]
                _fetch_chunk(client, identities, version, journal)
                bar.update(len(identities))
        return journal.finish(), dict(sorted(journal.failures.items()))


def as_record(document: Any, version: str) -> Record:
    """The row of a summary document.

    Args:
        document: with `FIELDS` as attributes, as mp-api gives them.
        version: of the database.

    Returns:
        ``id``, ``formula``, the cell (``lattice`` in Å, ``species``, ``frac_coords``), ``magmoms`` (signed
        DFT moments of the sites in μB, or None if the calculation gives none), ``max_abs_magmom``,
        ``total_magnetization`` (μB per cell), ``ordering_mp`` (the database's label) and ``is_GGA_U`` (by
        chemistry, the rule of the database's input sets).

    Raises:
        DataError: the document has no ordered structure.
    """
    structure = document.structure
    identity = str(document.material_id)
    if structure is None or not structure.is_ordered:
        raise DataError("has no ordered structure", identity)
    species = [site.specie.symbol for site in structure]
    magmoms = _magmoms(structure)
    total = document.total_magnetization
    return {
        "id": identity,
        "source": f"{SOURCE} {version}",
        "formula": str(document.formula_pretty),
        "nsites": len(species),
        "lattice": np.array(structure.lattice.matrix).round(6).tolist(),
        "species": species,
        "frac_coords": np.array(structure.frac_coords).round(6).tolist(),
        "magmoms": magmoms,
        "total_magnetization": None if total is None else round(float(total), 3),
        "max_abs_magmom": None if magmoms is None else max(map(abs, magmoms)),
        "ordering_mp": _ordering(document),
        "is_GGA_U": is_ggau(set(species)),
    }


def _listing(client: Any, chemistry: str) -> Iterator[str]:
    """Ids of the wanted materials, sorted."""
    from pymatgen.core.composition import Composition

    documents = _ask(
        "list of materials",
        client.materials.summary.search,
        deprecated=False,
        include_gnome=False,  # under a licence that forbids commercial use
        num_sites=(1, MAX_SITES),
        all_fields=False,
        fields=LISTING_FIELDS,
    )
    found = set()
    for document in documents:
        elements = {element.symbol for element in Composition(str(document.formula_pretty)).elements}
        magnetic = chemistry == "magnetic" and not MAGNETIC_ELEMENTS.isdisjoint(elements)
        wanted = chemistry == "all" or magnetic or in_order_set(elements)
        if wanted and _ordering(document) is not None:
            found.add(str(document.material_id))
    if not found:
        raise DataError("the list of materials is empty", SOURCE)
    yield from sorted(found)


def _fetch_chunk(client: Any, identities: list[str], version: str, journal: Journal) -> None:
    documents = _ask(
        f"materials {identities[0]} to {identities[-1]} (finished rows are kept; the same command continues)",
        client.materials.summary.search,
        material_ids=identities,
        all_fields=False,
        fields=FIELDS,
    )
    missing = set(identities)
    for document in documents:
        identity = str(document.material_id)
        if identity not in missing:
            continue
        missing.discard(identity)
        try:
            journal.add(identity, as_record(document, version))
        except DataError as error:
            journal.fail(identity, error.reason)
    for identity in sorted(missing):
        journal.fail(identity, "was listed, but not delivered")


def _ask(what: str, request: Any, **query: Any) -> Any:
    """Make a request; whatever the client and the network raise becomes one error."""
    try:
        return request(**query)
    except Exception as error:  # noqa: BLE001 (network and server fail in many ways; the traceback may show the key)
        key = os.environ.get("MP_API_KEY", "")
        raise DataError(f"the request for the {what} failed ({_quiet(error, key)})", SOURCE) from None


def _quiet(error: Exception, key: str) -> str:
    """One line of an error, without the user's key in it."""
    text = say(error)
    return text.replace(key, "***") if key else text


def _ordering(document: Any) -> str | None:
    """``NM``, ``AFM``, ``FM`` or ``FiM``; None if unknown."""
    value = getattr(document.ordering, "value", document.ordering)
    return value if value in {"NM", "AFM", "FM", "FiM"} else None


def _magmoms(structure: Any) -> list[float] | None:
    """Signed moments of the sites in μB; None if any is unknown."""
    moments = structure.site_properties.get("magmom")
    if moments is None or any(moment is None for moment in moments):
        return None
    return [round(float(moment), 3) for moment in moments]
