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
