"""Self-supervised tasks over the passages of the training split: reading drills for pre-training."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from glimmer.data.values import Candidate, Example, Passage
from glimmer.options import option
from glimmer.tasks.base import Task, TaskConfig

SPLIT = "train"
TRIES = 4
"""Draws for a place among the candidates, before it stays empty."""


@dataclass(kw_only=True)
class DrillConfig(TaskConfig):
    """Options of a reading drill."""

    distractors: int = option(9, "Candidates beside the gold passage, at most", least=0)


@dataclass(kw_only=True)
class EndlessDrillConfig(DrillConfig):
    """Options of a drill that can be made without end."""

    limit: int | None = option(10_000, "Examples an epoch: what the sampler takes for the task's size")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(self.limit is not None, "limit", "a number of examples, since the drill has no end")


class Drill(Task):
    """A self-supervised task; sees nothing but the passages of the training split."""

    supervised = False

    @cached_property
    def passages(self) -> Sequence[Passage]:
        """The passages of the training split."""
        return self.data.passages(SPLIT)

    def drilled(
        self,
        index: int,
        prompt: str,
        target: str,
        gold: Passage,
        distractors: Sequence[Passage] = (),
        evidence: str | None = None,
    ) -> Example:
        """Make an example: the gold passage first, so that a stage of few passages has it.

        All scores are equal, since nothing was retrieved and a score must not give the gold passage away.
        ``evidence`` is the text of the gold passage that shows the target, where it is not the target.
        """
        candidates = (Candidate(gold, 0.0, True), *(Candidate(passage, 0.0, False) for passage in distractors))
        spans = () if evidence is None else (evidence,)
        return Example(f"{self.key}-{index}", self.key, prompt, target, (target,), candidates, evidence=spans)


class EndlessDrill(Drill):
    """A drill whose examples are a function of the generator alone."""

    config: EndlessDrillConfig

    def count(self, split: str) -> int:
        """As many as are asked for, in training."""
        return self.config.limit or 0 if split == SPLIT else 0


def draw_distinct(
    rng: random.Random,
    count: int,
    sources: Sequence[Sequence[int]],
    unfit: Callable[[int], bool],
    taken: Sequence[int],
) -> list[int]:
    """Draw at most ``count`` different rows, from the sources by turns, none of them ``taken`` or ``unfit``."""
    seen = set(taken)
    drawn: list[int] = []
    for turn in range(count):
        source = sources[turn % len(sources)] or sources[-1]
        for _ in range(TRIES):
            row = source[int(rng.random() * len(source))]
            if row not in seen and not unfit(row):
                seen.add(row)
                drawn.append(row)
                break
    return drawn
