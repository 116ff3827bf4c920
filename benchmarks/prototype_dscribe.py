"""Which descriptor recognizes damaged structures: ours (the paper's formula) or dscribe's SOAP.

python benchmarks/prototype_dscribe.py --data PROTOTYPES --peers-python /path/of/peers-env/bin/python [--keep FOLDER]

The same single network, schedule and seeds learn the same ideal rows from either descriptor (periodic cells and the
smallest finite supercells of all classes at 3 scalings, at the cutoff and width of predictions), and answer for the
same damaged structures (the smallest supercells, of draws that no other measurement uses). dscribe 2.1.2 gets the
settings that come closest to the paper's: `prototype_peers.py`. Its vectors are normalised for each pair of species as
ours are, and of several gains each descriptor gets the one that recognizes most of the rows held out in training.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from prototype_speed import in_batches, peers
from torch import Tensor
from torch.nn.functional import pad

from magnetite.clusters import Cluster
from magnetite.prototypes.defects import Level, damaged
from magnetite.prototypes.descriptor import SIZE, Soap, describe_many_settings
from magnetite.prototypes.network import NetworkConfig
from magnetite.prototypes.supercells import Variant, hosts, pristine_samples
from magnetite.prototypes.table import SCALES, Table
from magnetite.prototypes.train import DROPOUT, GAIN, SCHEDULE, read_classes, train_prototypes, validation
from magnetite.structures import Crystal

LEVELS = (Level(displacement=0.04), Level(missing=0.20))
SEED = 104_729
"""Of the damage."""
BATCH = 64
PASSES = 200
GAINS = (GAIN, 4 * GAIN)
GRID = [(Soap(), scale) for scale in SCALES]


def smallest(variants: Sequence[Variant]) -> list[Variant]:
    """The smallest supercell of each prototype, periodic and finite."""
    found: dict[tuple[str, bool], Variant] = {}
    for variant in variants:
        found.setdefault((variant.label, variant.periodic), variant)
    return list(found.values())


def kept(path: Path, compute: Callable[[], Tensor]) -> Tensor:
    """What is computed once and then read."""
    if not path.is_file():
        np.save(path, compute().numpy())
    return torch.from_numpy(np.load(path))


def by_dscribe(samples: Sequence[Crystal | Cluster], python: str, scale: float = 1.0) -> Tensor:
    """Descriptors of dscribe, filled up to the size of ours."""
    vectors = torch.from_numpy(peers(samples, python, ["dscribe"], scale)["dscribe"][1]).float()
    return pad(vectors, (0, SIZE - vectors.shape[1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the prototypes and manifest.csv")
    parser.add_argument("--peers-python", required=True, help="Python of an environment with dscribe")
    parser.add_argument("--keep", type=Path, default=Path("prototype_dscribe"), help="descriptors and runs")
    parser.add_argument("--seeds", type=int, default=2, help="networks of each descriptor")
    parser.add_argument("--repeats", type=int, default=1, help="damaged copies of each supercell")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.keep.mkdir(parents=True, exist_ok=True)
    prototypes = read_classes(args.data)
    variants = smallest(pristine_samples(prototypes))
    samples = [variant.sample for variant in variants]
    place = {prototype.label: number for number, prototype in enumerate(prototypes)}
    labels = torch.tensor([place[variant.label] for variant in variants]).repeat_interleave(len(SCALES))
    ours = Table(
        torch.cat([describe_many_settings(sample, GRID) for sample in samples]), labels,
        *torch.tensor([(soap.cutoff, soap.sigma, scale) for soap, scale in GRID * len(samples)]).unbind(1),
    )  # fmt: skip
    scaled = [
        kept(args.keep / f"ideal-{scale}.npy", lambda scale=scale: by_dscribe(samples, args.peers_python, scale))
        for scale in SCALES
    ]
    theirs = replace(ours, x=torch.stack(scaled, dim=1).flatten(0, 1))
    tests = {
        level: [damaged(host, level, repeat, SEED) for host in smallest(hosts(prototypes))
                for repeat in range(args.repeats)]
        for level in LEVELS
    }  # fmt: skip
    print("| descriptor | " + " | ".join(f"{level}: {len(tests[level])}" for level in tests) + " |")
    print("| --- |" + " --: |" * len(tests))
    for name, table, describe in (
        ("magnetite", ours, in_batches), ("dscribe", theirs, lambda asked: by_dscribe(asked, args.peers_python)),
    ):  # fmt: skip
        scores = score(name, table, tests, place, describe, args)
        cells = [f"{100 * np.mean(values):.2f} ± {100 * np.std(values):.2f}" for values in scores]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def score(
    name: str,
    table: Table,
    tests: dict[Level, list[Variant]],
    place: dict[str, int],
    describe: Callable[[list[Crystal | Cluster]], Tensor],
    args: argparse.Namespace,
) -> list[list[float]]:
    """Share of right answers at each level, of networks of several seeds."""
    config = NetworkConfig(SIZE, len(place), dropout=DROPOUT)
    networks, best = [], 0.0
    for gain in GAINS:
        runs = [args.keep / f"{name}-{gain:g}-{seed}" for seed in range(args.seeds)]
        trained = [
            train_prototypes(
                table, run, torch.device("cpu"), config=replace(config, gain=gain), batch=BATCH,
                schedule=replace(SCHEDULE, seed=seed), progress=False, log=lambda _: None,
            )
            for seed, run in enumerate(runs)
        ]  # fmt: skip
        held_out = float(np.mean([validation(table, run, 1)["value"] for run in runs]))
        print(f"<!-- {name}, gain {gain:g}: {held_out:.2%} of the rows held out -->", flush=True)
        if held_out > best:
            networks, best = trained, held_out
    found = []
    for number, variants in enumerate(tests.values()):
        truth = torch.tensor([place[variant.label] for variant in variants])
        x = kept(
            args.keep / f"{name}-level-{number}.npy", lambda asked=variants: describe([v.sample for v in asked]).float()
        )
        answers = [network.sample_probabilities(x, PASSES)[0].argmax(1) for network in networks]
        found.append([float((answer == truth).double().mean()) for answer in answers])
    return found


if __name__ == "__main__":
    main()
