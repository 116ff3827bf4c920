"""The 2022 paper on magnetism classifiers (Merker et al., iScience 25, 105192), table by table and figure by figure."""
