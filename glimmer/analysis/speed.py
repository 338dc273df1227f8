"""How long an update and the closing evaluation take, before a comparison is planned."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from glimmer.config.schema import RunConfig
from glimmer.data.tokenizers import Tokenizer
from glimmer.training.build import build_trainer, choose_device
from glimmer.training.distributed import Group
from glimmer.training.launch import launch
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

    It takes as many processes as the first system's run does. The first round is not counted. Untrained readers decode
    their longest answers, so evaluation is measured high.
    """
    first = next(iter(configs.values()))
    return launch(partial(_measure, dict(configs), split, limit), first.trainer.processes, first.user_dir)


def _measure(configs: Mapping[str, RunConfig], split: str, limit: int | None) -> dict[str, Speed]:
    first = next(iter(configs.values()))
    with Group.from_environment(choose_device(first.trainer).type) as group:
        trainers = {system: _trainer(config, group) for system, config in configs.items()}
        updates = _time_updates(trainers)
        return {
            system: Speed(updates[system], group.on_main(partial(_evaluation, trainer, split, limit)))
            for system, trainer in trainers.items()
        }


def _time_updates(trainers: Mapping[str, Trainer]) -> dict[str, float]:
    """Seconds of an update of every system."""
    seconds = dict.fromkeys(trainers, 0.0)
    for round_number in range(ROUNDS + 1):
        for system, trainer in trainers.items():
            trainer.config = replace(trainer.config, steps=trainer.step + UPDATES)
            before = trainer.elapsed
            trainer.fit()
            if round_number:
                seconds[system] += trainer.elapsed - before
    return {system: total / (ROUNDS * UPDATES) for system, total in seconds.items()}


def _trainer(config: RunConfig, group: Group) -> Trainer:
    """A trainer that writes nothing and stays in the run's last stage."""
    options = replace(config.trainer, stages=config.trainer.stages[-1:], replay_every=None, minutes=None, steps=1)
    tokenizer: Tokenizer = prepare_tokenizer(config, group)
    return build_trainer(replace(config, trainer=options, callbacks={}), tokenizer, group)


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
