"""The schema of a run: one field a part of the picture, each holding the configuration of a registered component."""

from dataclasses import dataclass
from typing import Any

from glimmer.criterions.base import CriterionConfig
from glimmer.data.collate import CollatorConfig
from glimmer.data.collection import DataConfig
from glimmer.data.tokenizers.base import TokenizerConfig
from glimmer.models.generation import GenerationConfig
from glimmer.registry import ComponentConfig
from glimmer.tasks.base import TaskConfig
from glimmer.training.callbacks.base import CallbackConfig
from glimmer.training.config import TrainerConfig
from glimmer.training.optimizers.base import OptimizerConfig
from glimmer.training.sampler import SamplerConfig
from glimmer.training.schedulers.base import LRSchedulerConfig


@dataclass(kw_only=True)
class RunConfig:
    """A whole run.

    Fields typed ``Any`` hold the configuration of whatever component was chosen, whose options only it knows.
    """

    run_dir: str
    seed: int
    user_dir: str | None
    data: DataConfig
    collator: CollatorConfig
    tokenizer: TokenizerConfig
    encoder: Any
    memory: ComponentConfig
    join: ComponentConfig
    reranker: Any
    selector: ComponentConfig
    decoder: Any
    model: Any
    tasks: dict[str, TaskConfig]
    criterions: dict[str, CriterionConfig]
    sampler: SamplerConfig
    optimizer: OptimizerConfig
    lr_scheduler: LRSchedulerConfig
    callbacks: dict[str, CallbackConfig]
    trainer: TrainerConfig
    generation: GenerationConfig
