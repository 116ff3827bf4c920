"""The order family: magnetic order, propagation vector and |m| from one equivariant network."""
