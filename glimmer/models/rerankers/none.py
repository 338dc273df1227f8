"""No reranking: candidates keep the retriever's scores (FiD, LUMEN)."""

from dataclasses import dataclass

from torch import Tensor

from glimmer.models.rerankers.base import Reranker, RerankerConfig, register_reranker
from glimmer.models.values import Pairs


@dataclass(kw_only=True)
class RetrievalOrderConfig(RerankerConfig):
    """No options: the retriever's score is all that there is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(not self.retrieval_score, "retrieval_score", "false: there is no head whose score it could add to")


@register_reranker("none", RetrievalOrderConfig)
class RetrievalOrder(Reranker):
    """The retriever's scores as they are."""

    learned = False

    def score(self, pairs: Pairs) -> Tensor:
        """Zero for every pair; ``forward`` never asks."""
        return pairs.states.values.new_zeros(len(pairs.question))

    def forward(self, pairs: Pairs, retrieval_scores: Tensor) -> Tensor:
        """Return the retriever's scores."""
        return retrieval_scores
