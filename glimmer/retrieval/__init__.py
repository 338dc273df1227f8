"""Retrievers: which passages of a collection a question is given."""

from glimmer.retrieval import bm25, fusion, precomputed, two_step
from glimmer.retrieval.base import RETRIEVERS, Hits, Retriever, RetrieverConfig, query_text, register_retriever

__all__ = [
    "RETRIEVERS",
    "Hits",
    "Retriever",
    "RetrieverConfig",
    "bm25",
    "fusion",
    "precomputed",
    "query_text",
    "register_retriever",
    "two_step",
]
