"""Magnetite in ASE."""
