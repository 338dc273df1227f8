"""Moving average of the weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glimmer.options import option
from glimmer.training.callbacks.base import Callback, CallbackConfig, register_callback
from glimmer.training.trainer import Trainer


@dataclass(kw_only=True)
class EMAConfig(CallbackConfig):
    """Options of the moving average."""

    decay: float = option(
        0.999, "Weight of the past; less in the beginning: at most (1 + step) / (10 + step)", least=0, below=1
    )


@register_callback("ema", EMAConfig)
class EMA(Callback):
    """Keeps an exponential moving average of the trained weights; evaluation and the best checkpoint use it.

    What a memory learns besides parameters stays as it is: codebooks are moving averages of states already, and a code
    that is drawn again must not be left halfway.
    """

    config: EMAConfig

    def __init__(self, config: EMAConfig) -> None:
        super().__init__(config)
        self._average: dict[str, Tensor] = {}

    def on_start(self, trainer: Trainer) -> None:
        """Begin from the weights as they are, unless resumed."""
        self._average = {
            name: self._average.get(name, parameter.detach().clone()).to(parameter.device)
            for name, parameter in trainer.reader.named_parameters()
            if parameter.requires_grad
        }

    @torch.no_grad()
    def on_update(self, trainer: Trainer) -> None:
        """Take in the new weights."""
        decay = min(self.config.decay, (1 + trainer.step) / (10 + trainer.step))
        parameters = dict(trainer.reader.named_parameters())
        torch._foreach_lerp_(list(self._average.values()), [parameters[name] for name in self._average], 1 - decay)

    def weights(self) -> Mapping[str, Tensor]:
        """The average, by parameter name."""
        return self._average

    def state_dict(self) -> dict[str, Any]:
        """The average."""
        return {"average": self._average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on averaging."""
        self._average = dict(state["average"])
