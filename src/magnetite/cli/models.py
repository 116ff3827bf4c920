"""``magnetite models``: what models there are, and what is known of each."""

from __future__ import annotations

import argparse
import json
from textwrap import indent, wrap
from typing import TYPE_CHECKING, Any

from magnetite.cli import BAD_INPUT, complain
from magnetite.cli.parsers import add_command

if TYPE_CHECKING:
    from magnetite.zoo.cards import Card

DESCRIPTION = """\
List the models: those that come with Magnetite and those that installed packages offer. With a NAME
(or the path of a card) print its whole card: training data, measured quality with the protocol, limits.
"""
EXAMPLES = """\
examples:
  magnetite models
  magnetite models magnetism
  magnetite models --json | jq '.[].metrics'
"""
HEADLINES = 3
"""Metrics of each model in the table; a card puts the most telling ones first."""
WIDTH = 100


def add_parser(subparsers: Any) -> None:
    """Register the command."""
    parser = add_command(subparsers, "models", run, "list the models, or print a model's card", DESCRIPTION, EXAMPLES)
    parser.add_argument("name", nargs="?", help="a model's name or the path of a card")
    parser.add_argument("--json", action="store_true", help="print the cards as JSON")


def run(args: argparse.Namespace) -> int:
    """List the models or print a card."""
    from magnetite.errors import ZooError
    from magnetite.zoo.registry import available, find_card

    if args.name is not None:
        card = find_card(args.name)
        print(json.dumps(_as_dict(card), indent=2, ensure_ascii=False) if args.json else describe(card))  # noqa: T201
        return 0
    cards, broken = {}, 0
    for name in available():
        try:
            cards[name] = find_card(name)
        except ZooError as error:
            broken += 1
            complain(str(error))
    if args.json:
        listed = [_as_dict(card) | {"name": name} for name, card in cards.items()]
        print(json.dumps(listed, indent=2, ensure_ascii=False))  # noqa: T201
    else:
        print(table(cards))  # noqa: T201
    return BAD_INPUT if broken else 0


def _as_dict(card: Card) -> dict[str, Any]:
    return {**card.content, "size": _size(card), "card": str(card.path)}


def _size(card: Card) -> int | None:
    """Bytes of the weights, None if they are missing."""
    return card.weights.stat().st_size if card.weights.is_file() else None


def _say_size(card: Card) -> str:
    size = _size(card)
    return "missing" if size is None else f"{size / 1e6:.1f} MB"


def _say_metric(metric: dict[str, Any]) -> str:
    return f"{metric['name']} {metric['value']:.4g} {metric.get('unit', '')}".rstrip()


def table(cards: dict[str, Card]) -> str:
    """A line for each model, under the name that it is loaded by; a package may offer it by another than the card's."""
    lines = [f"{'name':<20} {'version':<9} {'family':<10} {'size':>8} {'elements':>8}  metrics"]
    for name, card in cards.items():
        metrics = ", ".join(_say_metric(metric) for metric in card.content["metrics"][:HEADLINES])
        lines.append(
            f"{name:<20} {card.version:<9} {card.family:<10} {_say_size(card):>8} {len(card.elements):>8}  {metrics}"
        )
    lines.append("\n`magnetite models NAME` prints a model's card: its data, how it was measured, its limits.")
    return "\n".join(lines)


def describe(card: Card) -> str:
    """A card to read."""
    content = card.content
    data = [
        f"{data['name']}: {data['rows']:,} rows" + (f" ({data['licence']})" if "licence" in data else "")
        for data in content["training_data"]
    ]
    metrics = [
        _say_metric(metric) + (f" ({metric['rows']:,} rows)" if "rows" in metric else "") + f": {metric['protocol']}"
        for metric in content["metrics"]
    ]
    sections: dict[str, str | list[str]] = {
        "labels": content["labels"],
        "training data": data,
        "split": content["split"],
        "metrics": metrics,
        "limits": content["limits"],
        f"elements ({len(card.elements)})": " ".join(sorted(card.elements)),
        "settings": [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in card.settings.items()],
        "weights": [
            f"{card.weights} ({_say_size(card)})",
            f"sha256 {content['sha256']}",
            f"licence: {content['licence']}",
        ],
    }
    parts = [f"{card} ({card.family})", *wrap(content["description"], WIDTH)]
    for title, body in sections.items():
        parts += ["", title]
        if isinstance(body, str):
            parts.append(indent("\n".join(wrap(body, WIDTH)), "  "))
        else:
            parts += ["\n".join(wrap(item, WIDTH, initial_indent="  - ", subsequent_indent="    ")) for item in body]
    return "\n".join(parts)
