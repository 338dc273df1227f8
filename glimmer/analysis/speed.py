"""How long an update and the closing evaluation take, before a comparison is planned."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

from glimmer.analysis.runs import candidates_of, served, time_runs
from glimmer.config.schema import RunConfig
from glimmer.data.tokenizers import Tokenizer
from glimmer.errors import InterruptionError
from glimmer.inference.run import LoadedRun, untrained_run
from glimmer.training.build import build_trainer, choose_device, choose_processes
from glimmer.training.distributed import Group
from glimmer.training.launch import launch
from glimmer.training.run import prepare_tokenizer
from glimmer.training.trainer import Trainer

UPDATES, ROUNDS, SAMPLE = 4, 3, 16


@dataclass(frozen=True)
class Speed:
    """Seconds of one run."""

    update: float
    """An update of the last, largest stage."""
    evaluation: float
    """The closing evaluation of all tasks, and the closing timing."""


def measure_speed(configs: Mapping[str, RunConfig], split: str, limit: int | None, timed: int) -> dict[str, Speed]:
    """Train every system for a few updates in turn, and answer a few questions of every task.

    Systems that train with the same number of processes are timed alternately; the first round is not counted.
    ``timed`` is how often the closing timing answers a question of every task, repeats included.

    Raises:
        InterruptionError: a signal asked to stop.
    """
    by_processes: dict[int, dict[str, RunConfig]] = {}
    for system, config in configs.items():
        by_processes.setdefault(choose_processes(config.trainer), {})[system] = config
    updates: dict[str, float] = {}
    for processes, alike in by_processes.items():
        updates |= launch(partial(_measure_updates, alike), processes, next(iter(alike.values())).user_dir)
    return {
        system: Speed(updates[system], _evaluation(run, split, limit) + _timing(run, split, timed))
        for system, run in ((system, untrained_run(config)) for system, config in configs.items())
    }


def _measure_updates(configs: Mapping[str, RunConfig]) -> dict[str, float]:
    first = next(iter(configs.values()))
    with Group.from_environment(choose_device(first.trainer).type) as group:
        trainers = {system: timed_trainer(config, group) for system, config in configs.items()}
        return {system: fmean(times) for system, times in time_updates(trainers, UPDATES, ROUNDS).items()}


def time_updates(trainers: Mapping[str, Trainer], updates: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of an update of every trainer: for each round the mean of its ``updates``, all trainers in turn.

    A round goes before that does not count.

    Raises:
        InterruptionError: a signal asked to stop.
    """
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for round_number in range(rounds + 1):
        for name, trainer in trainers.items():
            trainer.config = replace(trainer.config, steps=trainer.step + updates)
            before = trainer.elapsed
            trainer.fit()
            if trainer.interrupted is not None:
                raise InterruptionError(f"stopped by {trainer.interrupted} while measuring speed: nothing was saved")
            if round_number:
                seconds[name].append((trainer.elapsed - before) / updates)
    return seconds


def timed_trainer(config: RunConfig, group: Group) -> Trainer:
    """A trainer that writes nothing and stays in the run's last stage."""
    options = replace(config.trainer, stages=config.trainer.stages[-1:], replay_every=None, minutes=None, steps=1)
    tokenizer: Tokenizer = prepare_tokenizer(config, group)
    return build_trainer(replace(config, trainer=options, callbacks={}), tokenizer, group)


def _evaluation(run: LoadedRun, split: str, limit: int | None) -> float:
    """Seconds of ``evaluate_run``, from a few questions of every task and the passages that they need."""
    questions = min(SAMPLE, limit or SAMPLE)
    needed, sampled = (len(candidates_of(run, run.supervised, split, count)) for count in (limit, questions))
    start = time.monotonic()
    with served(run, run.supervised, split, questions) as reading:
        seconds = (time.monotonic() - start) * needed / sampled
        for key in run.supervised:
            start = time.monotonic()
            answered = len(reading.evaluate(key, split, limit=questions).predictions)
            size = run.task(key).size(split)
            seconds += (time.monotonic() - start) * min(size, limit or size) / answered
    return seconds


def _timing(run: LoadedRun, split: str, timed: int) -> float:
    """Seconds of ``time_runs``, from one question of every task."""
    (timing,) = time_runs([run], split, questions=1, repeats=1)
    return timed * len(run.supervised) * timing.total / 1000
