"""s_i = w · mean over the pair's tokens of H'_i + b."""

from torch import Tensor, nn

from glimmer.models.rerankers.base import Reranker, register_reranker
from glimmer.models.rerankers.first_token import LinearRerankerConfig
from glimmer.models.t5.feed_forward import RMSNorm
from glimmer.models.values import Pairs


@register_reranker("mean_pool", LinearRerankerConfig)
class MeanPoolReranker(Reranker):
    """A linear projection of the mean of the pair's tokens."""

    def __init__(self, config: LinearRerankerConfig, width: int) -> None:
        super().__init__(config, width)
        self.norm = RMSNorm(width) if config.normalise else nn.Identity()
        self.projection = nn.Linear(width, 1)

    def score(self, pairs: Pairs) -> Tensor:
        """Score ``[N]`` pairs; padding does not count."""
        mask = pairs.states.mask[..., None]
        total = (self.norm(pairs.states.values) * mask).sum(1)
        return self.projection(total / mask.sum(1).clamp(min=1))[:, 0]  # type: ignore[no-any-return]
