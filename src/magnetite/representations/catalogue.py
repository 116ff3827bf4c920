"""The catalogue: one entry for each representation, after Walsh's lecture "Crystal Representations".

Modules are imported when an entry is used: listing the catalogue needs neither torch nor any of the libraries.
"""

from __future__ import annotations

from magnetite import citations as works
from magnetite.representations.elements import OWN, PUBLISHED
from magnetite.representations.registry import Representation
from magnetite.zoo.registry import DEFAULT_MODEL

_MATRIX = (works.DSCRIBE_2020,)
_ELEMENTS = (works.ELEMENT_EMBEDDINGS_2024,)

COMPOSITIONS = (
    Representation(
        "one-hot", "composition", "share of each element", "ElementEmbeddings", _ELEMENTS, "compositions:pooled_one_hot"
    ),
    Representation(
        "multi-hot", "composition", "which elements are there", "ElementEmbeddings", _ELEMENTS, "compositions:multi_hot"
    ),
    Representation(
        "property-one-hot", "composition", "one-hot as long as radius, electronegativity, polarizability (Merker 2022)",
        "ElementEmbeddings", (works.MERKER_2022, *_ELEMENTS), "compositions:property_one_hot",
    ),
    Representation(
        "magpie", "composition", "statistics of 22 properties (Ward 2016)", "matminer", (), "compositions:Magpie"
    ),
    *(
        Representation(
            name, "composition", f"element vectors: {origin}", "ElementEmbeddings", _ELEMENTS,
            "compositions:pooled_embedding", (("name", name), ("model", DEFAULT_MODEL)),
        )
        for name, (_, origin) in PUBLISHED.items()
    ),
    *(
        Representation(
            name, "composition", f"element vectors: {origin}", "magnetite, ElementEmbeddings", _ELEMENTS,
            "compositions:pooled_embedding", (("name", name),),
        )
        for name, (_, origin) in OWN.items()
    ),
)  # fmt: skip
STRUCTURES = (
    Representation(
        "coulomb-matrix", "structure", "repulsion of the nuclei of one cell, eigenvalues (Rupp 2012)", "dscribe",
        (works.RUPP_2012, *_MATRIX), "matrices:Matrix", (("which", "coulomb"),),
    ),
    Representation(
        "sine-matrix", "structure", "the same made periodic by a sine (Faber 2015)", "dscribe",
        (works.FABER_2015, *_MATRIX), "matrices:Matrix", (("which", "sine"),),
    ),
    Representation(
        "ewald-matrix", "structure", "the same with Ewald's sums over all cells (Faber 2015)", "dscribe",
        (works.FABER_2015, *_MATRIX), "matrices:Matrix", (("which", "ewald"),),
    ),
    Representation(
        "acsf", "structure", "symmetry functions of distances and angles, by kind of atom (Behler 2011)", "dscribe",
        (works.BEHLER_2011, works.DSCRIBE_2020), "local:Acsf",
    ),
    Representation(
        "mbtr", "structure", "distributions of inverse distances or angles (Huo 2017)", "dscribe",
        (works.HUO_2017, works.DSCRIBE_2020), "local:Mbtr",
    ),
    Representation(
        "soap", "structure", "power spectrum of the averaged neighbour density (Bartók 2013)", "dscribe",
        (works.BARTOK_2013, works.DSCRIBE_2020), "local:Soap",
    ),
    Representation(
        "ace", "structure", "density, power spectrum and bispectrum of each atom, averaged (Drautz 2019)", "e3nn",
        (works.DRAUTZ_2019, works.E3NN_2022), "invariants:Ace",
    ),
    Representation(
        "arise", "structure", "SOAP over pairs of species, scaled by distance: geometry alone (Leitherer 2021)",
        "magnetite", (works.LEITHERER_2021,), "networks:Arise", (("layer", "descriptor"),),
    ),
    Representation(
        "prdf", "structure", "partial radial distribution functions (Schütt 2014)", "matminer", (),
        "densities:PairDistribution",
    ),
    Representation(
        "voxels", "structure", "smeared atoms on a grid over the cell: not invariant, for comparison", "scipy", (),
        "densities:Voxels",
    ),
)  # fmt: skip
GRAPHS = (
    Representation(
        "graph-statistics", "graph", "neighbours, distances and kinds of bonds of the crystal graph", "magnetite", (),
        "crystal_graph:GraphStatistics",
    ),
    Representation(
        "order-body", "graph", "our network of magnetic order: mean of its atom features", "magnetite, e3nn",
        (works.MERKER_2022, works.E3NN_2022), "networks:OrderFeatures", (("layer", "body"),),
    ),
    Representation(
        "order-readout", "graph", "the same network: what its last layer sees", "magnetite, e3nn",
        (works.MERKER_2022, works.E3NN_2022), "networks:OrderFeatures", (("layer", "readout"),),
    ),
    Representation(
        "arise-hidden", "graph", "our network of structure types: its last hidden layer", "magnetite",
        (works.LEITHERER_2021,), "networks:Arise", (("layer", "hidden"),),
    ),
)  # fmt: skip
CATALOGUE = (*COMPOSITIONS, *STRUCTURES, *GRAPHS)
