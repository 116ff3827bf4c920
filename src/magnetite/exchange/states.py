"""Exchange constants from a file of magnetic states: what DFT wrote, whole, to constants with errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from magnetite.errors import DataError
from magnetite.exchange.fitting import ExchangeFit, fit_exchange, fit_exchange_to_forces
from magnetite.exchange.model import ExchangeModel
from magnetite.potential.frames import MAGNETIC_FORCES, labelled, read_images, warn_of_guesses
from magnetite.structures import as_crystal


def fit_file(path: Path, cutoff: float, *, to_forces: bool = False) -> ExchangeFit:
    """Fit exchange constants to a file's states.

    Args:
        path: extxyz (also packed) or another format of ASE's, one frame a state of one crystal, with ``energy`` and
            ``magmoms`` (or ``initial_magmoms``, with a warning), and for `to_forces` the array ``magnetic_forces``
            (-dE/dm in eV/μB).
        cutoff: shells up to this distance in Å are fitted.
        to_forces: fit to magnetic forces instead of energies; frames without them are not asked.

    Raises:
        DataError: the file cannot be read, or a frame lacks energy or moments.
        StructureError: a frame is no crystal.
        ExchangeError: its states do not tell the constants.
    """
    from pymatgen.core.structure import Structure

    structures, energies, forces = [], [], []
    images = list(read_images(path))
    warn_of_guesses(images, path)
    for number, atoms in enumerate(images):
        source = f"{path}, frame {number}"
        energy, moments, magnetic = labelled(atoms, source)
        if to_forces:
            if magnetic is None:
                continue
            forces.append(magnetic)
        crystal = as_crystal(atoms, source)
        structure = Structure(crystal.lattice, atoms.get_chemical_symbols(), crystal.frac_coords)
        structures.append(structure.add_site_property("magmom", moments.tolist()))
        energies.append(energy)
    if not structures:
        raise DataError(f"no frame has {MAGNETIC_FORCES}" if to_forces else "holds no frames", str(path))
    if to_forces:
        return fit_exchange_to_forces(structures, forces, cutoff=cutoff, name=path.name)
    return fit_exchange(structures, energies, cutoff=cutoff, name=path.name)


def with_errors(fit: ExchangeFit) -> ExchangeModel:
    """The model of a fit, which tells in its notes how well each constant is known."""
    of = "energies" if fit.offset is not None else "magnetic forces"
    return replace(fit.model, notes=(*fit.model.notes, f"fitted to {of}:", *str(fit).splitlines()))
