"""Classical Monte Carlo of exchange models: heat bath, over-relaxation and parallel tempering, compiled by numba."""
