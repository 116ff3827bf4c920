"""A part of the document: text in Markdown, and the figures that it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Section:
    """A part of the document.

    Attributes:
        title: its heading.
        text: paragraphs and tables; figures are named ``![caption](images/paper-NAME.png)``.
        figures: by NAME.
    """

    title: str
    text: str
    figures: dict[str, Figure] = field(default_factory=dict)


def image(name: str, caption: str) -> str:
    """How the text names a figure."""
    return f"![{caption}](images/paper-{name}.png)"


def paragraphs(*parts: str) -> str:
    """Join paragraphs, whose lines are broken here, with tables and pictures."""
    return "\n\n".join(part if part.startswith(("|", "!")) else _wrapped(part) for part in parts)


def _wrapped(paragraph: str) -> str:
    return fill(paragraph, 120, break_long_words=False, break_on_hyphens=False)
