"""Substitution: the answer is replaced within the gold passage, so that only reading finds it."""

import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from glimmer.data.text import plain
from glimmer.data.values import Candidate, Example, Passage, Record
from glimmer.errors import ConfigError
from glimmer.options import option
from glimmer.tasks.base import TASKS, Task, TaskConfig, TaskData, register_task
from glimmer.tasks.drill import SPLIT, TRIES
from glimmer.tasks.fields import subject
from glimmer.tasks.invention import invent_names
from glimmer.tasks.supervised import SupervisedTask


@dataclass(kw_only=True)
class SubstitutionConfig(TaskConfig):
    """Options of substitution."""

    task: str = option("open_qa", "The registered task that poses the questions")
    data: str | None = option(None, "Stem of its files in data.dir; the name of that task when null")
    invented: float = option(
        0.5, "Share of replacements that are invented names; the others are answers of records", least=0, most=1
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A record's answer within a gold passage: the text before, of and after every occurrence."""

    index: int
    gold: Passage
    parts: tuple[str, ...]
    answer: str


@register_task("substitution", SubstitutionConfig)
class Substitution(Task):
    """Answer a training question about a passage in which another answer stands.

    The longest valid answer that the gold passage holds is replaced everywhere in it, by the answer of another
    record of the same relation (``meta.relation``, where there is one) or by invented names. Candidates that give
    the same subject's true answer are dropped; the altered passage has an id of its own, so that no memory store
    takes it for the true one.
    """

    supervised = False
    alters_passages = True
    config: SubstitutionConfig

    def __init__(self, config: SubstitutionConfig, key: str, data: TaskData) -> None:
        super().__init__(config, key, data)
        options = {"data": config.data or config.task}
        if not issubclass(TASKS[config.task].component, SupervisedTask):
            raise ConfigError(f"task substitution: task must be one over records, found {config.task!r}")
        inner = TASKS.build(TASKS.configure(config.task, **options), key, data)
        assert isinstance(inner, SupervisedTask)
        self.inner = inner

    @cached_property
    def places(self) -> list[_Place]:
        """The records whose answer can be replaced."""
        passages = {passage.id: passage for passage in self.data.passages(SPLIT)}
        found = []
        for index, record in enumerate(self._records):
            gold = [passages[i] for i in sorted(record.gold_ids) if i in passages]
            place = next((p for passage in gold if (p := _find(index, record, passage))), None)
            if place is not None:
                found.append(place)
        return found

    @cached_property
    def rivals(self) -> dict[str, list[str]]:
        """Answers by relation."""
        answers: dict[str, list[str]] = defaultdict(list)
        for record in self._records:
            answers[_relation(record)] += record.answers[:1]
        return dict(answers)

    def count(self, split: str) -> int:
        """The number of records whose answer can be replaced."""
        return len(self.places) if split == SPLIT else 0

    def example(self, split: str, index: int, rng: random.Random) -> Example:
        """Replace the answer of the record of place ``index``."""
        place = self.places[index]
        example = self.inner.example(SPLIT, place.index, rng)
        target = self._replacement(place, rng)
        altered = replace(place.gold, id=f"{place.gold.id}#substitution", text=target.join(place.parts))
        candidates = _candidates(example.candidates, place, altered)
        return replace(example, target=target, answers=(target,), candidates=candidates, record=None, evidence=())

    @property
    def _records(self) -> Sequence[Record]:
        return self.inner.records(SPLIT)

    def _replacement(self, place: _Place, rng: random.Random) -> str:
        if rng.random() >= self.config.invented:
            rivals = self.rivals[_relation(self._records[place.index])]
            text = plain(place.gold.text)
            for _ in range(TRIES):
                rival = rng.choice(rivals)
                if plain(rival) not in text:
                    return rival
        return invent_names(rng, max(1, min(4, len(place.answer.split()))))


def _find(index: int, record: Record, passage: Passage) -> _Place | None:
    """The longest answer that stands in the passage, in words of its own; none if question or title tell it."""
    given = plain(f"{record.input} {passage.title}")
    for answer in sorted(record.answers, key=len, reverse=True):
        parts = re.split(rf"(?<!\w){re.escape(answer)}(?!\w)", passage.text, flags=re.IGNORECASE)
        if len(parts) > 1 and plain(answer) not in given:
            return _Place(index, passage, tuple(parts), answer)
    return None


def _candidates(retrieved: Sequence[Candidate], place: _Place, altered: Passage) -> tuple[Candidate, ...]:
    """The candidates with the altered passage in the place of the true one, or first if it was not retrieved."""
    about, answer = subject(place.gold), plain(place.answer)
    kept = []
    for c in retrieved:
        if c.passage.id == place.gold.id:
            kept.append(replace(c, passage=altered))
        elif subject(c.passage) != about or answer not in plain(c.passage.text):
            kept.append(c)
    if all(c.passage is not altered for c in kept):
        best = max((c.score for c in kept), default=0.0)
        kept.insert(0, Candidate(altered, best, True))
    return tuple(kept)


def _relation(record: Record) -> str:
    return str(record.meta.get("relation", ""))
