"""What to cite, as BibTeX, which matminer asks every featurizer for."""

MERKER_2022 = """@article{merker2022magnetism,
  author = {Merker, Helena A. and Heiberger, Harry and Nguyen, Linh and Liu, Tongtong and Chen, Zhantao and
    Andrejevic, Nina and Drucker, Nathan C. and Okabe, Ryotaro and Kim, Song Eun and Wang, Yao and Smidt, Tess and
    Li, Mingda},
  title = {Machine learning magnetism classifiers from atomic coordinates},
  journal = {iScience},
  volume = {25},
  number = {10},
  pages = {105192},
  year = {2022},
  doi = {10.1016/j.isci.2022.105192},
}"""

E3NN_2022 = """@misc{geiger2022e3nn,
  author = {Geiger, Mario and Smidt, Tess},
  title = {e3nn: Euclidean Neural Networks},
  year = {2022},
  eprint = {2207.09453},
  archivePrefix = {arXiv},
  doi = {10.48550/arXiv.2207.09453},
}"""

LEITHERER_2021 = """@article{leitherer2021arise,
  author = {Leitherer, Andreas and Ziletti, Angelo and Ghiringhelli, Luca M.},
  title = {Robust recognition and exploratory analysis of crystal structures via {B}ayesian deep learning},
  journal = {Nature Communications},
  volume = {12},
  pages = {6234},
  year = {2021},
  doi = {10.1038/s41467-021-26511-5},
}"""

DSCRIBE_2020 = """@article{himanen2020dscribe,
  author = {Himanen, Lauri and J{\\"a}ger, Marc O. J. and Morooka, Eiaki V. and Federici Canova, Filippo and
    Ranawat, Yashasvi S. and Gao, David Z. and Rinke, Patrick and Foster, Adam S.},
  title = {{DScribe}: Library of descriptors for machine learning in materials science},
  journal = {Computer Physics Communications},
  volume = {247},
  pages = {106949},
  year = {2020},
  doi = {10.1016/j.cpc.2019.106949},
}"""

RUPP_2012 = """@article{rupp2012coulomb,
  author = {Rupp, Matthias and Tkatchenko, Alexandre and M{\\"u}ller, Klaus-Robert and von Lilienfeld, O. Anatole},
  title = {Fast and accurate modeling of molecular atomization energies with machine learning},
  journal = {Physical Review Letters},
  volume = {108},
  pages = {058301},
  year = {2012},
  doi = {10.1103/PhysRevLett.108.058301},
}"""

FABER_2015 = """@article{faber2015crystal,
  author = {Faber, Felix and Lindmaa, Alexander and von Lilienfeld, O. Anatole and Armiento, Rickard},
  title = {Crystal structure representations for machine learning models of formation energies},
  journal = {International Journal of Quantum Chemistry},
  volume = {115},
  pages = {1094--1101},
  year = {2015},
  doi = {10.1002/qua.24917},
}"""

BEHLER_2011 = """@article{behler2011symmetry,
  author = {Behler, J{\\"o}rg},
  title = {Atom-centered symmetry functions for constructing high-dimensional neural network potentials},
  journal = {The Journal of Chemical Physics},
  volume = {134},
  pages = {074106},
  year = {2011},
  doi = {10.1063/1.3553717},
}"""

HUO_2017 = """@article{huo2017mbtr,
  author = {Huo, Haoyan and Rupp, Matthias},
  title = {Unified representation of molecules and crystals for machine learning},
  journal = {Machine Learning: Science and Technology},
  volume = {3},
  pages = {045017},
  year = {2022},
  doi = {10.1088/2632-2153/aca005},
}"""

BARTOK_2013 = """@article{bartok2013soap,
  author = {Bart{\\'o}k, Albert P. and Kondor, Risi and Cs{\\'a}nyi, G{\\'a}bor},
  title = {On representing chemical environments},
  journal = {Physical Review B},
  volume = {87},
  pages = {184115},
  year = {2013},
  doi = {10.1103/PhysRevB.87.184115},
}"""

DRAUTZ_2019 = """@article{drautz2019ace,
  author = {Drautz, Ralf},
  title = {Atomic cluster expansion for accurate and transferable interatomic potentials},
  journal = {Physical Review B},
  volume = {99},
  pages = {014104},
  year = {2019},
  doi = {10.1103/PhysRevB.99.014104},
}"""

ELEMENT_EMBEDDINGS_2024 = """@article{onwuli2024species,
  author = {Onwuli, Anthony and Butler, Keith T. and Walsh, Aron},
  title = {Ionic species representations for materials informatics},
  journal = {APL Machine Learning},
  volume = {2},
  pages = {036112},
  year = {2024},
  doi = {10.1063/5.0227009},
}"""
