"""s_i = scale · Σ_d w_d · q_d · p_d, of the normalised means q and p of the question's and the passage's tokens."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimmer.models.rerankers.base import Reranker, RerankerConfig, register_reranker
from glimmer.models.values import Pairs
from glimmer.options import option


@dataclass(kw_only=True)
class SimilarityConfig(RerankerConfig):
    """Options of the similarity."""

    scale: float = option(15.0, "Initial value of the learned scale")


@register_reranker("similarity", SimilarityConfig)
class SimilarityReranker(Reranker):
    """The cosine of question and passage, pooled as in Sentence-BERT (arXiv 1908.10084), with weights that begin at 1.

    Of an encoder that was trained to embed texts (MiniLM, GTR) it begins as that encoder's own similarity, after live
    layers that have seen both sides; a fresh linear head would begin at chance.
    """

    def __init__(self, config: SimilarityConfig, width: int) -> None:
        super().__init__(config, width)
        self.weight = nn.Parameter(torch.ones(width))
        self.scale = nn.Parameter(torch.tensor(config.scale))

    def score(self, pairs: Pairs) -> Tensor:
        """Score ``[N]`` pairs; 0 where a side is empty."""
        question, passage = (_mean(pairs.states.values, m) for m in (pairs.question_mask(), pairs.passage_mask()))
        return self.scale * (self.weight * question * passage).sum(1)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of the tokens in ``mask [N, T]``, of length 1: ``[N, D]``."""
    return F.normalize((values * mask[..., None]).sum(1), dim=-1)
