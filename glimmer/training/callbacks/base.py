"""What can be hung on the training loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from glimmer.registry import ComponentConfig, Registry

if TYPE_CHECKING:
    from glimmer.training.trainer import Trainer

Results = Mapping[str, Mapping[str, float]]
"""Task → metric → value; a task's headline metric stands first."""


@dataclass(frozen=True)
class LogEntry:
    """Values to be logged, the same in a repeated run bit by bit (times do not belong here)."""

    step: int
    """Updates made so far."""
    kind: str
    """``train`` or ``evaluation``."""
    task: str | None
    """None: over all tasks."""
    values: Mapping[str, float]


@dataclass(kw_only=True)
class CallbackConfig(ComponentConfig):
    """Options of a callback."""


class Callback:
    """Watches the loop; override the hooks that matter.

    Within a step the hooks run in this order, each for all callbacks as the configuration lists them:
    ``on_update`` → ``on_log`` (at the logging interval) → ``on_step`` → ``on_boundary``. All ranks run all hooks;
    only ``trainer.group.is_main`` writes. What a callback remembers belongs into its state.
    """

    def __init__(self, config: CallbackConfig) -> None:
        self.config = config

    def check(self, trainer: "Trainer") -> None:
        """Refuse a run that cannot be watched to its end; nothing is written yet, a resumed state is loaded."""

    def on_start(self, trainer: "Trainer") -> None:
        """Training begins or goes on; a resumed state is already loaded."""

    def on_update(self, trainer: "Trainer") -> None:
        """The parameters have just changed; ``trainer.step`` counts this update; gradients are still there."""

    def on_log(self, trainer: "Trainer", entry: LogEntry) -> None:
        """Values are ready to be written."""

    def on_step(self, trainer: "Trainer") -> None:
        """The step is over: the time to evaluate, and to call ``trainer.stop``."""

    def on_evaluation(self, trainer: "Trainer", results: Results, score: float) -> None:
        """Every task was evaluated; ``score`` is what best checkpoint and early stopping go by, higher = better."""

    def on_boundary(self, trainer: "Trainer") -> None:
        """Every callback has seen the step: the time to save, for all states are those of this step."""

    def on_end(self, trainer: "Trainer", error: BaseException | None) -> None:
        """Training is over, was interrupted, or failed with ``error``: the time to close files."""

    def weights(self) -> Mapping[str, Tensor] | None:
        """Weights by name that evaluation and the best checkpoint use in place of the trained ones."""
        return None

    def state_dict(self) -> dict[str, Any]:
        """What must survive a restart, as tensors and plain types."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``."""


CALLBACKS: Registry[Callback] = Registry("callback", Callback)
register_callback = CALLBACKS.register
