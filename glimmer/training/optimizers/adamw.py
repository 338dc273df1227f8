"""AdamW."""

from dataclasses import dataclass
from typing import Any

import torch

from glimmer.options import option
from glimmer.training.optimizers.base import OptimizerConfig, register_optimizer


@dataclass(kw_only=True)
class AdamWConfig(OptimizerConfig):
    """Options of AdamW."""

    beta1: float = option(0.9, "Decay of the mean of gradients", least=0, below=1)
    beta2: float = option(0.98, "Decay of the mean of squared gradients", least=0, below=1)
    epsilon: float = option(1e-8, "Added to the root of the mean square", least=0)
    fused: bool = option(True, "One kernel for all parameters; same rule, faster")


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
