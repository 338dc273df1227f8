"""Saving."""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glimmer.data.files import writing
from glimmer.options import option
from glimmer.training.callbacks.base import Callback, CallbackConfig, Results, register_callback
from glimmer.training.checkpoint import save_checkpoint
from glimmer.training.trainer import Trainer

FOLDER, LAST, BEST = "checkpoints", "last.pt", "best.pt"


@dataclass(kw_only=True)
class CheckpointConfig(CallbackConfig):
    """Options of checkpoints; there is one at the end, and on SIGINT and SIGTERM, in any case."""

    every: int | None = option(1000, "Steps between two checkpoints; null = by time alone", least=1)
    minutes: float | None = option(5.0, "Minutes between two checkpoints; null = by steps alone", above=0)
    keep: int = option(0, "How many earlier checkpoints to keep beside the last, as step-N.pt", least=0)
    best: bool = option(True, "Keep the weights that scored best in evaluation as best.pt")


@register_callback("checkpoint", CheckpointConfig)
class Checkpoint(Callback):
    """Saves ``checkpoints/last.pt``, from which a run resumes exactly, and ``best.pt``, the best weights."""

    config: CheckpointConfig

    def __init__(self, config: CheckpointConfig) -> None:
        super().__init__(config)
        self._best = -math.inf
        self._saved_at = 0.0

    def on_start(self, trainer: Trainer) -> None:
        """Time from here."""
        self._saved_at = time.monotonic()

    def on_evaluation(self, trainer: Trainer, results: Results, score: float) -> None:
        """Save the weights in the reader, those that were evaluated, if they are the best so far."""
        if score <= self._best:
            return
        self._best = score
        if self.config.best and trainer.group.is_main:
            save_checkpoint(
                trainer.run_dir / FOLDER / BEST,
                {
                    "model": trainer.reader.state_dict(),
                    "config": trainer.run_config,
                    "step": trainer.step,
                    "score": score,
                    "results": {task: dict(metrics) for task, metrics in results.items()},
                },
            )

    def on_boundary(self, trainer: Trainer) -> None:
        """Save the whole run when it is due."""
        if not trainer.group.is_main:
            return
        minutes = (time.monotonic() - self._saved_at) / 60
        if (
            trainer.finished
            or trainer.interrupted is not None
            or (self.config.every is not None and trainer.step % self.config.every == 0)
            or (self.config.minutes is not None and minutes >= self.config.minutes)
        ):
            folder = trainer.run_dir / FOLDER
            save_checkpoint(folder / LAST, trainer.state_dict())
            self._keep(folder, trainer.step)
            self._saved_at = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """The best score so far."""
        return {"best": self._best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the best score."""
        self._best = state["best"]

    def _keep(self, folder: Path, step: int) -> None:
        """Keep what was just saved under a name of its own, and drop the oldest beyond ``keep``."""
        if not self.config.keep:
            return
        name = folder / f"step-{step}.pt"
        with writing(name):
            name.unlink(missing_ok=True)
            os.link(folder / LAST, name)  # last.pt is replaced by renaming, so the link keeps today's content
        kept = sorted(folder.glob("step-*.pt"), key=lambda path: int(path.stem.removeprefix("step-")))
        for path in kept[: -self.config.keep]:
            path.unlink()
