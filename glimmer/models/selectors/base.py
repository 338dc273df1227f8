"""What every selector does: keep some of a question's candidates.

Legend: B questions, K candidates, M kept.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from glimmer.registry import ComponentConfig, Registry


class Selector(nn.Module, ABC):
    """Chooses candidates by score; its choice carries no gradient."""

    def __init__(self, config: ComponentConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, scores: Tensor) -> Tensor:
        """Keep candidates.

        Args:
            scores: ``[B, K]``, −inf where a candidate is absent.

        Returns:
            ``[B, M]`` int64 slots, best first, −1 behind a question's last kept candidate.
        """

    @abstractmethod
    def most(self, candidates: int) -> int:
        """The largest number kept of so many candidates (for compute accounting)."""


def best(scores: Tensor, count: int) -> Tensor:
    """The ``count`` best slots of ``[B, K]`` scores, best first; ties keep retrieval order, absent ones become −1."""
    ordered, slots = torch.sort(scores, dim=1, descending=True, stable=True)
    return slots.masked_fill(ordered == float("-inf"), -1)[:, :count]


SELECTORS: Registry[Selector] = Registry("selector", Selector)
register_selector = SELECTORS.register
