"""Exchange constants in and out of other programs' files; `read` and `write` choose by name."""

from magnetite.exchange.formats.choice import FORMATS, read, write

__all__ = ["FORMATS", "read", "write"]
