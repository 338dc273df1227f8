"""Learning-rate schedules: pure functions of where a run stands, so there is no state to lose.

A run that ends after a number of steps stands at step / steps; one that ends after some minutes at the time used
over the time given. Decays follow that fraction, so both reach their end; warm-up counts steps.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from glimmer.options import option
from glimmer.registry import ComponentConfig, Registry


@dataclass(kw_only=True)
class LRSchedulerConfig(ComponentConfig):
    """Options that every schedule has."""

    warmup_steps: int = option(0, "Steps over which the learning rate rises linearly to its height", least=0)


class LRScheduler(ABC):
    """The factor on the learning rate: linear warm-up times ``decay``."""

    def __init__(self, config: LRSchedulerConfig) -> None:
        self.config = config

    def multiplier(self, step: int, progress: float) -> float:
        """The factor of ``step`` (from 0) in a run that is ``progress`` done, 0 to 1."""
        warmup = min(1.0, (step + 1) / max(1, self.config.warmup_steps))
        return warmup * self.decay(step, min(1.0, max(0.0, progress)))

    @abstractmethod
    def decay(self, step: int, progress: float) -> float:
        """The factor without warm-up."""


LR_SCHEDULERS: Registry[LRScheduler] = Registry("lr_scheduler", LRScheduler)
register_lr_scheduler = LR_SCHEDULERS.register
