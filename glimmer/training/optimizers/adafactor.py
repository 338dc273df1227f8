"""Adafactor."""

from dataclasses import dataclass
from typing import Any

import torch

from glimmer.options import option
from glimmer.training.optimizers.base import OptimizerConfig, register_optimizer


@dataclass(kw_only=True)
class AdafactorConfig(OptimizerConfig):
    """Options of Adafactor; the papers train with a constant learning rate of 1e-4."""

    lr: float = option(
        1e-4, "Learning rate relative to the parameters' root mean square, at the schedule's height", above=0
    )
    decay: float = option(-0.8, "Exponent c of the second moment's decay, 1 - step^c", most=0)
    clip_threshold: float = option(1.0, "Largest root mean square of an update before the learning rate", least=1)
    epsilon_gradient: float = option(1e-30, "Smallest second moment", least=0)
    epsilon_parameter: float = option(
        1e-3, "Smallest root mean square of a parameter that an update is scaled by", least=0
    )


@register_optimizer("adafactor", AdafactorConfig)
class Adafactor(torch.optim.Adafactor):
    """Adam's second moment by rows and columns, updates relative to the weights' size (arXiv 1804.04235)."""

    def __init__(self, config: AdafactorConfig, groups: list[dict[str, Any]]) -> None:
        # torch floors the second moment at the square of its first epsilon; T5X floors it at epsilon itself.
        super().__init__(
            groups,
            lr=config.lr,
            beta2_decay=config.decay,
            eps=(config.epsilon_gradient**0.5, config.epsilon_parameter),
            d=config.clip_threshold,
            weight_decay=config.weight_decay,
        )
