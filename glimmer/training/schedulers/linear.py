"""The linear schedule."""

from dataclasses import dataclass

from glimmer.options import option
from glimmer.training.schedulers.base import LRScheduler, LRSchedulerConfig, register_lr_scheduler


@dataclass(kw_only=True)
class DecayConfig(LRSchedulerConfig):
    """Options of schedules that fall to a final value."""

    final: float = option(0.0, "Factor at the end of the run", least=0, most=1)


@register_lr_scheduler("linear", DecayConfig)
class Linear(LRScheduler):
    """Falls along a straight line to its final value."""

    config: DecayConfig

    def decay(self, step: int, progress: float) -> float:
        """From 1 to ``final``."""
        return 1.0 - (1.0 - self.config.final) * progress
