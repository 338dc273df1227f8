"""No reranking: candidates keep the retriever's scores (FiD, LUMEN)."""

from torch import Tensor

from glimmer.models.rerankers.base import Reranker, RerankerConfig, register_reranker
from glimmer.models.values import Pairs


@register_reranker("none", RerankerConfig)
class RetrievalOrder(Reranker):
    """The retriever's scores as they are."""

    learned = False

    def score(self, pairs: Pairs) -> Tensor:
        """Zero for every pair; ``forward`` never asks."""
        return pairs.states.values.new_zeros(len(pairs.question))

    def forward(self, pairs: Pairs, retrieval_scores: Tensor) -> Tensor:
        """Return the retriever's scores."""
        return retrieval_scores
