"""TensorBoard events."""

from dataclasses import dataclass
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from glimmer.data.files import writing
from glimmer.options import option
from glimmer.training.callbacks.base import Callback, CallbackConfig, LogEntry, register_callback
from glimmer.training.callbacks.speed import Speed
from glimmer.training.trainer import Trainer


@dataclass(kw_only=True)
class TensorBoardConfig(CallbackConfig):
    """Options of TensorBoard logging."""

    histograms_every: int | None = option(
        500, "Steps between histograms of weights and gradients; null = none", least=1
    )


@register_callback("tensorboard", TensorBoardConfig)
class TensorBoard(Callback):
    """Writes scalars of every log entry, speed, and histograms of weights and gradients to ``tensorboard/``."""

    config: TensorBoardConfig

    def __init__(self, config: TensorBoardConfig) -> None:
        super().__init__(config)
        self._writer: SummaryWriter | None = None
        self._speed = Speed()

    def on_start(self, trainer: Trainer) -> None:
        """Open the events; those after the step that a run goes on from, or begins at, are to be ignored."""
        if trainer.group.is_main:
            folder = Path(trainer.run_dir) / "tensorboard"
            with writing(folder):
                self._writer = SummaryWriter(str(folder), purge_step=trainer.step + 1)
            self._speed.start(trainer)

    def on_update(self, trainer: Trainer) -> None:
        """Write histograms when they are due."""
        every = self.config.histograms_every
        if self._writer is None or every is None or trainer.step % every:
            return
        for name, parameter in trainer.reader.named_parameters():
            self._writer.add_histogram(f"weights/{name}", parameter, trainer.step)
            if parameter.grad is not None:
                self._writer.add_histogram(f"gradients/{name}", parameter.grad, trainer.step)

    def on_log(self, trainer: Trainer, entry: LogEntry) -> None:
        """Write every value as a scalar, and the speed beside those of training."""
        if self._writer is None:
            return
        place = "/".join(part for part in (entry.kind, entry.task) if part)
        for name, value in entry.values.items():
            self._writer.add_scalar(f"{place}/{name}", value, entry.step)
        if entry.kind == "train" and entry.task is None:
            for name, value in self._speed.measure(trainer).items():
                self._writer.add_scalar(f"speed/{name}", value, entry.step)

    def on_end(self, trainer: Trainer, error: BaseException | None) -> None:
        """Close the events."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
