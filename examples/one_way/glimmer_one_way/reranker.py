"""s = mean over heads h of Σ_t softmax_t(a_h · x_t) (v_h · x_t): every head looks for its own evidence in the pair."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glimmer.models.rerankers import Reranker, RerankerConfig, register_reranker
from glimmer.models.t5.feed_forward import RMSNorm
from glimmer.models.values import Pairs
from glimmer.options import option


@dataclass(kw_only=True)
class MultiHeadConfig(RerankerConfig):
    """Options of the multi-head reranker."""

    heads: int = option(4, "Number of heads, each with its own attention over the pair's tokens", least=1)


@register_reranker("multi_head", MultiHeadConfig)
class MultiHeadReranker(Reranker):
    """Several heads, each of which scores the tokens that it attends to; a pair's score is their mean."""

    def __init__(self, config: MultiHeadConfig, width: int) -> None:
        super().__init__(config, width)
        self.norm = RMSNorm(width)
        self.attention = nn.Linear(width, config.heads)
        self.value = nn.Linear(width, config.heads)

    def score(self, pairs: Pairs) -> Tensor:
        """Score ``[N]`` pairs."""
        states = self.norm(pairs.states.values)
        attention = self.attention(states).float()
        attention = attention.masked_fill(~pairs.states.mask[..., None], torch.finfo(attention.dtype).min)
        scores: Tensor = (attention.softmax(1) * self.value(states)).sum(1).mean(1)
        return scores
