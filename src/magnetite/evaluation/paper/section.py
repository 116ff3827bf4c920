"""A part of the document: text in Markdown, and the figures that it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """Join paragraphs and tables."""
    return "\n\n".join(parts)
