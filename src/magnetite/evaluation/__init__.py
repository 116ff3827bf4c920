"""Figures of merit, and what the models score on data that they never saw."""
