"""Dense retrieval: questions and passages as vectors of an encoder, searched by their products."""

from glimmer.dense.retriever import Dense, DenseConfig

__all__ = ["Dense", "DenseConfig"]
