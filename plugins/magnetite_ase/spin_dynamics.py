"""Spin dynamics by ASE's own machinery: moments precess, alone or together with the lattice."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from ase import Atoms, units
from ase.md.logger import MDLogger
from ase.md.md import MolecularDynamics

from magnetite.errors import DynamicsError, StructureError
from magnetite.potential.precession import TOLERANCE, precess

STEPS = (1e-4, 100.0)
"""fs; time steps beyond them were meant in other units."""


class SpinDynamics(MolecularDynamics):
    """Moments precess about −dE/dm (Landau and Lifshitz), and atoms move with them if they may.

    Moments are those of ``atoms.set_initial_magnetic_moments``, as vectors, (n, 3), in μB, and are written back there
    after each step: trajectories carry them, and a run goes on from the atoms as it left them. Their lengths are kept;
    so is the sum of kinetic and potential energy, without damping. The equation, its units and how it is solved:
    `magnetite.potential.precession`.

    If atoms move, a step is half a drift of the atoms; moments turned by the midpoint rule and momenta changed by the
    forces at the same midpoint; the other half of the drift (Strang's splitting, as that of Tranchida et al.,
    J. Comput. Phys. 372, 406, 2018, but for the forces: with those before or after a rotation of moments, the step
    would be reversible, but not symplectic). It asks for no more evaluations than moments alone.

    The calculator is a `SpinPotential` with moments fixed (the dynamics turns them), or any other with a method
    ``get_magnetic_forces(atoms)`` that gives −dE/dm in eV/μB, (n, 3).
    """

    def __init__(
        self,
        atoms: Atoms,
        timestep: float,
        *,
        lattice: bool = True,
        damping: float = 0.0,
        tolerance: float = TOLERANCE,
        logfile: IO[Any] | str | None = None,
        loginterval: int = 1,
        **kwargs: Any,
    ) -> None:
        """Set up.

        Args:
            atoms: with a calculator and moments.
            timestep: in ASE's units: 1 fs is ``ase.units.fs``. A fraction of a femtosecond to 1 or 2.
            lattice: whether atoms move; if not, they stay where they are, and moments alone precess.
            damping: Gilbert's α, 0 to conserve energy, near 1 to relax directions.
            tolerance: of directions, as unit vectors, where the iteration within a step ends.
            logfile: for energies per atom in eV, ``-`` for the screen.
            loginterval: steps from line to line, and from image to image of a trajectory.
            kwargs: ASE's own (``trajectory``, ``append_trajectory``).

        Raises:
            StructureError: moments are missing, not vectors, or zero.
            DynamicsError: the calculator gives no magnetic forces or relaxes moments itself; the time step or the
                damping makes no sense. During a run: the time step is too long.
        """
        _check_moments(atoms)
        _check_calculator(atoms)
        if not STEPS[0] <= timestep / units.fs <= STEPS[1]:
            raise DynamicsError(
                f"a time step of {timestep / units.fs:.3g} fs; give one in ASE's units, as 0.5 * ase.units.fs"
            )
        if not 0 <= damping < np.inf:
            raise DynamicsError(f"damping is 0 or positive, not {damping}")
        self.lattice, self.damping, self.tolerance = lattice, damping, tolerance
        super().__init__(atoms, timestep, loginterval=loginterval, **kwargs)
        if logfile:
            logger = self.closelater(MDLogger(self, atoms, logfile, peratom=True, comm=self.comm))
            logger.fmt = logger.fmt.replace("12.4f", "12.7f")  # what is conserved changes beyond ASE's decimals
            self.attach(logger, loginterval)

    def todict(self) -> dict[str, Any]:
        """What a trajectory says of the run."""
        said: dict[str, Any] = super().todict()  # type: ignore[no-untyped-call]
        return said | {"lattice": self.lattice, "damping": self.damping}

    def step(self) -> np.ndarray:
        """One time step; forces after it in eV/Å, (n, 3). Atoms are left as they were if it fails or is interrupted.

        Raises:
            DynamicsError: the time step is too long.
        """
        kept = {name: self.atoms.arrays[name].copy() for name in ("positions", "momenta", "initial_magmoms")}
        try:
            if self.lattice:
                self._drift(self.dt / 2)
            forces = self._precess()
            if self.lattice:
                self.atoms.set_momenta(self.atoms.get_momenta() + self.dt * forces)
                self._drift(self.dt / 2)
        except BaseException:
            self.atoms.arrays.update(kept)
            raise
        return np.asarray(self.atoms.get_forces(md=True))

    def _drift(self, time: float) -> None:
        """Atoms go on as they go; where constraints change their way, momenta follow, as in `VelocityVerlet`."""
        positions = self.atoms.get_positions()
        self.atoms.set_positions(positions + time * self.atoms.get_momenta() / self.masses)
        if self.atoms.constraints:
            momenta = (self.atoms.get_positions() - positions) * self.masses / time
            self.atoms.set_momenta(momenta, apply_constraint=False)

    def _precess(self) -> np.ndarray:
        """Turn moments by a step; forces at its midpoint."""
        forces = np.zeros((len(self.atoms), 3))

        def field(moments: np.ndarray) -> np.ndarray:
            nonlocal forces
            self.atoms.set_initial_magnetic_moments(moments)
            found: np.ndarray = self.atoms.calc.get_magnetic_forces(self.atoms)
            forces = self.atoms.get_forces(md=True)
            return found

        moments = self.atoms.get_initial_magnetic_moments()
        time = self.dt / units.fs
        self.atoms.set_initial_magnetic_moments(
            precess(moments, field, time, damping=self.damping, tolerance=self.tolerance)
        )
        return forces


def _check_moments(atoms: Atoms) -> None:
    source = str(atoms.symbols)
    if not atoms.has("initial_magmoms"):
        raise StructureError("atoms carry no moments; call set_initial_magnetic_moments with vectors, (n, 3)", source)
    moments = atoms.get_initial_magnetic_moments()
    if moments.ndim != 2:  # noqa: PLR2004
        raise StructureError(
            "moments are numbers, which cannot turn; give vectors, (n, 3), to set_initial_magnetic_moments (after "
            "set_initial_magnetic_moments(None), which ASE asks for)",
            source,
        )
    if not np.isfinite(moments).all() or not moments.any():
        raise StructureError("all moments are zero, or some are not finite; nothing can precess", source)


def _check_calculator(atoms: Atoms) -> None:
    calculator = atoms.calc
    if not hasattr(calculator, "get_magnetic_forces"):
        name = "no calculator" if calculator is None else type(calculator).__name__
        raise DynamicsError(f"{name} gives no magnetic forces −dE/dm; SpinPotential does", str(atoms.symbols))
    if getattr(calculator, "moments", "fixed") == "relaxed":
        raise DynamicsError(
            "the calculator relaxes moments itself; SpinPotential(moments='fixed') lets them precess",
            str(atoms.symbols),
        )
