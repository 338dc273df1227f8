"""s_i = Σ over question tokens of the largest cosine with a passage token (ColBERT; section 8.1 of the facts)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from glimmer.models.rerankers.base import Reranker, RerankerConfig, register_reranker
from glimmer.models.values import Pairs
from glimmer.options import option


@dataclass(kw_only=True)
class MaxSimConfig(RerankerConfig):
    """Options of MaxSim."""

    dimensions: int | None = option(
        None, "Project the states to so many dimensions first; no projection when null", least=1
    )
    scale: float = option(10.0, "Initial value of the learned scale of the mean similarity")


@register_reranker("max_sim", MaxSimConfig)
class MaxSimReranker(Reranker):
    """Late interaction: every question token looks for its best match in the passage."""

    def __init__(self, config: MaxSimConfig, width: int) -> None:
        super().__init__(config, width)
        dimensions = config.dimensions
        self.projection = nn.Identity() if dimensions is None else nn.Linear(width, dimensions, bias=False)
        self.scale = nn.Parameter(torch.tensor(config.scale))

    def score(self, pairs: Pairs) -> Tensor:
        """Score ``[N]`` pairs: the scaled mean over question tokens of the best cosine; −scale if empty."""
        vectors = F.normalize(self.projection(pairs.states.values), dim=-1)
        length = int(pairs.question_lengths.max()) if len(pairs.question_lengths) else 0
        similarity = vectors[:, :length] @ vectors.transpose(1, 2)
        best = similarity.masked_fill(~pairs.passage_mask()[:, None, :], -1.0).amax(-1)
        mask = pairs.question_mask()[:, :length]
        return self.scale * (best * mask).sum(1) / mask.sum(1).clamp(min=1)
