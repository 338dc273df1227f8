"""Reranker heads: a score for every (question, passage) pair."""

from glimmer.models.rerankers.base import RERANKERS, Reranker, RerankerConfig, register_reranker
from glimmer.models.rerankers.first_token import FirstTokenReranker
from glimmer.models.rerankers.max_pool import MaxPoolReranker
from glimmer.models.rerankers.max_sim import MaxSimReranker
from glimmer.models.rerankers.mean_pool import MeanPoolReranker
from glimmer.models.rerankers.none import RetrievalOrder
from glimmer.models.rerankers.similarity import SimilarityReranker
from glimmer.models.rerankers.sum import SumReranker

__all__ = [
    "RERANKERS",
    "FirstTokenReranker",
    "MaxPoolReranker",
    "MaxSimReranker",
    "MeanPoolReranker",
    "Reranker",
    "RerankerConfig",
    "RetrievalOrder",
    "SimilarityReranker",
    "SumReranker",
    "register_reranker",
]
