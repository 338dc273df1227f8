"""Options of the trainer."""

import re
from dataclasses import dataclass

from glimmer.errors import ConfigError, suggest
from glimmer.registry import option
from glimmer.training.passages import StageConfig

PRECISIONS = ("fp32", "bf16")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(kw_only=True)
class TrainerConfig:
    """Options of the loop; a run ends at ``steps`` or after ``minutes``, whichever comes first."""

    steps: int | None = option(10_000, "Updates in all; null = as many as the minutes allow")
    minutes: float | None = option(
        None, "Time limit over all resumptions, evaluation included; such a run is not bit-reproducible"
    )
    questions: int = option(32, "Questions an update, over all micro-batches and ranks")
    micro_questions: int | None = option(None, "Questions in one forward pass at most; null = the whole update at once")
    precision: str = option("fp32", "fp32, or bf16 (autocast; weights and optimizer stay fp32)")
    clip: float | None = option(1.0, "Largest norm of the gradient; null = no clipping")
    compile: bool = option(False, "Compile the layers with torch.compile; takes a minute or more, pays in long runs")
    device: str = option("auto", "auto (cuda where there is one), cpu or cuda")
    processes: int | None = option(
        1,
        "Processes on this machine that share every update, one a CUDA device at most; torchrun's number goes first. "
        "null = two on a CPU's cores, which trains a small reader 1.3 times as fast as one, and one on CUDA",
    )
    deterministic: bool = option(True, "Use only operations that give the same bits every time")
    log_every: int = option(20, "Steps between two log entries, which hold the means since the last")
    stages: list[StageConfig] = option([StageConfig()], "Number of passages over time; one stage = always the same")
    replay_every: int | None = option(4, "Every so many steps replay the stage before; null = never")
    initialise: str | None = option(
        None, "Weights (a checkpoint or an exported file) to start from; package:NAME = shipped ones"
    )
    fresh: str | None = option(
        None, "Regular expression: parameters in whose names it is found start anew, whatever initialise has for them"
    )

    def __post_init__(self) -> None:
        if self.steps is None and self.minutes is None:
            raise ConfigError("trainer: steps and minutes are both null; one of them must end the run")
        for key in ("steps", "minutes", "micro_questions", "clip", "processes"):
            value = getattr(self, key)
            if value is not None and value <= 0:
                raise ConfigError(f"trainer.{key} is {value}; it must be positive, or null")
        for key in ("questions", "log_every"):
            if getattr(self, key) < 1:
                raise ConfigError(f"trainer.{key} is {getattr(self, key)}; it must be at least 1")
        if self.fresh is not None:
            if self.initialise is None:
                raise ConfigError("trainer.fresh leaves out of trainer.initialise what starts anew, and that is null")
            try:
                re.compile(self.fresh)
            except re.error as error:
                raise ConfigError(f"trainer.fresh: {self.fresh!r} is no regular expression: {error}") from None
        if self.replay_every is not None and self.replay_every < 2:
            raise ConfigError(f"trainer.replay_every is {self.replay_every}; it must be at least 2, or null")
        for key, choices in (("precision", PRECISIONS), ("device", DEVICES)):
            if getattr(self, key) not in choices:
                raise ConfigError(
                    f"trainer.{key}: unknown {getattr(self, key)!r}; {suggest(getattr(self, key), choices)}"
                )

    def check_ranks(self, ranks: int) -> None:
        """Refuse more ranks than the smallest update has questions.

        Raises:
            ConfigError: a rank would have nothing to do.
        """
        fewest = min(stage.questions or self.questions for stage in self.stages)
        if fewest < ranks:
            raise ConfigError(f"trainer.questions: {fewest} an update are too few for {ranks} ranks")
