"""Which elements each embedding finds alike, and its map of the elements.

python benchmarks/element_similarity.py --maps maps.png --heat heat.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from magnetite.representations.elements import embedding
from magnetite.representations.similarity import EMBEDDINGS, METRICS, most_alike, plot_elements, plot_maps

ASKED = ("Fe", "Gd", "O")
COUNT = 3
DRAWN = ("magpie-elements", "mat2vec", "skipatom", "megnet16", "order-embedding", "order-elements")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--maps", type=Path, help="draw the maps of the lecture's embeddings and ours")
    parser.add_argument("--heat", type=Path, help="draw map and heat maps of our own vectors")
    args = parser.parse_args()
    columns = [f"{symbol}, {metric}" for symbol in ASKED for metric in METRICS]
    print("| embedding | length | elements | same group |", " | ".join(columns), "|")
    print("| --- |" + " ---: |" * 3 + " --- |" * len(columns))
    for name in EMBEDDINGS:
        vectors = embedding(name)
        cells = [
            ", ".join(f"{other} {value:.2f}" for other, value in most_alike(symbol, name, metric, COUNT))
            for symbol in ASKED
            for metric in METRICS
        ]
        known = len(vectors.element_list)
        print(f"| `{name}` | {vectors.dim} | {known} | {same_group(name):.2f} | {' | '.join(cells)} |", flush=True)
    if args.maps:
        plot_maps(DRAWN).savefig(args.maps, dpi=60)
    if args.heat:
        plot_elements("order-embedding").savefig(args.heat, dpi=60)


def same_group(name: str) -> float:
    """Share of elements whose most alike element (by cosine) is of the same kind, as ElementEmbeddings sorts them."""
    groups = embedding(name).element_groups_dict
    nearest = {symbol: most_alike(symbol, name, "cosine", 1)[0][0] for symbol in groups}
    return sum(groups[symbol] == groups[other] for symbol, other in nearest.items()) / len(groups)


if __name__ == "__main__":
    main()
