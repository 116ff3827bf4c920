"""Structure types from atomic coordinates, after ARISE (Leitherer 2021)."""
