"""The inner loops, compiled: one sweep, the measurements, exchanges of temperatures.

Heat bath: Miyatake et al., J. Phys. C 19, 2539 (1986); over-relaxation: Creutz, Phys. Rev. D 36, 515 (1987); parallel
tempering: Hukushima and Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996). Single-ion anisotropy is not linear in the spin,
so that both moves propose by the exchange field and are accepted by Metropolis' rule for the anisotropy alone.

Random numbers are splitmix64 (Steele, Lea and Flood, OOPSLA 2014), whose whole state is one number a run: that makes
runs repeat and resume exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Compiled = TypeVar("Compiled", bound="Callable[..., Any]")
TINY = 1e-12


def compiled(function: Compiled) -> Compiled:
    """Compile once and keep the machine code on disk."""
    return cast("Compiled", numba.njit(function, cache=True, nogil=True, fastmath=True))


@compiled
def uniform(state: Any) -> Any:
    """Next number in [0, 1) of the generator whose state is ``state[0]``."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return float(z >> np.uint64(11)) * 1.1102230246251565e-16


@compiled
def exchange_field(spins: Any, site: int, kind: int, table: Any, couplings: Any) -> Any:
    """Σ_j J_ij e_j of a site in meV: ``couplings[kind, b]`` holds 1 or 9 numbers a neighbour."""
    x = y = z = 0.0
    if couplings.shape[2] == 1:
        for b in range(table.shape[1]):
            other = table[site, b]
            j = couplings[kind, b, 0]
            x += j * spins[other, 0]
            y += j * spins[other, 1]
            z += j * spins[other, 2]
    else:
        for b in range(table.shape[1]):
            other = table[site, b]
            a, c, d = spins[other, 0], spins[other, 1], spins[other, 2]
            j = couplings[kind, b]
            x += j[0] * a + j[1] * c + j[2] * d
            y += j[3] * a + j[4] * c + j[5] * d
            z += j[6] * a + j[7] * c + j[8] * d
    return x, y, z


@compiled
def quadratic(matrix: Any, x: float, y: float, z: float) -> Any:
    """e·A·e of a symmetric matrix."""
    return (
        matrix[0, 0] * x * x + matrix[1, 1] * y * y + matrix[2, 2] * z * z
        + 2.0 * (matrix[0, 1] * x * y + matrix[0, 2] * x * z + matrix[1, 2] * y * z)
    )  # fmt: skip


@compiled
def heat_bath(spins: Any, table: Any, couplings: Any, anisotropy: Any, beta: float, state: Any) -> Any:
    """Draw every spin anew in the field of its neighbours; returns the change of energy in meV."""
    kinds = couplings.shape[0]
    change = 0.0
    for site in range(spins.shape[0]):
        kind = site % kinds
        hx, hy, hz = exchange_field(spins, site, kind, table, couplings)
        size = np.sqrt(hx * hx + hy * hy + hz * hz)
        angle = 2.0 * np.pi * uniform(state)
        strength = beta * size
        u = uniform(state)
        if strength > 1e-8:  # noqa: PLR2004 (below, every direction is as good)
            # cosine along the field, distributed as exp(strength × cosine)
            cosine = 1.0 + np.log(1.0 - u * (1.0 - np.exp(-2.0 * strength))) / strength
            cosine = max(-1.0, min(1.0, cosine))
            hx, hy, hz = hx / size, hy / size, hz / size
        else:
            cosine, size = 2.0 * u - 1.0, 0.0
            hx, hy, hz = 0.0, 0.0, 1.0
        sine = np.sqrt(max(0.0, 1.0 - cosine * cosine))
        # an orthonormal frame around the field (Duff et al., J. Comput. Graph. Tech. 6, 1, 2017)
        sign = 1.0 if hz >= 0.0 else -1.0
        a = -1.0 / (sign + hz)
        b = hx * hy * a
        p, q = sine * np.cos(angle), sine * np.sin(angle)
        x = p * (1.0 + sign * hx * hx * a) + q * b + cosine * hx
        y = p * sign * b + q * (sign + hy * hy * a) + cosine * hy
        z = -p * sign * hx - q * hy + cosine * hz
        ox, oy, oz = spins[site, 0], spins[site, 1], spins[site, 2]
        single = 0.0
        if anisotropy.shape[0] > 0:
            single = quadratic(anisotropy[kind], ox, oy, oz) - quadratic(anisotropy[kind], x, y, z)
            if single > 0.0 and uniform(state) >= np.exp(-beta * single):
                continue
        change += single - size * (hx * (x - ox) + hy * (y - oy) + hz * (z - oz))
        norm = 1.0 / np.sqrt(x * x + y * y + z * z)
        spins[site, 0], spins[site, 1], spins[site, 2] = x * norm, y * norm, z * norm
    return change


@compiled
def over_relax(spins: Any, table: Any, couplings: Any, anisotropy: Any, beta: float, state: Any) -> Any:
    """Turn every spin half way round its field, which costs no exchange energy; returns the change in meV."""
    kinds = couplings.shape[0]
    change = 0.0
    for site in range(spins.shape[0]):
        kind = site % kinds
        hx, hy, hz = exchange_field(spins, site, kind, table, couplings)
        square = hx * hx + hy * hy + hz * hz
        if square < TINY:
            continue
        ox, oy, oz = spins[site, 0], spins[site, 1], spins[site, 2]
        factor = 2.0 * (ox * hx + oy * hy + oz * hz) / square
        x, y, z = factor * hx - ox, factor * hy - oy, factor * hz - oz
        if anisotropy.shape[0] > 0:
            single = quadratic(anisotropy[kind], ox, oy, oz) - quadratic(anisotropy[kind], x, y, z)
            if single > 0.0 and uniform(state) >= np.exp(-beta * single):
                continue
            change += single
        spins[site, 0], spins[site, 1], spins[site, 2] = x, y, z
    return change


@compiled
def total_energy(spins: Any, table: Any, couplings: Any, anisotropy: Any) -> Any:
    """Energy in meV of all spins."""
    kinds = couplings.shape[0]
    total = 0.0
    for site in range(spins.shape[0]):
        kind = site % kinds
        hx, hy, hz = exchange_field(spins, site, kind, table, couplings)
        x, y, z = spins[site, 0], spins[site, 1], spins[site, 2]
        total -= 0.5 * (x * hx + y * hy + z * hz)
        if anisotropy.shape[0] > 0:
            total -= quadratic(anisotropy[kind], x, y, z)
    return total


@compiled
def amplitude(spins: Any, wave: Any) -> Any:
    """|Σ w_i e_i|²."""
    x = y = z = 0.0
    for site in range(spins.shape[0]):
        w = wave[site]
        x += w * spins[site, 0]
        y += w * spins[site, 1]
        z += w * spins[site, 2]
    return x * x + y * y + z * z


@compiled
def run_steps(
    spins: Any, slots: Any, energies: Any, betas: Any, table: Any, couplings: Any, anisotropy: Any, waves: Any,
    magnet: Any, relaxations: int, series: Any, swaps: Any, state: Any,
) -> None:  # fmt: skip
    """Steps of all temperatures, measured after each.

    Args:
        spins: of each replica, shape (n_temperatures, n_spins, 3); changed.
        slots: which replica is at which temperature; changed.
        energies: meV, of each replica; changed.
        betas: 1/meV of each temperature.
        table: neighbours, shape (n_spins, n_neighbours).
        couplings: meV, shape (n_kinds, n_neighbours, 1 or 9).
        anisotropy: meV, shape (n_kinds, 3, 3) or (0, 3, 3).
        waves: weights of the order parameter, shape (n_waves, n_spins).
        magnet: weights of the magnetisation, shape (n_spins,).
        relaxations: over-relaxation sweeps after each heat-bath sweep.
        series: filled with energy, squared order parameter and squared magnetisation, (n_steps, n_temperatures, 3).
        swaps: counts accepted exchanges of neighbouring temperatures; changed.
        state: of the random numbers; changed.
    """
    number = len(betas)
    for step in range(series.shape[0]):
        for t in range(number):
            replica = slots[t]
            own = spins[replica]
            energies[replica] += heat_bath(own, table, couplings, anisotropy, betas[t], state)
            for _ in range(relaxations):
                energies[replica] += over_relax(own, table, couplings, anisotropy, betas[t], state)
            order = 0.0
            for w in range(waves.shape[0]):
                order += amplitude(own, waves[w])
            series[step, t, 0] = energies[replica]
            series[step, t, 1] = order
            series[step, t, 2] = amplitude(own, magnet)
        for t in range(step % 2, number - 1, 2):
            gain = (betas[t + 1] - betas[t]) * (energies[slots[t + 1]] - energies[slots[t]])
            if gain >= 0.0 or uniform(state) < np.exp(gain):
                slots[t], slots[t + 1] = slots[t + 1], slots[t]
                swaps[t] += 1
