"""Constants fitted to energies whose answer is known, beside pymatgen's HeisenbergMapper.

    python benchmarks/exchange_fitting.py

A body-centred cubic crystal with J1 = 12 meV and J2 = -3.5 meV between moments of 1 μB; its orders' energies are sums
over pairs, an offset of -8 eV an atom added. First all orders in cells of one size, then each in its own.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
from pymatgen.analysis.magnetism.heisenberg import HeisenbergMapper
from pymatgen.core import Lattice, Structure

from magnetite.errors import MagnetiteError
from magnetite.exchange.fitting import fit_exchange

A, J1, J2, OFFSET = 2.87, 12.0, -3.5, -8.0
CASES = {"cells of one size": ((1, 1, 2),) * 4, "cells of mixed size": ((1, 1, 1), (1, 1, 1), (1, 1, 2), (1, 1, 2))}


def signs(pattern: str, place: np.ndarray) -> int:
    """Of a site, whose coordinates are in units of the cubic cell."""
    body = round(2 * place[2]) % 2
    layer = round(place[2] - body / 2)
    return {
        "FM": 1,
        "AFM": 1 - 2 * body,
        "layers": 1 - 2 * (layer % 2),
        "pairs": (1 - 2 * (layer % 2)) * (1 - 2 * body),
    }[pattern]


def ordered(pattern: str, sizes: tuple[int, int, int]) -> tuple[Structure, float]:
    """A crystal with moments in μB and its energy in eV."""
    cells = [np.array(c, dtype=float) for c in np.ndindex(*sizes)]
    places = np.array([c + shift for c in cells for shift in (0.0, 0.5)])
    structure = Structure(Lattice.orthorhombic(*(A * n for n in sizes)), ["Fe"] * len(places), places / np.array(sizes))
    moments = np.array([float(signs(pattern, place)) for place in places])
    structure.add_site_property("magmom", moments.tolist())
    total = OFFSET * len(places)
    steps = [(np.array(s) / 2, J1) for s in itertools.product((-1, 1), repeat=3)]
    steps += [(sign * np.eye(3)[axis], J2) for axis in range(3) for sign in (-1, 1)]
    for place, moment in zip(places, moments, strict=True):
        for step, j in steps:
            end = (place + step) % np.array(sizes)
            other = int(np.argmin(np.linalg.norm((places - end), axis=1)))
            total -= 0.5 * j * moment * moments[other] / 1000
    return structure, total


def main() -> None:
    patterns = ("FM", "AFM", "layers", "pairs")
    print("| orders in | J1 / meV (12) | J2 / meV (-3.5) | by |\n| --- | ---: | ---: | --- |")
    for name, sizes in CASES.items():
        pairs = [ordered(pattern, size) for pattern, size in zip(patterns, sizes, strict=True)]
        structures, energies = [s for s, _ in pairs], [e for _, e in pairs]
        try:
            fit = fit_exchange(structures, energies, cutoff=3.0)
            values = " | ".join(f"{j:.4f} ± {e:.4f}" for j, e in zip(fit.couplings, fit.errors, strict=True))
            print(f"| {name} | {values} | magnetite |")
        except MagnetiteError as error:
            print(f"| {name} | {error} | | magnetite |")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = HeisenbergMapper(structures, energies, cutoff=3.0).get_exchange()
                text = ", ".join(f"{key} = {value:.4f}" for key, value in found.items() if key != "E0")
            except Exception as error:  # noqa: BLE001 (whatever it says is the result)
                text = f"{type(error).__name__}: {error}"
        print(f"| {name} | {text} | | pymatgen |")


if __name__ == "__main__":
    main()
