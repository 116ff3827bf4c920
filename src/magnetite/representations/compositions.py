"""Compositions in numbers: pooled element vectors (ElementEmbeddings) and Magpie's statistics (matminer)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from magnetite.errors import MagnetiteError
from magnetite.representations.elements import Missing, covering, embedding, one_hot, weighted_one_hot
from magnetite.representations.encoder import CompositionEncoder, Vector
from magnetite.representations.libraries import library
from magnetite.zoo.registry import DEFAULT_MODEL

STATISTICS = {"mean": "mean", "sum": "sum", "min": "minpool", "max": "maxpool", "weighted": "mean",
              "variance": "variance", "range": "range"}  # fmt: skip
"""What ElementEmbeddings calls each pooling."""


class Pooled(CompositionEncoder):
    """Element vectors pooled over the atoms of the reduced formula.

    Args:
        vectors: an embedding.
        pooling: one or several of ``mean`` (over the atoms), ``sum`` (over the atoms of the reduced formula, so that
            a supercell has the same), ``min`` and ``max`` (over the elements), ``weighted`` (mean over the atoms, each
            as heavy as its `weight`), ``variance``, ``range``.
        missing: for an element without a vector: ``error``, or the ``mean`` of all vectors.
        weight: what atoms weigh in ``weighted``: a property of pymatgen's ``Element``.

    Raises:
        MagnetiteError: no such pooling, weight or way with missing elements.
    """

    def __init__(
        self, vectors: Any, pooling: str | tuple[str, ...] = "mean", missing: Missing = "error",
        weight: str = "atomic_mass",
    ) -> None:  # fmt: skip
        self.vectors, self.missing, self.weight = vectors, missing, weight
        self.pooling = (pooling,) if isinstance(pooling, str) else tuple(pooling)
        unknown = [name for name in self.pooling if name not in STATISTICS]
        if unknown or not self.pooling:
            raise MagnetiteError(f"no pooling {', '.join(unknown) or 'given'}; there are: {', '.join(STATISTICS)}")
        if missing not in get_args(Missing):
            raise MagnetiteError(f"missing must be one of {', '.join(get_args(Missing))}, not {missing!r}")
        self.citations = tuple(vectors.citation() or ())
        names = [str(label) for label in vectors.feature_labels]
        self.labels = tuple(f"{vectors.embedding_name} {pool} {name}" for pool in self.pooling for name in names)

    def encode_composition(self, amounts: Mapping[str, float]) -> Vector:
        """The pooled vector.

        Raises:
            MagnetiteError: an element has no vector, or no weight.
        """
        pooled = library("elementembeddings.composition").CompositionalEmbedding
        vectors = covering(self.vectors, amounts, self.missing)
        parts = []
        for name in self.pooling:
            shares = self._weighted(amounts) if name == "weighted" else amounts
            formula = "".join(f"{symbol}{amount:.10f}" for symbol, amount in shares.items())
            parts.append(pooled(formula, vectors).feature_vector(STATISTICS[name]))
        vector: Vector = np.concatenate(parts)
        return vector

    def _weighted(self, amounts: Mapping[str, float]) -> dict[str, float]:
        from pymatgen.core.periodic_table import Element

        weights = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that pymatgen lacks, which are refused below
            for symbol in amounts:
                try:
                    weights[symbol] = float(getattr(Element(symbol), self.weight))
                except (AttributeError, TypeError, ValueError):
                    weights[symbol] = float("nan")
        wrong = [symbol for symbol, weight in weights.items() if not weight > 0]
        if wrong:
            raise MagnetiteError(f"{', '.join(wrong)} has no positive {self.weight!r} to be weighted by")
        return {symbol: amount * weights[symbol] for symbol, amount in amounts.items()}


def pooled_one_hot(pooling: str | tuple[str, ...] = "mean") -> Pooled:
    """Share of each element; see `Pooled`."""
    return Pooled(one_hot(), pooling)


def multi_hot() -> Pooled:
    """1 for each element that is there, else 0."""
    return Pooled(one_hot(), "max")


def property_one_hot(
    properties: tuple[str, ...] = ("atomic_radius", "en_pauling", "dipole_polarizability"),
    pooling: str | tuple[str, ...] = "mean",
    missing: Missing = "error",
) -> Pooled:
    """One-hot vectors as long as an element property: by default the paper's for order; for k ``atomic_weight``."""
    return Pooled(weighted_one_hot(tuple(properties)), pooling, missing)


def pooled_embedding(
    name: str,
    pooling: str | tuple[str, ...] = "mean",
    missing: Missing = "error",
    weight: str = "atomic_mass",
    model: str = DEFAULT_MODEL,
) -> Pooled:
    """Element vectors by name, pooled; see `Pooled`."""
    return Pooled(embedding(name, model), pooling, missing, weight)


class Magpie(CompositionEncoder):
    """Statistics of 22 element properties over the atoms, by matminer (Ward 2016).

    Args:
        missing: for a property that Magpie lacks: ``error``, or the ``mean`` over all elements (matminer's imputation).

    Raises:
        MagnetiteError: no such way with missing values.
    """

    def __init__(self, missing: Missing = "error") -> None:
        from matminer.featurizers.composition import ElementProperty

        if missing not in get_args(Missing):
            raise MagnetiteError(f"missing must be one of {', '.join(get_args(Missing))}, not {missing!r}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that imputation will be the default one day
            self.featurizer = ElementProperty.from_preset("magpie", impute_nan=missing == "mean")
        self.labels = tuple(self.featurizer.feature_labels())
        self.citations = tuple(self.featurizer.citations())

    def encode_composition(self, amounts: Mapping[str, float]) -> Vector:
        """Minimum, maximum, range, mean, mean deviation and mode of each property."""
        from pymatgen.core.composition import Composition

        return np.array(self.featurizer.featurize(Composition(amounts)))
