"""The text of magnetic CIF files, for the tests of those who read them."""

from __future__ import annotations

SITE_COLUMNS = {
    4: ("label", "fract_x", "fract_y", "fract_z"),
    5: ("label", "fract_x", "fract_y", "fract_z", "occupancy"),
    6: ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy"),
}
MOMENT_COLUMNS = ("label", "crystalaxis_x", "crystalaxis_y", "crystalaxis_z", "symmform")


def mcif_text(lengths, angles=(90, 90, 90), *, operations, centerings, sites, moments, head="data_x\n", parent=None):
    """A magnetic CIF file.

    Args:
        lengths: of the cell vectors in Å, as numbers or text.
        angles: in degrees.
        operations: like ``-x,y+1/2,z,-1``.
        centerings: in the same words.
        sites: a line each, of 4, 5 or 6 words (see `SITE_COLUMNS`).
        moments: a line each, of 4 words or 5.
        head: what comes first; must hold the line that begins the data block.
        parent: symbol and number of the parent space group, and the propagation vector as text.
    """
    lines = [head.rstrip("\n")]
    if parent is not None:
        symbol, number, k = parent
        lines += [f"_parent_space_group.name_H-M_alt '{symbol}'", f"_parent_space_group.IT_number {number}"]
        lines += _loop("_parent_propagation_vector.", ("id", "kxkykz"), [f"k1 {k}"])
    lines += [f"_cell_length_{x} {value}" for x, value in zip("abc", lengths, strict=True)]
    lines += [f"_cell_angle_{x} {value}" for x, value in zip(("alpha", "beta", "gamma"), angles, strict=True)]
    for kind, texts in (("operation", operations), ("centering", centerings)):
        numbered = [f"{place} {text}" for place, text in enumerate(texts, 1)]
        lines += _loop(f"_space_group_symop_magn_{kind}.", ("id", "xyz"), numbered)
    lines += _loop("_atom_site_", SITE_COLUMNS[len(sites[0].split())], sites)
    lines += _loop("_atom_site_moment.", MOMENT_COLUMNS[: len(moments[0].split())], moments)
    return "\n".join(lines) + "\n"


def _loop(prefix, columns, rows):
    return ["loop_", *(prefix + column for column in columns), *rows]
