"""A schedule for tasks, passages and their length: a reader that learns from nothing starts with few of each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glimmer.errors import CheckpointError, ConfigError
from glimmer.options import Options, option


@dataclass(kw_only=True)
class StageConfig(Options):
    """One stage of training; the last one holds until the end."""

    passages: int | None = option(None, "Candidates a question, at most; the collator's number when null", least=1)
    questions: int | None = option(None, "Questions an update; trainer.questions when null", least=1)
    tasks: list[str] = option([], "Tasks to draw from, in proportion to the sampler's rates; empty = all")
    window: int | None = option(
        None, "Tokens round the target that passages are cut down to; null = the whole passage", least=1
    )
    until_exact: float | None = option(
        None, "Go on when the moving average of teacher-forced exact match passes this", above=0, below=1
    )
    steps: int | None = option(None, "Go on after so many steps in any case", least=1)


class PassageSchedule:
    """Says which stage every step belongs to.

    A stage ends when the moving average of training exact match within it passes ``until_exact``, or after
    ``steps`` of its own. Every ``replay_every``-th step replays the stage before, so that what was learnt with fewer
    passages stays; such steps count for neither.
    """

    memory = 480
    """Questions that the moving average reaches back to; it is trusted after so many. Fewer would pass by luck."""

    def __init__(self, stages: Sequence[StageConfig], replay_every: int | None) -> None:
        if not stages:
            raise ConfigError("trainer.stages is empty; expected at least one stage")
        for number, stage in enumerate(stages[:-1]):
            if stage.until_exact is None and stage.steps is None:
                raise ConfigError(
                    f"trainer.stages[{number}] never ends: give it until_exact or steps (only the last stage may hold)"
                )
        self.stages = tuple(stages)
        self.replay_every = replay_every
        self.number = 0
        self._steps, self._questions = 0, 0
        self._weight = 0.0
        self._average = 0.0

    @property
    def exact(self) -> float:
        """The moving average of exact match within the stage, corrected for its short past; 0 before the first."""
        return self._average / self._weight if self._weight else 0.0

    def replays(self, step: int) -> bool:
        """Whether ``step`` (from 0) replays the stage before."""
        return self.number > 0 and self.replay_every is not None and (step + 1) % self.replay_every == 0

    def stage(self, step: int) -> StageConfig:
        """The stage that ``step`` (from 0) belongs to."""
        return self.stages[self.number - 1 if self.replays(step) else self.number]

    def update(self, step: int, exact: float, questions: int) -> bool:
        """Take in the exact match (0 to 1) of a finished step's questions; return whether a new stage begins."""
        if self.replays(step):
            return False
        self._steps += 1
        self._questions += questions
        past = math.exp(-questions / self.memory)
        self._average = past * self._average + (1 - past) * exact
        self._weight = past * self._weight + (1 - past)
        if self.number + 1 == len(self.stages) or not self._ended():
            return False
        self.number += 1
        self._steps, self._questions, self._weight, self._average = 0, 0, 0.0, 0.0
        return True

    def _ended(self) -> bool:
        stage = self.stages[self.number]
        learnt = stage.until_exact is not None and self._questions >= self.memory and self.exact > stage.until_exact
        return learnt or (stage.steps is not None and self._steps >= stage.steps)

    def state_dict(self) -> dict[str, Any]:
        """The state as plain types."""
        return {
            "number": self.number,
            "steps": self._steps,
            "questions": self._questions,
            "weight": self._weight,
            "average": self._average,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from ``state_dict``.

        Raises:
            CheckpointError: the state is of a schedule with more stages.
        """
        if state["number"] >= len(self.stages):
            raise CheckpointError(
                f"the checkpoint is in stage {state['number']} (from 0); trainer.stages has {len(self.stages)}"
            )
        self.number, self._steps, self._questions = state["number"], state["steps"], state["questions"]
        self._weight, self._average = state["weight"], state["average"]
