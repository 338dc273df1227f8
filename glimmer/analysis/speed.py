"""How long an update and the closing evaluation take, before a comparison is planned."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from glimmer.config.schema import RunConfig
from glimmer.data.tokenizers import Tokenizer
from glimmer.training.build import build_trainer
from glimmer.training.distributed import Group
from glimmer.training.run import prepare_tokenizer
from glimmer.training.trainer import Trainer

UPDATES, ROUNDS, SAMPLE = 4, 3, 8


@dataclass(frozen=True)
class Speed:
    """Seconds of one run."""

    update: float
    """An update of the last, largest stage."""
    evaluation: float
    """The closing evaluation of all tasks."""


def measure_speed(configs: Mapping[str, RunConfig], split: str, limit: int | None) -> dict[str, Speed]:
    """Train every system for a few updates in turn, and answer a few questions of every task.

    The first round is not counted. Untrained readers decode their longest answers, so evaluation is measured high.
    """
    trainers = {system: _trainer(config) for system, config in configs.items()}
    seconds = dict.fromkeys(configs, 0.0)
    for round_number in range(ROUNDS + 1):
        for system, trainer in trainers.items():
            trainer.config = replace(trainer.config, steps=trainer.step + UPDATES)
            before = trainer.elapsed
            trainer.fit()
            if round_number:
                seconds[system] += trainer.elapsed - before
    return {
        system: Speed(seconds[system] / (ROUNDS * UPDATES), _evaluation(trainer, split, limit))
        for system, trainer in trainers.items()
    }


def _trainer(config: RunConfig) -> Trainer:
    """A trainer that writes nothing and stays in the run's last stage."""
    options = replace(config.trainer, stages=config.trainer.stages[-1:], replay_every=None, minutes=None, steps=1)
    tokenizer: Tokenizer = prepare_tokenizer(config, Group())
    return build_trainer(replace(config, trainer=options, callbacks={}), tokenizer)


def _evaluation(trainer: Trainer, split: str, limit: int | None) -> float:
    assert trainer.evaluate is not None
    seconds = 0.0
    for task in trainer.tasks.values():
        if task.supervised:
            count = min(task.size(split), limit or task.size(split))
            sample = min(SAMPLE, count)
            start = time.monotonic()
            trainer.evaluate(task, split, sample)
            seconds += (time.monotonic() - start) * count / sample
    return seconds
