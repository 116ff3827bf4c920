"""What our own networks make of a crystal: the descriptor and layers of ARISE, the features of magnetic order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from magnetite.errors import MagnetiteError
from magnetite.order.model import OrderModel
from magnetite.order.network import FEATURES
from magnetite.pipeline import run
from magnetite.prototypes.model import PrototypeModel
from magnetite.representations.encoder import Encoder, Vector
from magnetite.runtime import EDGES_PER_BATCH, by_edges, collate
from magnetite.zoo.loading import load_kind
from magnetite.zoo.registry import DEFAULT_CLASSIFIER, DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from magnetite.structures import Crystal


class NetworkEncoder(Encoder):
    """A representation that is worked out for many crystals at once."""

    def encode(self, crystal: Crystal) -> Vector:
        """The vector of one crystal.

        Raises:
            MagnetiteError: the network cannot take it.
        """
        found = next(self.encode_many([crystal]))
        if isinstance(found, MagnetiteError):
            raise found
        return found


class OrderFeatures(NetworkEncoder):
    """Mean over the atoms of what the body of the network of magnetic order makes of them, in the primitive cell.

    Args:
        model: a model's name or the path of a card.
        layer: ``body`` (the mean) or ``readout``, what the readout of the order makes of it before its last layer.
        device: where it runs.

    Raises:
        MagnetiteError: no such layer or model.
    """

    def __init__(self, model: str = DEFAULT_MODEL, layer: str = "body", device: str = "auto") -> None:
        if layer not in {"body", "readout"}:
            raise MagnetiteError(f"layer must be body or readout, not {layer!r}")
        self.model = load_kind(OrderModel, "of magnetic order", model, device)
        self.layer = layer
        size = self.model.network.body.size if layer == "body" else FEATURES
        self.labels = tuple(f"{self.model.card.name} {layer} {i}" for i in range(size))

    def encode_many(self, crystals: Iterable[Crystal | MagnetiteError]) -> Iterator[Vector | MagnetiteError]:
        """Batched by edges; see `Encoder.encode_many`."""
        prepared = map(self._prepare, crystals)
        limit = EDGES_PER_BATCH[self.model.device.type]
        for batch in by_edges(prepared, lambda p: 0 if isinstance(p, MagnetiteError) else p[0].n_edges, limit):
            good = [p for p in batch if not isinstance(p, MagnetiteError)]
            rows = iter(self._features(good)) if good else iter(())
            yield from (p if isinstance(p, MagnetiteError) else next(rows) for p in batch)

    def _prepare(self, crystal: Crystal | MagnetiteError) -> Any:
        if isinstance(crystal, MagnetiteError):
            return crystal
        try:
            primitive = crystal.primitive[0]
            return primitive.graph, primitive.volume / len(primitive)
        except MagnetiteError as error:
            return error

    @torch.inference_mode()
    def _features(self, prepared: list[Any]) -> Vector:
        batch = collate([graph for graph, _ in prepared], [volume for _, volume in prepared]).to(self.model.device)
        network = self.model.network
        atoms = network.body(batch)
        found = batch.mean_over_atoms(atoms) if self.layer == "body" else network.order.features(atoms, batch)
        return found.double().cpu().numpy()


class Arise(NetworkEncoder):
    """The descriptor of ARISE, or what the last hidden layer of its network makes of it (Leitherer 2021).

    Args:
        layer: ``descriptor`` or ``hidden``.
        model: a model's name or the path of a card.
        device: where it runs.

    Raises:
        MagnetiteError: no such model.
    """

    def __init__(self, layer: str = "descriptor", model: str = DEFAULT_CLASSIFIER, device: str = "auto") -> None:
        loaded = load_kind(PrototypeModel, "of structure types", model, device)
        self.model, self.layer = loaded.with_passes(1).with_one_view().arrays(), layer  # neither layer sees dropout
        size = loaded.network.config.widths[0 if layer == "descriptor" else -1]
        self.labels = tuple(f"arise {layer} {i}" for i in range(size))

    def encode_many(self, crystals: Iterable[Crystal | MagnetiteError]) -> Iterator[Vector | MagnetiteError]:
        """Batched by edges; see `Encoder.encode_many`."""
        for answer in run(self.model, crystals, on_error="report"):
            if isinstance(answer, MagnetiteError):
                yield answer
            else:
                found = answer.descriptor if self.layer == "descriptor" else answer.activations[-1]
                yield np.asarray(found, dtype=float)
