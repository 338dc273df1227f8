"""Every logged value as a line of JSON."""

import json
import math
import os
from pathlib import Path
from typing import Any, TextIO

from glimmer.data.files import writing
from glimmer.training.callbacks.base import Callback, CallbackConfig, LogEntry, register_callback
from glimmer.training.trainer import Trainer


@register_callback("metrics_jsonl")
class MetricsJsonl(Callback):
    """Writes ``metrics.jsonl``: a line per log entry and task, ``{step, kind, task, name: value, …}``.

    The file of a resumed run goes on where its checkpoint was made, so it is the file of a run left alone.
    """

    def __init__(self, config: CallbackConfig) -> None:
        super().__init__(config)
        self._length = 0
        self._file: TextIO | None = None

    def on_start(self, trainer: Trainer) -> None:
        """Open the file, and cut off what a killed run wrote after its last checkpoint."""
        if trainer.group.is_main:
            path = Path(trainer.run_dir) / "metrics.jsonl"
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
                os.truncate(path, min(self._length, path.stat().st_size))
                self._file = path.open("a", encoding="utf-8")

    def on_log(self, trainer: Trainer, entry: LogEntry) -> None:
        """Write a line; a value that is not finite becomes null, as JSON has no other word for it."""
        if self._file is not None:
            values = {name: value if math.isfinite(value) else None for name, value in entry.values.items()}
            line = {"step": entry.step, "kind": entry.kind, "task": entry.task, **values}
            with writing(Path(self._file.name)):
                self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
                self._file.flush()
                self._length = self._file.tell()

    def on_end(self, trainer: Trainer, error: BaseException | None) -> None:
        """Close the file."""
        if self._file is not None:
            file, self._file = self._file, None
            with writing(Path(file.name)):
                file.close()

    def state_dict(self) -> dict[str, Any]:
        """How long the file is, in bytes; what was written so far is on disk before the checkpoint is."""
        if self._file is not None:
            with writing(Path(self._file.name)):
                os.fsync(self._file.fileno())
        return {"length": self._length}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after so many bytes."""
        self._length = state["length"]
