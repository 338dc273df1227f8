"""The prepended pair, with a learned mark that tells the question's tokens from the passage's."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glimmer.data.values import States
from glimmer.models.joins.base import register_join
from glimmer.models.joins.prepend import PrependJoin
from glimmer.models.values import Pairs
from glimmer.options import option
from glimmer.registry import ComponentConfig


@dataclass(kw_only=True)
class MarkedJoinConfig(ComponentConfig):
    """Options of the marks."""

    deviation: float = option(
        1.0, "Standard deviation of the marks at first; T5's token states have one of 1 and more, MiniLM's 0.4", least=0
    )


@register_join("marked", MarkedJoinConfig)
class MarkedJoin(PrependJoin):
    """Adds one learned vector to question states and another to passage states, then prepends.

    Positions are relative in T5, so a small reader takes long to find out which side of the pair a token is on. With
    the mark, a token that attends to its like sees at once whether that one stands on the other side (BERT's segment
    embedding, 1810.04805, at the depth where the two meet). Stored memories stay as they are.
    """

    def __init__(self, config: MarkedJoinConfig, width: int) -> None:
        super().__init__(config, width)
        self.marks = nn.Parameter(config.deviation * torch.randn(2, width))

    def forward(self, questions: States, passages: States, index: Tensor) -> Pairs:
        """Mark, then pair as ``PrependJoin`` does."""
        marked = [
            States(states.values + mark, states.mask)
            for states, mark in zip((questions, passages), self.marks, strict=True)
        ]
        return super().forward(marked[0], marked[1], index)
