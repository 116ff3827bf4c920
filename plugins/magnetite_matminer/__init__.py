"""Magnetite in matminer."""
