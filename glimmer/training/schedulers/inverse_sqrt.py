"""The inverse square root schedule."""

from dataclasses import dataclass

from glimmer.options import option
from glimmer.training.schedulers.base import LRScheduler, LRSchedulerConfig, register_lr_scheduler


@dataclass(kw_only=True)
class InverseSqrtConfig(LRSchedulerConfig):
    """Options of the inverse square root schedule."""

    warmup_steps: int = option(10_000, "Steps of linear rise; also the time scale of the fall")


@register_lr_scheduler("inverse_sqrt", InverseSqrtConfig)
class InverseSqrt(LRScheduler):
    """Falls with the inverse square root of the step after warm-up, as T5 was pre-trained."""

    def decay(self, step: int, progress: float) -> float:
        """sqrt(warmup / step) after warm-up."""
        warmup = max(1, self.config.warmup_steps)
        return float((warmup / max(step + 1, warmup)) ** 0.5)
