"""Element vectors: those of ElementEmbeddings, and those that our own networks learned."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from magnetite.elements import MAX_ATOMIC_NUMBER
from magnetite.errors import MagnetiteError
from magnetite.representations.libraries import library
from magnetite.zoo.registry import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterable

Missing = Literal["error", "mean"]

PUBLISHED = {
    "magpie-elements": ("magpie_sc", "22 element properties of Magpie, standardised (Ward 2016)"),
    "mat2vec": ("mat2vec", "words of abstracts (Tshitoyan 2019)"),
    "skipatom": ("skipatom", "neighbours in crystal graphs (Antunes 2022)"),
    "megnet16": ("megnet16", "learned by the graph network MEGNet (Chen 2019)"),
    "matscholar": ("matscholar", "words of abstracts (Weston 2019)"),
    "oliynyk": ("oliynyk_sc", "44 element properties, standardised (Oliynyk 2016)"),
    "xenonpy": ("xenonpy", "58 element properties of XenonPy (Liu 2021)"),
    "crystallm": ("crystallm", "learned by a language model of cif files (Antunes 2023)"),
    "cgnf": ("cgnf", "learned from stoichiometries (Jang 2024)"),
    "chgnet-elements": ("chgnet", "learned by the potential CHGNet (Deng 2023)"),
    "mace-elements": ("mace_mp0", "learned by the potential MACE-MP-0 (Batatia 2024)"),
    "random": ("random_200", "random numbers, to compare with"),
}
"""Our name of each embedding, that of ElementEmbeddings, and where its vectors come from."""
OWN = {
    "order-embedding": ("body.embed", "properties and learned vector, mixed by our network of magnetic order"),
    "order-elements": ("body.element", "the learned vectors alone, of what the properties leave open"),
    "moment-elements": ("site_moments.element", "learned by our readout of |m|, likewise beside properties"),
}
"""Our name of each embedding, the part of the network that it comes from, and where its vectors come from."""


def embedding(name: str, model: str = DEFAULT_MODEL) -> Any:
    """The element vectors of one name as an ``elementembeddings.core.Embedding``, which pools and compares them.

    Args:
        name: of `PUBLISHED` or `OWN`.
        model: whose vectors they are if they are of `OWN`.

    Raises:
        MagnetiteError: no such embedding, or ElementEmbeddings is not installed.
        ZooError: no such model, or one without these vectors.
    """
    if name in OWN:
        return _own(name, model)
    if name in PUBLISHED:
        return _published(PUBLISHED[name][0])
    raise MagnetiteError(f"there are no element vectors {name!r}; there are: {', '.join((*PUBLISHED, *OWN))}")


@cache
def _published(name: str) -> Any:
    loaded = library("elementembeddings.core").Embedding.load_data(name)
    known = [symbol for symbol in _symbols() if symbol in loaded.embeddings]
    return _embedding({symbol: loaded.embeddings[symbol] for symbol in known}, name, loaded.feature_labels)


@cache
def _own(name: str, model: str) -> Any:
    import torch

    from magnetite.order.model import OrderModel
    from magnetite.zoo.loading import load_kind

    loaded = load_kind(OrderModel, "of magnetic order", model, "cpu")
    network, part = loaded.network, OWN[name][0]
    if part.startswith("site_moments") and network.site_moments is None:
        raise MagnetiteError(f"has no element vectors {name!r}", model)
    if part == "body.embed":
        body = network.body
        found = body.embed(torch.cat([body.element.weight, body.properties], dim=1))
    else:
        found = network.get_parameter(f"{part}.weight")
    table = found.detach().double().numpy()
    # Elements that no training row held keep the numbers they began with, which say nothing.
    known = [symbol for symbol in _symbols() if symbol in loaded.card.elements]
    rows = {symbol: table[z] for z, symbol in enumerate(("", *_symbols())) if symbol in known}
    return _embedding(rows, name, None)


def _embedding(vectors: dict[str, Any], name: str, labels: list[Any] | None) -> Any:
    return library("elementembeddings.core").Embedding(vectors, name, labels)


@cache
def _symbols() -> tuple[str, ...]:
    from ase.data import chemical_symbols

    return tuple(chemical_symbols[1 : MAX_ATOMIC_NUMBER + 1])


def covering(found: Any, symbols: Iterable[str], missing: Missing) -> Any:
    """An embedding that has all of some elements.

    Args:
        found: an embedding.
        symbols: the elements that are needed.
        missing: what to do where it lacks one: an ``error``, or the ``mean`` of all that it has.

    Raises:
        MagnetiteError: it lacks one, and `missing` is ``error``.
    """
    lacking = [symbol for symbol in symbols if symbol not in found.embeddings]
    if not lacking:
        return found
    if missing == "error":
        raise MagnetiteError(
            f"no vector of {', '.join(lacking)} in {found.embedding_name!r}; missing='mean' puts the mean of all "
            "elements there"
        )
    mean = np.mean(list(found.embeddings.values()), axis=0)
    return _embedding(found.embeddings | dict.fromkeys(lacking, mean), found.embedding_name, found.feature_labels)


def one_hot() -> Any:
    """One axis for each element: `embedding` for one-hot and multi-hot vectors."""
    rows = dict(zip(_symbols(), np.eye(MAX_ATOMIC_NUMBER), strict=True))
    return _embedding(rows, "one-hot", list(_symbols()))


@cache
def weighted_one_hot(properties: tuple[str, ...]) -> Any:
    """One axis for each element and property, as long as the property (Merker 2022, Fig. 1B).

    Args:
        properties: columns of ElementEmbeddings' table of XenonPy.

    Raises:
        MagnetiteError: there is no such property.
    """
    table = _published("xenonpy")
    unknown = [name for name in properties if name not in table.feature_labels]
    if unknown or not properties:
        raise MagnetiteError(
            f"no element property {', '.join(unknown) or 'given'}; there are: {', '.join(table.feature_labels)}"
        )
    places = [table.feature_labels.index(name) for name in properties]
    rows = {}
    for z, symbol in enumerate(_symbols()):
        if symbol in table.embeddings:
            rows[symbol] = np.zeros((len(properties), MAX_ATOMIC_NUMBER))
            rows[symbol][:, z] = table.embeddings[symbol][places]
    labels = [f"{name} {symbol}" for name in properties for symbol in _symbols()]
    return _embedding({symbol: row.ravel() for symbol, row in rows.items()}, "property one-hot", labels)
