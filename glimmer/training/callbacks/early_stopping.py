"""Early stopping."""

import math
from dataclasses import dataclass
from typing import Any

from glimmer.options import option
from glimmer.training.callbacks.base import Callback, CallbackConfig, Results, register_callback
from glimmer.training.trainer import Trainer


@dataclass(kw_only=True)
class EarlyStoppingConfig(CallbackConfig):
    """Options of early stopping."""

    patience: int = option(5, "Evaluations in a row without improvement after which the run ends", least=1)
    least: float = option(0.0, "Improvements of the score must be greater than this to count")


@register_callback("early_stopping", EarlyStoppingConfig)
class EarlyStopping(Callback):
    """Ends the run when evaluation has not improved for a while; its patience survives a restart."""

    config: EarlyStoppingConfig

    def __init__(self, config: EarlyStoppingConfig) -> None:
        super().__init__(config)
        self._best = -math.inf
        self._waited = 0

    def on_evaluation(self, trainer: Trainer, results: Results, score: float) -> None:
        """Count evaluations without improvement."""
        if score > self._best + self.config.least:
            self._best, self._waited = score, 0
            return
        self._waited += 1
        if self._waited >= self.config.patience:
            trainer.stop(f"no improvement on {self._best:.4f} in {self._waited} evaluations")

    def state_dict(self) -> dict[str, Any]:
        """Best score and evaluations since."""
        return {"best": self._best, "waited": self._waited}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on waiting."""
        self._best, self._waited = state["best"], state["waited"]
