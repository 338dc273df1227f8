"""Keep every candidate (FiD, LUMEN)."""

import torch
from torch import Tensor

from glimmer.models.selectors.base import Selector, best, register_selector


@register_selector("all")
class AllSelector(Selector):
    """Keep all, in order of score."""

    def forward(self, scores: Tensor) -> Tensor:
        """Keep every present candidate."""
        return best(torch.nan_to_num(scores.detach(), nan=0.0, neginf=float("-inf")), scores.shape[1])

    def most(self, candidates: int) -> int:
        """All of them."""
        return candidates
