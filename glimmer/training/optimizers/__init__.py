"""Optimizers, one file each."""

from glimmer.training.optimizers import adafactor, adamw
from glimmer.training.optimizers.base import (
    OPTIMIZERS,
    OptimizerConfig,
    ParameterGroupConfig,
    parameter_groups,
    register_optimizer,
    require_match,
    set_learning_rate,
)

__all__ = [
    "OPTIMIZERS",
    "OptimizerConfig",
    "ParameterGroupConfig",
    "adafactor",
    "adamw",
    "parameter_groups",
    "register_optimizer",
    "require_match",
    "set_learning_rate",
]
