"""Top-m of perturbed scores while training: sampling without replacement (Stochastic RAG; section 8.2 of the facts)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.models.selectors.base import best, register_selector
from glimmer.models.selectors.top_m import TopMConfig, TopMSelector
from glimmer.options import option


@dataclass(kw_only=True)
class GumbelTopMConfig(TopMConfig):
    """Options of Gumbel top-m."""

    noise: float = option(
        1.0, "Scale of the Gumbel noise added to the scores in training; none is added in evaluation", least=0
    )


@register_selector("gumbel_top_m", GumbelTopMConfig)
class GumbelTopMSelector(TopMSelector):
    """Keep the m best of score + Gumbel noise while training, the m best in evaluation."""

    config: GumbelTopMConfig

    def forward(self, scores: Tensor) -> Tensor:
        """Sample m candidates without replacement in proportion to ``softmax(score / noise)``."""
        scores = scores.detach()
        if self.training:
            uniform = torch.rand_like(scores).clamp(1e-9, 1 - 1e-7)
            scores = scores - self.config.noise * (-uniform.log()).log()
        return best(scores, self.config.kept)
