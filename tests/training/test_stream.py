"""The batches of updates: drawn in turn, looked ahead to without a trace, made anew where the future came otherwise."""

import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import correlation
from typing import Any

import pytest
from small_readers import small_batch

from glimmer.data.values import Batch, Example
from glimmer.tasks.base import Task, TaskConfig
from glimmer.training.config import TrainerConfig
from glimmer.training.distributed import Group
from glimmer.training.passages import PassageSchedule, StageConfig
from glimmer.training.sampler import Sampler, SamplerConfig
from glimmer.training.stream import BatchStream

SIZE = 50


class Drawing(Task):
    """Examples that tell what they were drawn by."""

    def count(self, split: str) -> int:
        return SIZE

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        return Example(f"{self.key}{index}", self.key, str(rng.random()), "b", (), ())


class Collating:
    """Batches of the examples' ids, and all that was collated."""

    def __init__(self) -> None:
        self.examples: list[Example] = []
        self.seeds: list[int] = []

    def __call__(self, examples: Sequence[Example], seeds: Sequence[int], **options: Any) -> Batch:
        self.examples += examples
        self.seeds += seeds
        return replace(small_batch((1,) * len(examples)), ids=tuple(e.id for e in examples))


def stream(collate: Collating, group: Group | None = None, **options: Any) -> tuple[BatchStream, PassageSchedule]:
    config = TrainerConfig(**{"questions": 6, "micro_questions": 4, **options})
    tasks: dict[str, Task] = {key: Drawing(TaskConfig(name="drawing"), key, None) for key in "ab"}  # type: ignore[arg-type]
    sampler = Sampler(SamplerConfig(), dict.fromkeys(tasks, SIZE), seed=3)
    schedule = PassageSchedule(config.stages, config.replay_every)
    made = BatchStream(config, tasks=tasks, sampler=sampler, collate=collate, schedule=schedule, group=group or Group())
    return made, schedule


def ids(batches: Sequence[Batch]) -> list[tuple[str, ...]]:
    return [batch.ids for batch in batches]


@pytest.mark.parametrize("count", [1, 3, 7])
def test_looking_ahead_tells_what_comes_and_changes_nothing(count: int) -> None:
    plain, looking = Collating(), Collating()
    (one, _), (other, _) = stream(plain), stream(looking)
    taken: list[tuple[str, ...]] = []
    foreseen: list[tuple[str, ...]] = []
    for step in range(9):
        batches = other.take(step).batches
        assert ids(batches) == ids(one.take(step).batches)
        taken += ids(batches)
        assert foreseen[: len(batches)] == (ids(batches) if step else [])
        foreseen = ids(other.coming(step + 1, count, stop=9))
        assert len(foreseen) == min(2 * (8 - step), 2 * -(-count // 2))
    assert foreseen == []
    assert looking.examples == plain.examples, "no batch is made twice, and none that does not come"
    assert [len(batch) for batch in taken] == [4, 2] * 9


def test_a_stage_that_ends_early_is_not_foreseen_and_comes_all_the_same() -> None:
    stages = [StageConfig(until_exact=0.5), StageConfig(questions=5, tasks=["b"])]
    (one, first), (other, second) = (stream(Collating(), stages=stages, replay_every=None) for _ in range(2))
    for step in range(6):
        assert ids(other.take(step).batches) == ids(one.take(step).batches)
        foreseen = ids(other.coming(step + 1, 4, stop=None))
        for schedule in (first, second):
            schedule.update(step, exact=1.0, questions=PassageSchedule.memory // 2)
        if step == 1:
            assert second.number == 1
            assert foreseen[:2] != ids(other.coming(step + 1, 4, stop=None))[:2]


def test_ranks_share_the_draws_of_an_update() -> None:
    whole, parts = stream(Collating())[0], [stream(Collating(), Group(rank, 2))[0] for rank in range(2)]
    draws = whole.take(0).draws
    assert [part.take(0).draws for part in parts] == [draws[0::2], draws[1::2]]


def test_what_a_task_draws_says_nothing_about_what_the_collator_draws() -> None:
    collate = Collating()
    made, _ = stream(collate, questions=10)
    for step in range(100):
        made.take(step)
    drawn = [float(example.prompt) for example in collate.examples]
    collated = [random.Random(seed).random() for seed in collate.seeds]
    assert len(drawn) == len(collated) == 1000
    assert abs(correlation(drawn, collated)) < 0.1
