"""Keep candidates by their share of the score's softmax, between a floor and a cap."""

from dataclasses import dataclass

import torch
from torch import Tensor

from glimmer.models.selectors.base import Selector, best, register_selector
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class ThresholdConfig(ComponentConfig):
    """Options of the threshold."""

    probability: float = option(
        0.05, "Keep a candidate whose softmax(score) over the question's candidates reaches this", least=0, most=1
    )
    floor: int = option(1, "Keep at least so many", least=1)
    cap: int = option(10, "Keep at most so many", least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.floor <= self.cap, "floor", f"at most cap = {self.cap}")


@register_selector("threshold", ThresholdConfig)
class ThresholdSelector(Selector):
    """Keep as many passages as deserve it."""

    config: ThresholdConfig

    def forward(self, scores: Tensor) -> Tensor:
        """Keep the candidates above the threshold, best first."""
        kept = best(scores.detach(), self.config.cap)
        absent = (scores == float("-inf")).all(1, keepdim=True)
        share = torch.softmax(scores.detach().masked_fill(absent, 0.0), dim=1).gather(1, kept.clamp(min=0))
        rank = torch.arange(kept.shape[1], device=kept.device)[None, :]
        low = (share < self.config.probability) & (rank >= self.config.floor)
        return kept.masked_fill(low, -1)

    def most(self, candidates: int) -> int:
        """The cap, or fewer where there are fewer candidates."""
        return min(self.config.cap, candidates)
