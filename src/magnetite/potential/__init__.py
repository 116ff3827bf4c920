"""The magnetic interatomic potential: energy, forces, stress and −dE/dm of a crystal with moments."""
