"""What the network finds alike: activations of its hidden layers, their similarity, clusters and maps.

Leitherer 2021, Figs. 2, 3d and 4, and Methods, "Unsupervised learning": the layers of a classifier place
structures so that likeness can be read from them, also where the right answer is not known.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from magnetite.errors import MagnetiteError
from magnetite.pipeline import run
from magnetite.zoo import DEFAULT_CLASSIFIER

if TYPE_CHECKING:
    from magnetite.clusters import SampleLike
    from magnetite.prototypes.classes import StructureClass
    from magnetite.prototypes.model import PrototypeModel

DESCRIPTOR = "descriptor"
"""Name of what goes into the network; the hidden layers are ``hidden 1``, ``hidden 2`` …"""
OUTLIER = -1
"""The label of what belongs to no cluster."""
SMALLEST_CLUSTER = 2
MIN_TO_EMBED = 4
"""Rows that a two-dimensional map needs."""


@dataclass(frozen=True, eq=False)
class Exploration:
    """What the network makes of samples, row by row.

    Attributes:
        layers: by name, from the descriptor to the last hidden layer without dropout, (n, width) each.
        probabilities: of each class, mean over the passes, (n, n_classes).
        mutual_information: in bits, (n,).
        classes: that the columns of `probabilities` stand for.
    """

    layers: dict[str, NDArray[np.float32]]
    probabilities: NDArray[np.float64]
    mutual_information: NDArray[np.float64]
    classes: tuple[StructureClass, ...]

    @property
    def winners(self) -> NDArray[np.int64]:
        """Place of the most probable class of each row, (n,)."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found

    @property
    def labels(self) -> list[str]:
        """Label of the most probable class of each row."""
        return [self.classes[place].label for place in self.winners]


def explore(
    samples: Iterable[SampleLike],
    model: PrototypeModel | str = DEFAULT_CLASSIFIER,
    *,
    passes: int | None = None,
    progress: bool | str = False,
) -> Exploration:
    """Ask a classifier for samples, and keep what it saw in them, under the first of its cutoffs alone.

    Args:
        samples: what `magnetite.classify_structure` takes; at least one.
        model: a loaded classifier, a model's name or the path of a card.
        passes: with dropout, behind probabilities and mutual information; the model's own number if None.
        progress: show a progress bar, with this text if it is one.

    Raises:
        MagnetiteError: there are no samples.
        StructureError: a sample cannot be classified.
        ZooError: no such model, or not a classifier.
    """
    from magnetite.api import load_classifier
    from magnetite.prototypes.model import Evaluation

    loaded = load_classifier(model) if isinstance(model, str) else model
    answers = run(loaded.with_passes(passes).with_one_view().arrays(), samples, progress=progress)
    rows = [answer for answer in answers if isinstance(answer, Evaluation)]  # errors were raised
    if not rows:
        raise MagnetiteError("there are no samples to explore")
    names = [DESCRIPTOR, *(f"hidden {place}" for place in range(1, len(rows[0].activations) + 1))]
    columns = zip(*((row.descriptor, *row.activations) for row in rows), strict=True)
    return Exploration(
        layers={name: np.stack(column) for name, column in zip(names, columns, strict=True)},
        probabilities=np.stack([row.probabilities for row in rows]),
        mutual_information=np.array([row.mutual_information for row in rows]),
        classes=loaded.classes,
    )


def activations(
    samples: Iterable[SampleLike], model: PrototypeModel | str = DEFAULT_CLASSIFIER
) -> dict[str, NDArray[np.float32]]:
    """The descriptor and what every hidden layer makes of it, (n, width) each, by name of the layer.

    Args:
        samples: as for `explore`.
        model: as for `explore`.

    Raises:
        MagnetiteError: as `explore`.
    """
    return explore(samples, model, passes=1).layers  # one pass: the probabilities are not asked for


def similarity(a: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosine similarity of all pairs of rows (Leitherer 2021, Fig. 3d).

    Args:
        a: activations, (n, width).

    Returns:
        Shape (n, n), −1 to 1; 0 where a row is all zeros, which is like nothing.

    Raises:
        MagnetiteError: not a table of finite numbers.
    """
    from sklearn.metrics.pairwise import cosine_similarity

    found: NDArray[np.float64] = cosine_similarity(_checked(a))
    return found


def cluster(a: NDArray[np.floating], min_cluster_size: int) -> NDArray[np.int64]:
    """Clusters of any number and shape, by density (HDBSCAN; Campello 2013, McInnes 2017).

    Args:
        a: activations, (n, width).
        min_cluster_size: fewer rows than this are no cluster. The number of clusters shrinks as it grows; the
            paper tries several, and reports 500 of 7,968 boxes of a polycrystal and 10 of those of a nanoparticle.

    Returns:
        Cluster of each row from 0, `OUTLIER` for what belongs to none, (n,).

    Raises:
        MagnetiteError: not a table of finite numbers, or a size that it cannot have.
    """
    from sklearn.cluster import HDBSCAN

    checked = _checked(a)
    if not SMALLEST_CLUSTER <= min_cluster_size <= len(checked):
        raise MagnetiteError(
            f"min_cluster_size must be {SMALLEST_CLUSTER} to {len(checked)} (number of rows), not {min_cluster_size}"
        )
    found: NDArray[np.int64] = HDBSCAN(min_cluster_size=min_cluster_size, copy=True).fit_predict(checked)
    return found.astype(np.int64)


def embed(
    a: NDArray[np.floating], neighbours: int = 50, min_distance: float = 0.1, seed: int = 0
) -> NDArray[np.float64]:
    """A map in two dimensions on which neighbours stay neighbours (UMAP; McInnes 2018).

    Args:
        a: activations, (n, width).
        neighbours: how many rows count as near: few show what is local, many the whole. The paper takes 500 of
            7,968 boxes, and 50.
        min_distance: how close points may come, 0 to 1; the paper takes 0.9 and 0.1.
        seed: of the layout: the same gives the same map.

    Returns:
        Shape (n, 2). Distances on the map have no unit.

    Raises:
        MagnetiteError: not a table of finite numbers, settings out of range, or umap-learn is not installed.
    """
    checked = _checked(a)
    if len(checked) < MIN_TO_EMBED or not SMALLEST_CLUSTER <= neighbours < len(checked):
        raise MagnetiteError(
            f"a map needs {MIN_TO_EMBED} rows or more, and from {SMALLEST_CLUSTER} neighbours to fewer than rows, "
            f"not {neighbours} of {len(checked)}"
        )
    if not 0 <= min_distance <= 1:
        raise MagnetiteError(f"min_distance must be 0 to 1, not {min_distance}")
    try:
        from umap import UMAP
    except ImportError as error:
        raise MagnetiteError("the map needs umap-learn: pip install 'magnetite[explore]'") from error

    mapper = UMAP(n_neighbors=neighbours, min_dist=min_distance, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        # Classes that have nothing in common are what one hopes for; UMAP then lays out the pieces one by one.
        warnings.filterwarnings("ignore", message="Graph is not fully connected", category=UserWarning)
        found: NDArray[np.float64] = np.asarray(mapper.fit_transform(checked), dtype=float)
    return found


def _checked(a: NDArray[np.floating]) -> NDArray[np.float64]:
    """The table in double precision.

    Raises:
        MagnetiteError: not a table of finite numbers.
    """
    table = np.asarray(a, dtype=float)
    if table.ndim != 2 or not table.size:  # noqa: PLR2004 (rows and columns)
        raise MagnetiteError(f"activations must be a table (rows, width), not of shape {table.shape}")
    if not np.isfinite(table).all():
        raise MagnetiteError("activations hold NaN or infinite numbers")
    return table
