"""The cosine schedule."""

import math

from glimmer.training.schedulers.base import LRScheduler, register_lr_scheduler
from glimmer.training.schedulers.linear import DecayConfig


@register_lr_scheduler("cosine", DecayConfig)
class Cosine(LRScheduler):
    """Falls along half a cosine to its final value (arXiv 1608.03983, without restarts)."""

    config: DecayConfig

    def decay(self, step: int, progress: float) -> float:
        """From 1 to ``final``."""
        return self.config.final + (1.0 - self.config.final) * 0.5 * (1.0 + math.cos(math.pi * progress))
