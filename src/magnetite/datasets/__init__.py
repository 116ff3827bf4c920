"""Readers and builders of training data, and the split that all of them share."""
