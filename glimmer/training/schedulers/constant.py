"""The constant schedule."""

from glimmer.training.schedulers.base import LRScheduler, LRSchedulerConfig, register_lr_scheduler


@register_lr_scheduler("constant", LRSchedulerConfig)
class Constant(LRScheduler):
    """Constant after warm-up, as the papers train."""

    def decay(self, step: int, progress: float) -> float:
        """Always 1."""
        return 1.0
