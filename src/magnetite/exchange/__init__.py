"""From exchange constants to the magnetic ground state and the transition temperature."""

from magnetite.exchange.conventions import Convention, from_convention, to_convention
from magnetite.exchange.model import ExchangeModel

__all__ = ["Convention", "ExchangeModel", "from_convention", "to_convention"]
