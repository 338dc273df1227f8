"""s_i = log Σ over the passage's tokens of exp(w · H'_i[t]): the best token's score, smoothly."""

import torch
from torch import Tensor, nn

from glimmer.models.rerankers.base import Reranker, register_reranker
from glimmer.models.rerankers.first_token import LinearRerankerConfig
from glimmer.models.t5.feed_forward import RMSNorm
from glimmer.models.values import Pairs


@register_reranker("max_pool", LinearRerankerConfig)
class MaxPoolReranker(Reranker):
    """A linear projection of every passage token, pooled by a smooth maximum.

    A passage is worth reading if one place in it is. After a single live layer that place already knows that the
    question asks for it, while the first token has only met each passage token as memory left it.
    """

    def __init__(self, config: LinearRerankerConfig, width: int) -> None:
        super().__init__(config, width)
        self.norm = RMSNorm(width) if config.normalise else nn.Identity()
        self.projection = nn.Linear(width, 1, bias=False)

    def score(self, pairs: Pairs) -> Tensor:
        """Score ``[N]`` pairs; question and padding do not count."""
        scores = self.projection(self.norm(pairs.states.values))[..., 0]
        return scores.masked_fill(~pairs.passage_mask(), torch.finfo(torch.float32).min).logsumexp(1)  # type: ignore[no-any-return]
