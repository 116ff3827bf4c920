"""The package's own errors: every one names what was read and why it was refused."""

from __future__ import annotations


class MagnetiteError(Exception):
    """Base of all errors that Magnetite raises on purpose.

    Args:
        reason: what is wrong, in plain words.
        source: the file, row or object it is wrong in, if known.
    """

    def __init__(self, reason: str, source: str | None = None) -> None:
        super().__init__(reason if source is None else f"{source}: {reason}")
        self.reason = reason
        self.source = source

    def __reduce__(self) -> tuple[type[MagnetiteError], tuple[str, str | None]]:
        """Survive pickling, which worker processes of the hosts rely on."""
        return type(self), (self.reason, self.source)

    def at(self, source: str) -> MagnetiteError:
        """Return the same error, saying where it happened (kept if already known)."""
        return self if self.source is not None else type(self)(self.reason, source)


class StructureError(MagnetiteError):
    """The input is not a crystal that a model can be asked about."""


class ReadError(StructureError):
    """A file cannot be read as a crystal structure."""


class ZooError(MagnetiteError):
    """A model of the zoo is missing, damaged or of the wrong kind."""


class DeviceError(MagnetiteError):
    """The asked-for device or precision is not available."""


class DataError(MagnetiteError):
    """Training or evaluation data is missing or malformed."""


class ExchangeError(MagnetiteError):
    """Exchange constants are missing, contradict each other or cannot be used for what was asked."""


class DynamicsError(MagnetiteError):
    """Moments cannot be moved: a time step too long, or a calculator that exerts nothing on them."""
