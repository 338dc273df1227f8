"""What every task says: how a question is posed, what the decoder learns, and how answers are scored."""

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from glimmer.data.tokenizers import Tokenizer
from glimmer.data.values import Candidate, Example, Passage, Record
from glimmer.errors import ConfigError
from glimmer.options import option
from glimmer.registry import ComponentConfig, Registry


class TaskData(Protocol):
    """What a task draws its examples from; given by the data layer."""

    def records(self, task: str, split: str) -> Sequence[Record]:
        """The records of a split."""
        ...

    def file(self, task: str, split: str) -> Path:
        """The file of a split's records, one a line; for messages."""
        ...

    def candidates(self, task: str, split: str) -> Sequence[tuple[Candidate, ...]]:
        """The retrieved candidates of every record of a split, in the records' order."""
        ...

    def passages(self, split: str | None = None) -> Sequence[Passage]:
        """All passages, or only those that belong to a split's documents."""
        ...


@dataclass(kw_only=True)
class TaskConfig(ComponentConfig):
    """Options that every task has."""

    limit: int | None = option(None, "Use only the first so many examples of each split", least=1)


class Task(ABC):
    """A task over one data set; ``key`` is its name in the run's configuration.

    Examples are made on demand from an index and a random generator, so that self-supervised tasks can vary
    them; supervised tasks use the generator only to draw one of several valid targets.
    """

    metrics: tuple[str, ...] = ()
    """Registered metric names; the first is the headline."""
    supervised: bool = True
    """False: made from passages alone; has no evaluation data of its own."""
    alters_passages: bool = False
    """True: its passages are made or changed, so that no memory store holds them."""
    sentinels: int = 0
    """How many of the tokenizer's sentinels its texts may hold."""

    def __init__(self, config: TaskConfig, key: str, data: TaskData) -> None:
        self.config = config
        self.key = key
        self.data = data

    @abstractmethod
    def count(self, split: str) -> int:
        """The number of examples that a split's data gives."""

    @abstractmethod
    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Make example ``index`` of a split; the same index and generator state make the same example."""

    def size(self, split: str) -> int:
        """The number of examples in use: ``count``, or ``limit`` if that is less."""
        count = self.count(split)
        return count if self.config.limit is None else min(count, self.config.limit)

    def answer(self, text: str) -> str:
        """Turn decoded text into the task's form of an answer, for metrics and predictions."""
        return text


def require_sentinels(tasks: Mapping[str, Task], tokenizer: Tokenizer) -> None:
    """Refuse a tokenizer with fewer sentinels than a task's texts hold: it would spell the others out, and say nothing.

    Raises:
        ConfigError: names the task, and how many it takes.
    """
    for key, task in tasks.items():
        if task.sentinels > tokenizer.sentinels:
            raise ConfigError(
                f"tasks.{key} takes {task.sentinels} sentinels, and the tokenizer has {tokenizer.sentinels}; "
                f"train one with tokenizer.sentinels={task.sentinels} or more"
            )


TASKS: Registry[Task] = Registry("task", Task)
register_task = TASKS.register
