"""The progress bar."""

import sys
from dataclasses import dataclass

from tqdm import tqdm

from glimmer.options import option
from glimmer.training.callbacks.base import Callback, CallbackConfig, register_callback
from glimmer.training.callbacks.speed import Speed
from glimmer.training.trainer import Trainer

SMOOTHING = 0.98
"""Weight of the past in the shown loss."""


@dataclass(kw_only=True)
class ProgressConfig(CallbackConfig):
    """Options of the progress bar."""

    label: str | None = option(None, "What stands before the bar; the name of the run's folder when null")
    interval: float = option(0.5, "Seconds between redraws of a terminal's bar")
    interval_file: float = option(30.0, "Seconds between lines where the output is no terminal")


@register_callback("progress", ProgressConfig)
class Progress(Callback):
    """Draws a bar with the step, the loss, questions and tokens a second, and the time left."""

    config: ProgressConfig

    def __init__(self, config: ProgressConfig) -> None:
        super().__init__(config)
        self._bar: tqdm[None] | None = None
        self._speed = Speed()
        self._shown = 0.0
        self._began = (0.0, 0.0)
        self._loss: float | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Draw the bar where the run stands."""
        if not trainer.group.is_main:
            return
        self._began = (trainer.elapsed, trainer.progress)
        self._shown = trainer.elapsed
        self._speed.start(trainer)
        self._bar = tqdm(
            total=100,
            initial=100 * min(1.0, trainer.progress),
            desc=self.config.label or trainer.run_dir.name,
            bar_format="{desc} {percentage:3.0f}%|{bar}|{postfix}",
            dynamic_ncols=True,
            mininterval=0,
        )

    def on_update(self, trainer: Trainer) -> None:
        """Redraw the bar when it is due."""
        before = trainer.loss if self._loss is None else self._loss
        self._loss = SMOOTHING * before + (1 - SMOOTHING) * trainer.loss
        interval = self.config.interval if sys.stderr.isatty() else self.config.interval_file
        if self._bar is None or (trainer.elapsed - self._shown < interval and not trainer.finished):
            return
        self._shown = trainer.elapsed
        rates = self._speed.measure(trainer)
        parts = [f" step {trainer.step}", f"loss {self._loss:.3f}"]
        if rates:
            parts.append(f"{rates['questions_per_second']:.0f} questions/s")
            parts.append(f"{rates['tokens_per_second'] / 1000:.1f}k tokens/s")
        parts.append(f"{tqdm.format_interval(self._left(trainer))} left")
        self._bar.set_postfix_str(", ".join(parts), refresh=False)
        self._bar.update(100 * min(1.0, trainer.progress) - self._bar.n)
        self._bar.refresh()

    def on_end(self, trainer: Trainer, error: BaseException | None) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _left(self, trainer: Trainer) -> float:
        """Seconds to the end at the pace since the start or resumption."""
        seconds, done = trainer.elapsed - self._began[0], trainer.progress - self._began[1]
        return seconds * max(0.0, 1 - trainer.progress) / done if done > 0 else 0.0
