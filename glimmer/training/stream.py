"""The batches of every update, and those of the updates to come."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from glimmer.data.values import Batch, Example
from glimmer.tasks.base import Task
from glimmer.training.config import TrainerConfig
from glimmer.training.distributed import Group
from glimmer.training.passages import PassageSchedule, StageConfig
from glimmer.training.randomness import derive_seed
from glimmer.training.sampler import Draw, Sampler


class Collate(Protocol):
    """Turns examples into a batch with at most ``passages`` candidates a question (None = as configured)."""

    def __call__(
        self,
        examples: Sequence[Example],
        passages: int | None,
        training: bool,
        seeds: Sequence[int],
        window: int | None,
    ) -> Batch:
        """Make the batch; ``seeds``, one an example, decide random choices, ``window`` cuts round the target."""
        ...


@dataclass(frozen=True)
class Update:
    """What an update is made of."""

    stage: StageConfig
    draws: Sequence[Draw]
    """This rank's; they and the stage decide the batches."""
    batches: Sequence[Batch]
    """This rank's micro-batches, on the CPU."""


class BatchStream:
    """Makes the micro-batches of one update after the other, for this rank of ``group``.

    Looking ahead moves nothing: the sampler stands behind what was taken, and what comes differently from what was
    foreseen (a stage may end with any update) is made anew.
    """

    def __init__(
        self,
        config: TrainerConfig,
        *,
        tasks: Mapping[str, Task],
        sampler: Sampler,
        collate: Collate,
        schedule: PassageSchedule,
        group: Group,
    ) -> None:
        self._config, self._group = config, group
        self._tasks, self._sampler, self._schedule, self.collate = tasks, sampler, schedule, collate
        self._foreseen: list[Update] = []

    def take(self, step: int) -> Update:
        """Draw the update of ``step`` (from 0), which must be the next."""
        return self._update(self._sampler, step)

    def coming(self, step: int, count: int, stop: int | None) -> list[Batch]:
        """The micro-batches from the update of ``step`` on, as far as can be foreseen.

        They are ``count`` or more, whole updates, but none of the update ``stop`` and beyond.
        """
        sampler, found = self._sampler.fork(), list[Update]()
        while sum(len(update.batches) for update in found) < count and step + len(found) != stop:
            found.append(self._update(sampler, step + len(found)))
        self._foreseen = found
        return [batch for update in found for batch in update.batches]

    def _update(self, sampler: Sampler, step: int) -> Update:
        stage = self._schedule.stage(step)
        count = stage.questions or self._config.questions
        draws = sampler.draw(count, stage.tasks)[self._group.rank :: self._group.world]
        for update in self._foreseen:
            if (update.stage, update.draws) == (stage, draws):
                return update
        return Update(stage, draws, self._batches(stage, draws))

    def _batches(self, stage: StageConfig, draws: Sequence[Draw]) -> list[Batch]:
        """Batches of examples alike in length: padding costs time."""
        examples = [self._tasks[d.task].example("train", d.index, random.Random(d.seed)) for d in draws]
        drawn = [(example, derive_seed(d.seed, "collate")) for example, d in zip(examples, draws, strict=True)]
        size = self._config.micro_questions or len(drawn)
        if size < len(drawn):
            drawn.sort(key=lambda item: _length(item[0], stage))
        return [self._collated(drawn[i : i + size], stage) for i in range(0, len(drawn), size)]

    def _collated(self, drawn: Sequence[tuple[Example, int]], stage: StageConfig) -> Batch:
        examples, seeds = [example for example, _ in drawn], [seed for _, seed in drawn]
        return self.collate(examples, passages=stage.passages, training=True, seeds=seeds, window=stage.window)


def _length(example: Example, stage: StageConfig) -> tuple[int, bool, int]:
    """Order examples by what they will be padded to: the target, whether a window cuts the passages, the passages."""
    texts = [candidate.passage.text for candidate in example.candidates[: stage.passages]]
    whole = stage.window is None or not any(example.target in text for text in texts)
    return len(example.target) // 40, whole, max(map(len, texts), default=0)
