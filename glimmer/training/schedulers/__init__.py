"""Learning-rate schedules, one file each."""

from glimmer.training.schedulers import constant, cosine, inverse_sqrt, linear
from glimmer.training.schedulers.base import LR_SCHEDULERS, LRScheduler, LRSchedulerConfig, register_lr_scheduler

__all__ = [
    "LR_SCHEDULERS",
    "LRScheduler",
    "LRSchedulerConfig",
    "constant",
    "cosine",
    "inverse_sqrt",
    "linear",
    "register_lr_scheduler",
]
