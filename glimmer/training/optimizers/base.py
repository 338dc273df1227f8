"""Optimizers over parameter groups that the configuration names by pattern."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from glimmer.errors import ConfigError
from glimmer.options import Options, option
from glimmer.registry import ComponentConfig, Registry


@dataclass(kw_only=True)
class ParameterGroupConfig(Options):
    """A group of parameters with a learning rate and a weight decay of its own."""

    pattern: str = option("", "Regular expression, searched for in the parameters' names")
    lr_scale: float = option(1.0, "Factor on the learning rate; 0 freezes the group", least=0)
    weight_decay: float | None = option(None, "Weight decay of the group; null = as outside the groups", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_pattern("pattern")


@dataclass(kw_only=True)
class OptimizerConfig(ComponentConfig):
    """Options that every optimizer has."""

    lr: float = option(1e-3, "Learning rate at the schedule's height", above=0)
    weight_decay: float = option(0.0, "Decoupled weight decay of matrices; vectors (norms, biases) have none", least=0)
    groups: dict[str, ParameterGroupConfig] = option(
        {}, "Parameter groups by name: {pattern, lr_scale, weight_decay}; the first that matches a parameter has it"
    )


def parameter_groups(config: OptimizerConfig, parameters: Iterable[tuple[str, nn.Parameter]]) -> list[dict[str, Any]]:
    """Sort named parameters into the groups of ``config``; frozen parameters are left out.

    Every group of the result holds ``params``, ``name`` (None outside the groups), ``lr``, ``lr_scale`` and
    ``weight_decay``, and is split where matrices decay and vectors do not.

    Raises:
        ConfigError: a group's pattern matches no parameter that trains.
    """
    trained = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
    for called, group in config.groups.items():
        require_match(f"optimizer.groups.{called}.pattern", group.pattern, [name for name, _ in trained], "that trains")
    groups: dict[tuple[str | None, float], dict[str, Any]] = {}
    for name, parameter in trained:
        # None, since a group may be called anything.
        key = next((key for key, group in config.groups.items() if re.search(group.pattern, name)), None)
        group = ParameterGroupConfig() if key is None else config.groups[key]
        decay = group.weight_decay
        if decay is None:
            decay = config.weight_decay if parameter.ndim > 1 else 0.0
        made = groups.setdefault(
            (key, decay),
            {"params": [], "name": key, "lr": config.lr, "lr_scale": group.lr_scale, "weight_decay": decay},
        )
        made["params"].append(parameter)
    return list(groups.values())


def set_learning_rate(optimizer: Optimizer, lr: float) -> None:
    """Set the learning rate of every group to ``lr`` times its scale."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group["lr_scale"]


def require_match(key: str, pattern: str, names: Sequence[str], which: str) -> None:
    """Refuse the regular expression at ``key`` if it is found in none of ``names``, those of the parameters ``which``.

    Raises:
        ConfigError: it is not; lists what the names are made of.
    """
    if not any(re.search(pattern, name) for name in names):
        parts = sorted({part for name in names for part in name.split(".") if not part.isdigit()})
        raise ConfigError(
            f"{key} {pattern!r} matches no parameter {which}; their names are made of: {', '.join(parts)}"
        )


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", Optimizer)
register_optimizer = OPTIMIZERS.register
"""An optimizer is built from its configuration and the result of ``parameter_groups``."""
