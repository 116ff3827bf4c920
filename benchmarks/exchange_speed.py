"""Spin updates a second and how the time grows with the number of spins, beside Spirit.

    python benchmarks/exchange_speed.py [--spirit PYTHON] [--seconds 3]

Simple cubic nearest-neighbour Heisenberg ferromagnet at k_B T = J, one thread, one run: read the ratios. An update is
one spin visited once, by heat bath or over-relaxation here, by Metropolis in Spirit (PyPI 2.2.0), whose Python is
given since it needs no place in this environment.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from magnetite.exchange import ExchangeModel
from magnetite.exchange.conventions import K_B
from magnetite.exchange.montecarlo.engine import Plan, simulate
from magnetite.exchange.supercell import spin_lattice

SIZES = (10, 22, 46)
PEER = """
import sys, tempfile, time
from pathlib import Path
size, sweeps, temperature = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
from spirit import parameters, simulation, state, configuration
text = f'''lattice_constant 1.0
bravais_lattice sc
n_basis_cells {size} {size} {size}
boundary_conditions 1 1 1
mu_s 1.0
external_field_magnitude 0.0
anisotropy_magnitude 0.0
hamiltonian heisenberg_neighbours
n_shells_exchange 1
jij 1.0
n_shells_dmi 0
ddi_method none
mc_temperature {temperature}
mc_n_iterations 100000000
mc_n_iterations_log 100000000
mc_acceptance_ratio 0.5
output_file_tag <time>
log_to_file 0
log_to_console 0
'''
folder = Path(tempfile.mkdtemp())
file = folder / 'input.cfg'
file.write_text(text)
with state.State(str(file), quiet=True) as p:
    parameters.mc.set_temperature(p, temperature)
    parameters.mc.set_output_general(p, any=False)
    configuration.random(p)
    simulation.start(p, simulation.METHOD_MC, single_shot=True)
    begin = time.process_time()
    for _ in range(sweeps):
        simulation.n_shot(p, 1)
    print('CPU', time.process_time() - begin)
"""


def ours(size: int, seconds: float) -> tuple[float, int]:
    """CPU seconds and updates."""
    bonds = np.hstack([np.zeros((3, 2), int), np.eye(3, dtype=int)])
    lattice = spin_lattice(ExchangeModel.from_bonds(np.eye(3), np.zeros((1, 3)), bonds, np.ones(3)), (size,) * 3)
    waves = np.full((1, len(lattice)), 1 / len(lattice))
    steps = 2
    while True:
        plan = Plan((1 / K_B,), steps, 0, relaxations=2)
        begin = time.process_time()
        simulate(lattice, plan, waves, waves[0])
        spent = time.process_time() - begin
        if spent > seconds / 3:
            return spent, steps * 3 * len(lattice)
        steps *= 3


def peers(python: Path, size: int, sweeps: int) -> float | None:
    """CPU seconds of Spirit."""
    done = subprocess.run(
        [python, "-c", PEER, str(size), str(sweeps), str(1 / K_B)], capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("CPU ")]
    if not lines:
        print(done.stderr[-400:] or done.stdout[-400:], file=sys.stderr)
        return None
    return float(lines[-1].split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spirit", type=Path, metavar="PYTHON")
    parser.add_argument("--seconds", type=float, default=3.0)
    args = parser.parse_args()
    ours(4, 0.01)  # compiles
    rows = []
    for size in SIZES:
        spent, updates = ours(size, args.seconds)
        peer = peers(args.spirit, size, max(2_000_000 // size**3, 5)) if args.spirit else None
        rate = max(2_000_000 // size**3, 5) * size**3 / peer if peer else None
        rows.append((size**3, updates / spent, rate))
    print("| spins | updates/s | Spirit | ratio |\n| ---: | ---: | ---: | ---: |")
    for spins, rate, peer in rows:
        print(f"| {spins} | {rate:.3g} | {f'{peer:.3g}' if peer else '–'} | {f'{rate / peer:.1f}' if peer else '–'} |")
    exponent = np.polyfit(np.log([r[0] for r in rows]), np.log([r[0] / r[1] for r in rows]), 1)[0]
    print(f"\ntime of a sweep grows as spins^{exponent:.2f}")


if __name__ == "__main__":
    main()
