"""Pictures: J(r), J(q), and the thermal curves M(T), C(T), χ(T) and Binder's cumulant."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from magnetite.exchange.fourier import Fourier
from magnetite.exchange.shells import pair_names
from magnetite.pictures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from magnetite.exchange.model import ExchangeModel
    from magnetite.exchange.temperature import TransitionReport

PATH = (
    ("Γ", (0, 0, 0)), ("a*/2", (0.5, 0, 0)), ("(a*+b*)/2", (0.5, 0.5, 0)), ("Γ", (0, 0, 0)),
    ("c*/2", (0, 0, 0.5)), ("(a*+b*+c*)/2", (0.5, 0.5, 0.5)), ("Γ", (0, 0, 0)),
)  # fmt: skip
"""In halves of the reciprocal vectors, which every cell has."""
STEPS = 60
PANELS = (
    ("magnetisation", "|M| / M₀"), ("order", "order parameter (rms)"), ("heat", "C / k_B per spin"),
    ("susceptibility", "χ of the order / meV⁻¹"), ("binder", "Binder's cumulant"), ("energy", "E / meV per spin"),
)  # fmt: skip
DPI = 110


def plot_couplings(model: ExchangeModel) -> Figure:
    """J(r): isotropic exchange over distance, a colour for each pair of species."""
    figure = new_figure(6.4, 4.2, DPI)
    axes = figure.add_subplot()
    names = pair_names(model)
    for name in np.unique(names):
        rows = names == name
        axes.plot(model.distances[rows], model.isotropic[rows], "o", ms=4, label=name)
    axes.axhline(0, color="0.6", lw=0.8)
    axes.set(xlabel="distance / Å", ylabel="J / meV (pairs once, unit vectors)", title=model.name)
    axes.legend()
    return figure


def plot_fourier(model: ExchangeModel) -> Figure:
    """J(q), with tensors and 2A where there are some: eigenvalues along lines between halves of reciprocal vectors."""
    corners = np.array([place for _, place in PATH], dtype=float)
    reciprocal = np.linalg.inv(model.lattice).T
    lengths = np.linalg.norm(np.diff(corners, axis=0) @ reciprocal, axis=1)
    share = np.linspace(0, 1, STEPS)[:, None]
    points = np.concatenate([a + share * (b - a) for a, b in pairwise(corners)])
    ticks = np.concatenate([[0], np.cumsum(lengths)])
    x = np.concatenate([t + share[:, 0] * length for t, length in zip(ticks, lengths, strict=False)])
    figure = new_figure(7.2, 4.2, DPI)
    axes = figure.add_subplot()
    eigenvalues = np.linalg.eigvalsh(Fourier(model, components=not model.is_isotropic)(points))
    axes.plot(x, eigenvalues, color="C0", lw=1.2)
    for tick in ticks:
        axes.axvline(tick, color="0.8", lw=0.8)
    axes.set_xticks(ticks, [label for label, _ in PATH])
    axes.set(ylabel="eigenvalues of J(q) / meV", title=model.name, xlim=(0, ticks[-1]))
    return figure


def plot_thermal(report: TransitionReport) -> Figure:
    """Thermal averages with error bars, a colour for each supercell, and the transition."""
    figure = new_figure(11, 6.4, DPI)
    for place, (name, label) in enumerate(PANELS, start=1):
        axes = figure.add_subplot(2, 3, place)
        for number, curve in enumerate(report.curves):
            axes.errorbar(
                curve.temperatures, getattr(curve, name), curve.errors[name], fmt=".-", lw=0.9, color=f"C{number}",
                label=f"{curve.n_spins} spins",
            )  # fmt: skip
        if report.monte_carlo is not None:
            axes.axvline(report.monte_carlo, color="0.5", lw=0.9, ls="--")
        axes.set(xlabel="T / K", ylabel=label)
    figure.axes[0].legend(fontsize=8)
    found = "no transition at these temperatures"
    if report.monte_carlo is not None:
        found = f"{report.monte_carlo:.4g} ± {report.error:.2g} K ({report.method}, classical)"
    figure.suptitle(f"{report.name}: {found}")
    return figure
