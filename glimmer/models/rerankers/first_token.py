"""s_i = w · H'_i[0] + b (GLIMMER, section 1.2 of the facts)."""

from dataclasses import dataclass

from torch import Tensor, nn

from glimmer.models.rerankers.base import Reranker, RerankerConfig, register_reranker
from glimmer.models.t5.feed_forward import RMSNorm
from glimmer.models.values import Pairs
from glimmer.options import option


@dataclass(kw_only=True)
class LinearRerankerConfig(RerankerConfig):
    """Options of the linear heads."""

    normalise: bool = option(True, "Root-mean-square normalise the states first (in the paper: unknown)")


@register_reranker("first_token", LinearRerankerConfig)
class FirstTokenReranker(Reranker):
    """A linear projection of the pair's first token, which is the question's first."""

    def __init__(self, config: LinearRerankerConfig, width: int) -> None:
        super().__init__(config, width)
        self.norm = RMSNorm(width) if config.normalise else nn.Identity()
        self.projection = nn.Linear(width, 1)

    def score(self, pairs: Pairs) -> Tensor:
        """Score ``[N]`` pairs."""
        return self.projection(self.norm(pairs.states.values[:, 0]))[:, 0]  # type: ignore[no-any-return]
