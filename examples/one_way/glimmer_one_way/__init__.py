"""One-way late interaction, and a reranker of several heads; importing registers both."""

from .encoder import OneWayEncoder
from .reranker import MultiHeadReranker

__all__ = ["MultiHeadReranker", "OneWayEncoder"]
