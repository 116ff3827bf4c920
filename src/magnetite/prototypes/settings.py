"""How pattern matching is done unless one says otherwise; apart, so that commands can name it without torch."""

BOX = 12.0
"""Edge of the box in Å; the paper's for nanoparticles."""
STRIDE = 2.0
"""Å, likewise."""
PASSES = 100
"""Tenfold faster than the model's own 1,000, and good enough (`docs/pattern-matching.md`)."""
MIN_ATOMS = 50
"""With it the particle of the paper's Fig. 4 has 43,661 boxes; the paper counts 43,679."""
