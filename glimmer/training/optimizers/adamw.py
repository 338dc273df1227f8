"""AdamW."""

from dataclasses import dataclass
from typing import Any

import torch

from glimmer.errors import ConfigError
from glimmer.registry import option
from glimmer.training.optimizers.base import OptimizerConfig, register_optimizer


@dataclass(kw_only=True)
class AdamWConfig(OptimizerConfig):
    """Options of AdamW."""

    beta1: float = option(0.9, "Decay of the mean of gradients")
    beta2: float = option(0.98, "Decay of the mean of squared gradients")
    epsilon: float = option(1e-8, "Added to the root of the mean square")
    fused: bool = option(True, "One kernel for all parameters; same rule, faster")

    def __post_init__(self) -> None:
        super().__post_init__()
        for key in ("beta1", "beta2"):
            if not 0 <= getattr(self, key) < 1:
                raise ConfigError(f"optimizer.{key} is {getattr(self, key)}; it must lie in [0, 1)")
        if self.epsilon < 0:
            raise ConfigError(f"optimizer.epsilon is {self.epsilon}; it must be at least 0")


@register_optimizer("adamw", AdamWConfig)
class AdamW(torch.optim.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101)."""

    def __init__(self, config: AdamWConfig, groups: list[dict[str, Any]]) -> None:
        super().__init__(
            groups,
            lr=config.lr,
            betas=(config.beta1, config.beta2),
            eps=config.epsilon,
            weight_decay=config.weight_decay,
            fused=config.fused,
        )
